"""What Kubernetes tells of runtimes: by the names and labels that the chart gives them."""

import json

from darkroom_cli.operating.doctor.kubernetes import Kubernetes
from darkroom_cli.operating.doctor.scene import Agent, Json, Platform, Workload, condition, name_of

LABEL = "darkroom/runtime"
HEALTH_PORT = "health"
_APPS = "/apis/apps/v1"
_KEDA = "/apis/keda.sh/v1alpha1/scaledobjects"
_HPA = "/apis/autoscaling/v2/horizontalpodautoscalers"
_POOLS = "/apis/karpenter.sh/v1/nodepools"
_CLAIMS = "/apis/karpenter.sh/v1/nodeclaims"
_CLASSES = "/apis/karpenter.k8s.aws/v1/ec2nodeclasses"
_KEEP_EVENTS = 50
_ABOUT = ("Pod", "NodeClaim", "PersistentVolumeClaim", "NodePool")


class ClusterSource:
    """Asks Kubernetes; only reads."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._api = kubernetes

    def platform(self) -> Platform:
        """Return what scales.

        Raises:
            ClusterError: the API does not tell.
        """
        keda = self._api.get(f"{_APPS}/namespaces/keda/deployments/keda-operator")
        karpenter = self._api.get(f"{_APPS}/namespaces/kube-system/deployments/karpenter")
        return Platform(keda, karpenter)

    def workload(self, runtime: str) -> Workload:
        """Return what there is of one runtime.

        Raises:
            ClusterError: the API does not tell.
        """
        mine = f"{LABEL}={runtime}"
        deployments = self._api.items(f"{_APPS}/deployments", labelSelector=mine)
        deployment = deployments[0] if deployments else None
        if deployment is None:
            return Workload(None, None, None, None, None)
        pods = self._api.items("/api/v1/pods", labelSelector=mine)
        claims = self._api.items(_CLAIMS, labelSelector=mine)
        nodes = self._api.items("/api/v1/nodes", labelSelector=mine)
        scaled = _first(self._api.items(_KEDA, labelSelector=mine))
        scaler = ((scaled or {}).get("status") or {}).get("hpaName")
        autoscalers = self._api.items(_HPA) if scaler else ()
        return Workload(
            deployment,
            scaled,
            _first([one for one in autoscalers if name_of(one) == scaler]),
            _first(self._api.items(_POOLS, labelSelector=mine)),
            _first(self._api.items(_CLASSES, labelSelector=mine)),
            pods,
            claims,
            nodes,
            self._events(deployment, {name_of(one) for one in (*pods, *claims)}),
        )

    def agents(self, workload: Workload) -> tuple[Agent, ...]:
        """Return the agents whose pods run: a pod that is not ready is asked why.

        Raises:
            ClusterError: the API does not tell.
        """
        return tuple(
            self._agent(pod)
            for pod in workload.pods
            if (pod.get("status") or {}).get("phase") == "Running" and _port(pod) is not None
        )

    def _agent(self, pod: Json) -> Agent:
        name, where = name_of(pod), (pod.get("metadata") or {}).get("namespace")
        ready = condition(pod, "Ready")
        if ready is not None and ready.status == "True":
            return Agent(name, alive=True, ready=True)
        status, text = self._api.text(f"/api/v1/namespaces/{where}/pods/{name}:{_port(pod)}/proxy/readyz")
        return Agent(name, alive=status in (200, 503), ready=status == 200, reasons=reasons_in(text))

    def _events(self, deployment: Json, names: set[str]) -> tuple[Json, ...]:
        """Return the last events about pods, claims and volumes of a runtime, oldest first."""
        space = (deployment.get("metadata") or {}).get("namespace")
        own = name_of(deployment)
        # Claims belong to no namespace: their events are in `default`.
        places = dict.fromkeys((space, "default"))
        told = [one for place in places for one in self._api.items(f"/api/v1/namespaces/{place}/events")]

        def about(event: Json) -> bool:
            thing = event.get("involvedObject") or {}
            name = str(thing.get("name", ""))
            return thing.get("kind") in _ABOUT and (
                name in names or name.startswith((f"{own}-", f"{space}.{own}"))
            )

        mine = sorted((event for event in told if about(event)), key=_time)
        return tuple(mine[-_KEEP_EVENTS:])


def reasons_in(text: str) -> tuple[str, ...]:
    """Return the reasons in an agent's answer to `/readyz`."""
    try:
        told = json.loads(text)
    except ValueError:
        return ()
    reasons = told.get("reasons") if isinstance(told, dict) else None
    return tuple(str(one) for one in reasons) if isinstance(reasons, list) else ()


def _time(event: Json) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _first(things: tuple[Json, ...] | list[Json]) -> Json | None:
    return things[0] if things else None


def _port(pod: Json) -> int | None:
    """Return the port of the agent's probes."""
    for container in (pod.get("spec") or {}).get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("name") == HEALTH_PORT:
                return int(port["containerPort"])
    return None
