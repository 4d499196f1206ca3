"""`cost` and `simulate`: a deployment worked out on paper."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from darkroom_cli import planning_arguments as arguments
from darkroom_cli.errors import BadRequestOptionError, CliError
from darkroom_cli.failures import explained
from darkroom_cli.invocation import EXITS, Invocation

PANEL = "Planning"


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(epilog=EXITS, rich_help_panel=PANEL)(cost)
    app.command(epilog=EXITS, rich_help_panel=PANEL)(simulate)


def cost(
    context: typer.Context,
    *,
    images: arguments.Images = None,
    seconds_per_image: arguments.SecondsPerImage = None,
    instance: arguments.Instance = None,
    spot_price: arguments.SpotPrice = None,
    on_demand: arguments.OnDemand = False,
    gpu_busy: arguments.GpuBusy = None,
    pods_started: arguments.PodsStarted = None,
    start_seconds: arguments.StartSeconds = None,
    tail_seconds: arguments.TailSeconds = None,
    gpu_hours: arguments.GpuHours = None,
    system_instance: arguments.SystemInstance = None,
    system_nodes: arguments.SystemNodes = None,
    nat_gateways: arguments.NatGateways = None,
    runtimes: arguments.RuntimesCount = None,
    image_kib: arguments.ImageKib = None,
    status_per_image: arguments.StatusPerImage = None,
    webhooks_per_image: arguments.WebhooksPerImage = None,
    traced: arguments.Traced = None,
    downloaded: arguments.Downloaded = None,
    prices: arguments.PriceFile = None,
    guide: arguments.Guide = False,
    explain: arguments.Explain = False,
    as_json: arguments.AsJson = False,
    actual: arguments.Actual = False,
    stack_name: arguments.StackName = None,
    region: arguments.Region = None,
    runtime: arguments.Runtimes = None,
    days: arguments.Days = 30,
    sample: arguments.SampleSize = 1000,
) -> None:
    """Work out what a month costs: the public guide's table, and what it leaves out.

    From a dated price file, which is no offer of AWS: look prices up before you rely on them. Examples:

    ./darkroom cost --guide

    ./darkroom cost --images 1000000 --seconds-per-image 1.5 --instance g5.2xlarge --explain

    ./darkroom cost --actual --days 7 --instance g5.xlarge --on-demand
    """
    said = _said(
        images=images, seconds_per_image=seconds_per_image, instance=instance, spot_price=spot_price,
        on_demand=on_demand or None, gpu_busy=gpu_busy, gpu_hours=gpu_hours,
        pods_started=pods_started, start_seconds=start_seconds, tail_seconds=tail_seconds,
        system_instance=system_instance, system_nodes=system_nodes,
        nat_gateways=nat_gateways, runtimes=runtimes,
        image_kib=image_kib, status_per_image=status_per_image,
        webhooks_per_image=webhooks_per_image, traced=traced, downloaded=downloaded,
    )  # fmt: skip
    with _planned(context.obj) as call:
        from darkroom_cli import planning_costs as costs  # noqa: PLC0415 - loading it takes long, and --help does not need it

        records = costs.Records(stack_name, region, tuple(runtime or ()), days, sample) if actual else None
        if records is None and (stack_name or region or runtime):
            raise BadRequestOptionError("--stack-name, --region and --runtime go with --actual")
        costs.show(said, prices, call, records=records, guide=guide, explain=explain, as_json=as_json)


def simulate(
    context: typer.Context,
    *,
    pattern: arguments.Pattern = "daily",
    file: arguments.File = None,
    tasks: arguments.Tasks = 100_000,
    hours: arguments.Hours = 24.0,
    peak: arguments.Peak = 2.0,
    peak_hour: arguments.PeakHour = 14.0,
    bursts: arguments.Bursts = 4,
    burst_seconds: arguments.BurstSeconds = 60.0,
    seconds_per_image: arguments.SecondsPerImage = None,
    spread: arguments.Spread = None,
    variation: arguments.Variation = None,
    gpu_busy: arguments.GpuBusy = None,
    queue_length: arguments.QueueLength = None,
    minimum: arguments.MinReplicas = None,
    maximum: arguments.MaxReplicas = None,
    cooldown: arguments.Cooldown = None,
    polling: arguments.Polling = None,
    window: arguments.Window = None,
    count_in_flight: arguments.InFlight = None,
    node_start: arguments.NodeStart = None,
    pod_start: arguments.PodStart = None,
    model_load: arguments.ModelLoad = None,
    keep_empty: arguments.KeepEmpty = None,
    most_nodes: arguments.MostNodes = None,
    interruptions: arguments.Interruptions = None,
    price: arguments.Price = None,
    seed: arguments.Seed = 1,
    sweep: arguments.Sweep = None,
    plot: arguments.Plot = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Replay arrivals through KEDA's and the HPA's rules, with nodes, pods, models and spot interruptions.

    Tells latencies, pods, nodes and cost of one runtime, to choose its scaling by. Examples:

    ./darkroom simulate --tasks 100000 --queue-length 5 --plot day.png

    ./darkroom simulate --pattern burst --tasks 4000 --sweep queueLength=1,2,5,10 --sweep minReplicaCount=0,2

    ./darkroom simulate --file arrivals.csv --seconds-per-image 8 --max-replica-count 40
    """
    service = _said(seconds=seconds_per_image, spread=spread, variation=variation, gpu_busy=gpu_busy)
    scaling = _said(
        queue_length=queue_length, minimum=minimum, maximum=maximum, cooldown=cooldown, polling=polling,
        window=window, count_in_flight=count_in_flight,
    )  # fmt: skip
    machines = _said(
        node_start=node_start, pod_start=pod_start, model_load=model_load, keep_empty=keep_empty,
        most_nodes=most_nodes, interruptions=interruptions, price=price,
    )  # fmt: skip
    with _planned(context.obj) as call:
        from darkroom_cli import planning_runs as runs  # noqa: PLC0415 - loading it takes long, and --help does not need it

        load = runs.Load(pattern, file, tasks, hours, peak, peak_hour, bursts, burst_seconds)
        wish = runs.Wish(load, service, scaling, machines, seed, tuple(sweep or ()))
        runs.show(wish, call.terminal, plot=plot, as_json=as_json)


@contextmanager
def _planned(call: Invocation) -> Iterator[Invocation]:
    """Give the invocation, and explain what ends the command; errors of `planning` are the command's."""
    with explained(call.terminal, call.home, verbose=call.verbose):
        from planning.errors import USAGE, PlanningError  # noqa: PLC0415 - --help does not need it

        try:
            yield call
        except PlanningError as exc:
            raise (BadRequestOptionError if exc.exit_code == USAGE else CliError)(str(exc)) from exc


def _said(**options: Any) -> dict[str, Any]:
    """Leave out what was not said: its default is `planning`'s."""
    return {name: value for name, value in options.items() if value is not None}
