"""What a simulation is told, with its defaults. Seconds, unless the name says otherwise."""

from dataclasses import dataclass, field
from typing import Literal

from planning.errors import OptionError
from planning.figures import all_finite, option
from planning.simulation.rules import ScaledObject

type Spread = Literal["lognormal", "exponential", "constant"]
SPREADS: tuple[Spread, ...] = ("lognormal", "exponential", "constant")

#: What an agent may take after SIGTERM to end what runs (the chart's `sd.agentGrace`).
LONGEST_GRACE = 90.0
GRACE_BESIDE_INFERENCE = 30.0


@dataclass(frozen=True, slots=True)
class Service:
    """How long a GPU takes for one task.

    Attributes:
        seconds: mean of the inference alone.
        spread: its distribution.
        variation: coefficient of variation of the lognormal one.
        gpu_busy: share of the time with work waiting in which the GPU works; the rest is between two runs.
    """

    seconds: float = 1.5
    spread: Spread = "lognormal"
    variation: float = 0.2
    gpu_busy: float = 0.995

    def __post_init__(self) -> None:
        all_finite(self, {"seconds": "--seconds-per-image"})
        _positive("--seconds-per-image", self.seconds)
        _positive("--gpu-busy", self.gpu_busy, most=1.0)
        if self.variation < 0:
            raise OptionError(f"--variation: {self.variation:g} is negative")


@dataclass(frozen=True, slots=True)
class Machines:
    """Nodes and pods. None of these times has been measured on a real account: they are assumptions.

    Attributes:
        node_start: from a pod without room to a node that is ready: Karpenter's batching, EC2, boot.
        pod_start: from a node to the runtime's process; the images are on the node's disk.
        model_load: until the runtime answers and the agent takes its first message.
        variation: coefficient of variation of these three.
        keep_empty: how long a node without a pod stays (Karpenter's `consolidateAfter`).
        most_nodes: limit of the NodePool (`resourceLimits`, GPUs).
        interruptions: of spot instances, for each hour of a node.
        price: of a node, dollars an hour.
        grace: of the agent after SIGTERM; what runs longer is given back and starts anew.
    """

    node_start: float = 60.0
    pod_start: float = 10.0
    model_load: float = 30.0
    variation: float = 0.2
    keep_empty: float = 60.0
    most_nodes: int = 100
    interruptions: float = 0.01
    price: float = 0.4968
    grace: float = LONGEST_GRACE

    def __post_init__(self) -> None:
        all_finite(self)
        for name in (
            "node_start",
            "pod_start",
            "model_load",
            "variation",
            "keep_empty",
            "interruptions",
            "price",
        ):
            if getattr(self, name) < 0:
                raise OptionError(f"{option(name)}: {getattr(self, name):g} is negative")
        if self.most_nodes < 1:
            raise OptionError(f"--most-nodes: {self.most_nodes} is less than 1")


@dataclass(frozen=True, slots=True)
class Settings:
    """A whole simulation but its arrivals.

    Attributes:
        horizon: costs and series run at least so long, however soon the work is done.
        seed: the same one gives the same figures.
        prepared: pods that are ready at the start; None: `scaling.minimum`.
        patience: how long after the horizon it goes on while tasks are left.
    """

    horizon: float
    scaling: ScaledObject = field(default_factory=ScaledObject)
    service: Service = field(default_factory=Service)
    machines: Machines = field(default_factory=Machines)
    seed: int = 1
    prepared: int | None = None
    patience: float = 14 * 86_400.0

    def __post_init__(self) -> None:
        _positive("--hours", self.horizon)
        all_finite(self.scaling, {"polling": "pollingInterval", "cooldown": "cooldownPeriod"})
        if self.scaling.queue_length < 1:
            raise OptionError(f"queueLength: {self.scaling.queue_length} is less than 1")
        if not 0 <= self.scaling.minimum <= self.scaling.maximum or self.scaling.maximum < 1:
            raise OptionError(
                f"minReplicaCount {self.scaling.minimum} and maxReplicaCount {self.scaling.maximum}"
                " do not go together"
            )
        if self.machines.most_nodes < self.scaling.minimum:
            raise OptionError(
                f"--most-nodes: {self.machines.most_nodes} have no room for"
                f" minReplicaCount {self.scaling.minimum}"
            )
        _positive("pollingInterval", self.scaling.polling)
        if self.scaling.cooldown < 0 or not 0 <= self.scaling.down.window <= 3600:
            raise OptionError("cooldownPeriod has to be 0 or more, scaleDownStabilizationSeconds 0 to 3600")


def _positive(name: str, value: float, *, most: float = float("inf")) -> None:
    if not 0 < value <= most:
        bound = "" if most == float("inf") else f" and at most {most:g}"
        raise OptionError(f"{name}: {value:g} has to be more than 0{bound}")
