"""What a cost estimate is told, and the lines that it is made of."""

from dataclasses import dataclass
from enum import StrEnum

from planning.errors import OptionError
from planning.figures import all_finite, option

#: Hours of a month, as the public guide counts.
MONTH = 720.0
KIB = 1024.0
GIB = KIB**3


class Group(StrEnum):
    """Parts of an estimate: the guide's two tables, and what they leave out."""

    IMAGES = "by the image, as the guide counts"
    FIXED = "each month, as the guide counts"
    GPU = "GPU time that is no image"
    OMITTED = "what the guide leaves out"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `quantity` times `price` are its `dollars`; `formula` says where the quantity comes from."""

    group: Group
    service: str
    dimension: str
    quantity: float
    unit: str
    price: float
    formula: str

    @property
    def dollars(self) -> float:
        """What it costs a month."""
        return self.quantity * self.price

    def explained(self) -> str:
        """Return the whole calculation."""
        return f"{self.formula} = {self.quantity:,.6g} x {self.price:.10g} = {self.dollars:,.4f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A month. The defaults of what the guide knows are the guide's.

    Attributes:
        spot_price: dollars an hour of the GPU instance; None: the price file's, else an assumption.
        on_demand: GPUs are not spot instances.
        gpu_busy: measured share of the time with work waiting in which a GPU works (`bench.gpu_busy`).
        gpu_hours: all that GPU nodes run, idle and starting included, as `simulate` tells: they take the
            place of `gpu_busy`, `pods_started`, `start_seconds` and `tail_seconds`.
        pods_started: pods that start in the month; each pays its start, and its idle tail.
        start_seconds: node, pod, model.
        tail_seconds: how long its node stays after the last task: scale-down window, and `consolidateAfter`.
        guide_only: neither GPU time beside images nor what the guide leaves out.
    """

    images: int = 1_000_000
    seconds_per_image: float = 1.5
    instance: str = "g5.2xlarge"
    spot_price: float | None = None
    on_demand: bool = False
    system_instance: str = "m7g.large"
    system_nodes: int = 2
    request_kib: float = 8.0
    image_kib: float = 150.0
    gpu_busy: float = 0.995
    gpu_hours: float | None = None
    pods_started: int = 300
    start_seconds: float = 100.0
    tail_seconds: float = 960.0
    nat_gateways: int = 3
    runtimes: int = 1
    status_per_image: float = 1.0
    webhooks_per_image: float = 0.0
    traced: float = 1.0
    downloaded: float = 0.0
    guide_only: bool = False

    def __post_init__(self) -> None:
        all_finite(self)
        for name in (
            "images",
            "seconds_per_image",
            "system_nodes",
            "image_kib",
            "request_kib",
            "gpu_busy",
            "runtimes",
        ):
            if getattr(self, name) <= 0:
                raise OptionError(f"{option(name)}: {getattr(self, name):g} has to be more than 0")
        for name in ("nat_gateways", "pods_started", "start_seconds", "tail_seconds", "status_per_image"):
            if getattr(self, name) < 0:
                raise OptionError(f"{option(name)}: {getattr(self, name):g} is negative")
        for name in ("gpu_busy", "traced", "downloaded", "webhooks_per_image"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"{option(name)}: {getattr(self, name):g} is not between 0 and 1")
        if self.gpu_hours is not None and self.gpu_hours < self.inference_hours:
            raise OptionError(
                f"--gpu-hours: {self.gpu_hours:g} is less than the {self.inference_hours:.2f} h that the"
                " images themselves take"
            )
        if self.spot_price is not None and self.spot_price < 0:
            raise OptionError(f"--spot-price: {self.spot_price:g} is negative")
        if self.spot_price is not None and self.on_demand:
            raise OptionError("--spot-price and --on-demand do not go together")

    @property
    def inference_hours(self) -> float:
        """GPU hours of the images themselves."""
        return self.images * self.seconds_per_image / 3600
