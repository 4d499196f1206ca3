"""The options of `cost` and `simulate`. Their defaults stand in `planning`: None is "not said"."""

from pathlib import Path
from typing import Annotated

import typer

# Plain names: Typer sees nothing of what stands behind a `type` statement.
Whole = int | None
Number = float | None

LOAD = "Load"
GPU = "GPU"
SCALING = "Scaling, as in the chart's runtime.scaling"
MACHINES = "Nodes and pods (assumptions)"
SHOWN = "Output"
REST = "The rest"
RECORDS = "Real tasks"

SecondsPerImage = Annotated[
    Number, typer.Option(help="GPU seconds of one image. Default: 1.5.", rich_help_panel=GPU)
]
GpuBusy = Annotated[
    Number,
    typer.Option(
        metavar="SHARE",
        help="Measured share of the time with work waiting in which a GPU works, as bench.gpu_busy tells it."
        " Default: 0.995.",
        rich_help_panel=GPU,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.", rich_help_panel=SHOWN)]

Images = Annotated[Whole, typer.Option(help="Images a month. Default: 1000000.", rich_help_panel=LOAD)]
Instance = Annotated[
    str | None, typer.Option(metavar="TYPE", help="GPU instances. Default: g5.2xlarge.", rich_help_panel=GPU)
]
SpotPrice = Annotated[
    Number,
    typer.Option(
        metavar="USD",
        help="Dollars an hour, spot. Default: the price file's, else half the list price.",
        rich_help_panel=GPU,
    ),
]
OnDemand = Annotated[bool, typer.Option("--on-demand", help="At the list price.", rich_help_panel=GPU)]
GpuHours = Annotated[
    Number,
    typer.Option(
        metavar="HOURS",
        help="All that GPU nodes run in the month, as simulate tells it: instead of what is below.",
        rich_help_panel=GPU,
    ),
]
PodsStarted = Annotated[
    Whole, typer.Option(help="Pods that start in the month. Default: 300.", rich_help_panel=GPU)
]
StartSeconds = Annotated[
    Number, typer.Option(help="Node, pod and model of one start. Default: 100.", rich_help_panel=GPU)
]
TailSeconds = Annotated[
    Number,
    typer.Option(
        help="How long a node stays idle: scale-down window and consolidateAfter. Default: 960.",
        rich_help_panel=GPU,
    ),
]
SystemInstance = Annotated[
    str | None, typer.Option(metavar="TYPE", help="System nodes. Default: m7g.large.", rich_help_panel=REST)
]
SystemNodes = Annotated[Whole, typer.Option(help="How many. Default: 2.", rich_help_panel=REST)]
NatGateways = Annotated[Whole, typer.Option(help="NAT gateways. Default: 3.", rich_help_panel=REST)]
RuntimesCount = Annotated[
    Whole, typer.Option("--runtimes", help="Runtimes of the deployment. Default: 1.", rich_help_panel=REST)
]
ImageKib = Annotated[Number, typer.Option(help="KiB of one image. Default: 150.", rich_help_panel=REST)]
StatusPerImage = Annotated[
    Number, typer.Option(help="Status calls for each image. Default: 1.", rich_help_panel=REST)
]
WebhooksPerImage = Annotated[
    Number, typer.Option(help="Share of images told by webhook. Default: 0.", rich_help_panel=REST)
]
Traced = Annotated[Number, typer.Option(help="Share that is traced. Default: 1.", rich_help_panel=REST)]
Downloaded = Annotated[
    Number, typer.Option(help="Share that goes out to the internet. Default: 0.", rich_help_panel=REST)
]
PriceFile = Annotated[
    Path | None,
    typer.Option(
        "--prices", metavar="FILE", help="Prices of yours, in the form of prices.json.", rich_help_panel=REST
    ),
]
Guide = Annotated[
    bool,
    typer.Option(
        "--guide",
        help="The public guide's own inputs and rows beside its figures, and its slips.",
        rich_help_panel=SHOWN,
    ),
]
Explain = Annotated[
    bool, typer.Option("--explain", help="Show the formula of each line.", rich_help_panel=SHOWN)
]
Actual = Annotated[
    bool,
    typer.Option(
        "--actual",
        help="Count real tasks instead: of the system that is up, or of a stack.",
        rich_help_panel=RECORDS,
    ),
]
StackName = Annotated[
    str | None,
    typer.Option(
        "--stack-name", "-n", metavar="NAME", help="A dispatch stack in AWS.", rich_help_panel=RECORDS
    ),
]
Region = Annotated[
    str | None, typer.Option("--region", "-R", help="The stack's region.", rich_help_panel=RECORDS)
]
Runtimes = Annotated[
    list[str] | None,
    typer.Option(
        "--runtime",
        metavar="NAME",
        help="Whose tasks; a stack needs it. Repeatable.",
        rich_help_panel=RECORDS,
    ),
]
Days = Annotated[int, typer.Option(min=1, max=45, help="How far back.", rich_help_panel=RECORDS)]
SampleSize = Annotated[
    int,
    typer.Option(
        "--sample", min=1, help="Outputs that are read for their GPU seconds.", rich_help_panel=RECORDS
    ),
]

Pattern = Annotated[
    str,
    typer.Option(
        help="constant, daily or burst.",
        autocompletion=lambda: ["constant", "daily", "burst"],
        rich_help_panel=LOAD,
    ),
]
File = Annotated[
    Path | None,
    typer.Option(
        "--file", metavar="CSV", help="Instead: `time` of each task, or `time,rate`.", rich_help_panel=LOAD
    ),
]
Tasks = Annotated[int, typer.Option(min=1, help="How many in all.", rich_help_panel=LOAD)]
Hours = Annotated[float, typer.Option(help="How long.", rich_help_panel=LOAD)]
Peak = Annotated[float, typer.Option(help="(daily) The top of the day, in means.", rich_help_panel=LOAD)]
PeakHour = Annotated[float, typer.Option(help="(daily) When that is.", rich_help_panel=LOAD)]
Bursts = Annotated[int, typer.Option(help="(burst) How many.", rich_help_panel=LOAD)]
BurstSeconds = Annotated[float, typer.Option(help="(burst) How long each lasts.", rich_help_panel=LOAD)]
Spread = Annotated[
    str | None,
    typer.Option(
        help="lognormal, exponential or constant times of tasks. Default: lognormal.",
        autocompletion=lambda: ["lognormal", "exponential", "constant"],
        rich_help_panel=GPU,
    ),
]
Variation = Annotated[
    Number, typer.Option(help="Their coefficient of variation. Default: 0.2.", rich_help_panel=GPU)
]
QueueLength = Annotated[
    Whole, typer.Option(help="Messages for each pod. Default: 10.", rich_help_panel=SCALING)
]
MinReplicas = Annotated[
    Whole, typer.Option("--min-replica-count", help="Fewest pods. Default: 0.", rich_help_panel=SCALING)
]
MaxReplicas = Annotated[
    Whole, typer.Option("--max-replica-count", help="Most pods. Default: 20.", rich_help_panel=SCALING)
]
Cooldown = Annotated[
    Number,
    typer.Option(
        "--cooldown-period",
        help="Seconds without a message until none is left. Default: 60.",
        rich_help_panel=SCALING,
    ),
]
Polling = Annotated[
    Number,
    typer.Option(
        "--polling-interval", help="Seconds between KEDA's looks. Default: 5.", rich_help_panel=SCALING
    ),
]
Window = Annotated[
    Number,
    typer.Option(
        "--scale-down-seconds",
        help="scaleDownStabilizationSeconds: by default the longest inference limit. Default: 900.",
        rich_help_panel=SCALING,
    ),
]
InFlight = Annotated[
    bool | None,
    typer.Option(
        "--scale-on-in-flight/--no-scale-on-in-flight",
        help="Whether messages in hand count. Default: they do.",
        rich_help_panel=SCALING,
    ),
]
NodeStart = Annotated[
    Number, typer.Option(help="Seconds until a new node is ready. Default: 60.", rich_help_panel=MACHINES)
]
PodStart = Annotated[
    Number,
    typer.Option(help="Seconds until the runtime's process runs. Default: 10.", rich_help_panel=MACHINES),
]
ModelLoad = Annotated[
    Number, typer.Option(help="Seconds until the model is loaded. Default: 30.", rich_help_panel=MACHINES)
]
KeepEmpty = Annotated[
    Number, typer.Option(help="Karpenter's consolidateAfter. Default: 60.", rich_help_panel=MACHINES)
]
MostNodes = Annotated[
    Whole, typer.Option(help="The NodePool's limit of GPUs. Default: 100.", rich_help_panel=MACHINES)
]
Interruptions = Annotated[
    Number,
    typer.Option(
        help="Of spot, for each hour of a node; 0 on demand. Default: 0.01.", rich_help_panel=MACHINES
    ),
]
Price = Annotated[
    Number, typer.Option(metavar="USD", help="Of a node, an hour. Default: 0.4968.", rich_help_panel=MACHINES)
]
Seed = Annotated[int, typer.Option(min=0, help="The same one gives the same figures.", rich_help_panel=SHOWN)]
Sweep = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=V,V,...",
        help="Compare settings, as queueLength=1,2,5,10; with several, all combinations.",
        rich_help_panel=SHOWN,
    ),
]
Plot = Annotated[
    Path | None, typer.Option("--plot", "-o", metavar="PNG", help="Draw it, too.", rich_help_panel=SHOWN)
]
