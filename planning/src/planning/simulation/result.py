"""What came out of a simulation, and what is said of it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planning.simulation.settings import Settings

PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Sample:
    """One point of the series.

    Attributes:
        waiting: most tasks that waited at a time since the point before, as KEDA and the HPA saw it.
        age: longest that one of them had waited then.
        wanted: pods as KEDA and the HPA want them.
        ready: pods that take tasks.
        dollars: what all nodes have cost until now.
    """

    at: float
    waiting: int
    age: float
    wanted: int
    ready: int
    nodes: int
    dollars: float


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A simulation that has ended.

    Attributes:
        waits: seconds from arrival to start, of each task that was done.
        latencies: seconds from arrival to the end of its inference.
        busy_seconds: in which GPUs worked on what was done.
        unfinished: tasks that were left when patience ended.
        node_seconds: of all nodes together.
        given_back: runs that a node's end cut off and that began anew.
    """

    settings: Settings
    label: str
    waits: NDArray[np.float64] = field(repr=False)
    latencies: NDArray[np.float64] = field(repr=False)
    busy_seconds: float
    unfinished: int
    ended: float
    node_seconds: float
    started_nodes: int
    started_pods: int
    interruptions: int
    given_back: int
    longest_queue: int
    samples: tuple[Sample, ...] = field(repr=False)

    @property
    def tasks(self) -> int:
        """Tasks that were done."""
        return len(self.latencies)

    @property
    def dollars(self) -> float:
        """What the GPU nodes cost."""
        return self.node_seconds / 3600 * self.settings.machines.price

    @property
    def dollars_per_thousand(self) -> float:
        """The same for a thousand tasks."""
        return self.dollars / max(1, self.tasks) * 1000

    @property
    def busy(self) -> float:
        """Share of the paid time in which GPUs worked."""
        return self.busy_seconds / self.node_seconds if self.node_seconds else 0.0

    def latency(self, percent: float) -> float:
        """Seconds from arrival to the picture, that so many percent of the tasks took at most."""
        return float(np.percentile(self.latencies, percent)) if self.tasks else float("nan")

    @property
    def oldest(self) -> float:
        """Longest wait of a task, in seconds."""
        return float(self.waits.max()) if self.tasks else 0.0

    @property
    def most_pods(self) -> int:
        """Most pods that took tasks at a time, as the series has it."""
        return max(sample.ready for sample in self.samples)

    @property
    def most_nodes(self) -> int:
        """Most nodes at a time, as the series has it."""
        return max(sample.nodes for sample in self.samples)

    def as_json(self) -> dict[str, Any]:
        """Return all figures but the series, by names with their units."""
        return {
            "arrivals": self.label,
            "tasks": self.tasks,
            "unfinished": self.unfinished,
            "hours": round(self.ended / 3600, 3),
            "latency_seconds": {f"p{percent}": _rounded(self.latency(percent)) for percent in PERCENTILES},
            "longest_wait_seconds": _rounded(self.oldest),
            "longest_queue": self.longest_queue,
            "most_pods": self.most_pods,
            "most_nodes": self.most_nodes,
            "pods_started": self.started_pods,
            "nodes_started": self.started_nodes,
            "interruptions": self.interruptions,
            "given_back": self.given_back,
            "node_hours": round(self.node_seconds / 3600, 3),
            "gpu_busy_share": round(self.busy, 4),
            "dollars": round(self.dollars, 2),
            "dollars_per_1000": round(self.dollars_per_thousand, 4),
        }


def _rounded(seconds: float) -> float | None:
    return None if np.isnan(seconds) else round(seconds, 2)
