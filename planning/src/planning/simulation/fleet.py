"""Pods and the nodes that they run on: one GPU, one pod, one node."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from planning.simulation.settings import Machines


@dataclass(slots=True, eq=False)
class Node:
    """A GPU node.

    Attributes:
        up: from when on pods can start on it.
        pod: the one that runs on it.
        empty_at: since when it has none.
        doomed: EC2 has said that it takes it away.
    """

    up: float
    pod: "Pod | None" = None
    empty_at: float | None = None
    doomed: bool = False
    ended: bool = False


@dataclass(slots=True, eq=False)
class Pod:
    """A pod of the runtime. `node` is None while nobody has room for it, `ready` until it takes messages."""

    id: int
    node: Node | None = None
    ready: float | None = None
    leaving: bool = False


@dataclass(slots=True)
class Fleet:
    """What is there. `pods` are in the order in which they were made; those that leave are not among them.

    Attributes:
        node_seconds: of all nodes together until `counted_until`: what is paid for.
        unplaced: pods that wait because the NodePool's limit is reached.
    """

    machines: Machines
    generator: np.random.Generator
    pods: dict[int, Pod] = field(default_factory=dict)
    empty: list[Node] = field(default_factory=list)
    unplaced: deque[Pod] = field(default_factory=deque)
    nodes: int = 0
    started_nodes: int = 0
    started_pods: int = 0
    node_seconds: float = 0.0
    counted_until: float = 0.0

    @property
    def ready(self) -> int:
        """Pods that take messages."""
        return sum(1 for pod in self.pods.values() if pod.ready is not None)

    def count(self, now: float) -> float:
        """Return the seconds that all nodes have run until now."""
        self.node_seconds += self.nodes * (now - self.counted_until)
        self.counted_until = now
        return self.node_seconds

    def new_pod(self) -> Pod:
        """Make a pod that has no place yet."""
        self.started_pods += 1
        pod = Pod(self.started_pods)
        self.pods[pod.id] = pod
        return pod

    def place(self, pod: Pod, now: float) -> tuple[Node, float] | None:
        """Give a pod a node: one without a pod, else a new one. Returns it, and when the pod takes messages.

        None where the NodePool's limit is reached: the pod waits in `unplaced`.
        """
        if self.empty:
            node = self.empty.pop()
        elif self.nodes < self.machines.most_nodes:
            node = self._new_node(now, now + self._vary(self.machines.node_start))
        else:
            self.unplaced.append(pod)
            return None
        pod.node, node.pod, node.empty_at = node, pod, None
        ready = max(now, node.up) + self._vary(self.machines.pod_start) + self._vary(self.machines.model_load)
        return node, ready

    def place_ready(self, pod: Pod) -> Node:
        """Give a pod a node on which it has been ready since the start."""
        node = self._new_node(0.0, 0.0)
        pod.node, node.pod, pod.ready = node, pod, 0.0
        return node

    def chosen_to_go(self, count: int) -> list[Pod]:
        """Say which pods a ReplicaSet ends: those without a node, then those not ready, then the youngest."""

        def standing(pod: Pod) -> tuple[bool, bool, float, int]:
            return pod.node is not None, pod.ready is not None, -(pod.ready or 0.0), -pod.id

        return sorted(self.pods.values(), key=standing)[:count]

    def vacate(self, node: Node, now: float) -> None:
        """Note that a node has no pod any more."""
        node.pod, node.empty_at = None, now
        self.empty.append(node)

    def end(self, node: Node, now: float) -> None:
        """End a node."""
        if node.ended:
            return
        self.count(now)
        self.nodes -= 1
        node.ended, node.pod = True, None
        if node in self.empty:
            self.empty.remove(node)

    def spot_life(self) -> float:
        """Draw how long EC2 leaves a node to us."""
        if self.machines.interruptions == 0:
            return float("inf")
        return float(self.generator.exponential(3600.0 / self.machines.interruptions))

    def _new_node(self, now: float, up: float) -> Node:
        self.count(now)
        self.nodes += 1
        self.started_nodes += 1
        return Node(up)

    def _vary(self, mean: float) -> float:
        if mean == 0 or self.machines.variation == 0:
            return mean
        return float(lognormal(self.generator, mean, self.machines.variation, 1)[0])


def lognormal(
    generator: np.random.Generator, mean: float, variation: float, count: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Draw from the lognormal distribution with a mean and a coefficient of variation."""
    sigma_squared = np.log1p(variation**2)
    return generator.lognormal(np.log(mean) - sigma_squared / 2, np.sqrt(sigma_squared), count)
