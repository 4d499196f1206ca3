"""The scaling of one runtime on paper: KEDA's and the HPA's rules over a model of nodes, pods and tasks."""
