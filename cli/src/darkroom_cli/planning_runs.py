"""What `darkroom simulate` does: read the load, simulate, print, plot."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from darkroom_cli.planning_tables import print_whole, table_of
from darkroom_cli.terminal import Terminal
from planning.errors import OptionError
from planning.simulation import arrivals
from planning.simulation.engine import simulate
from planning.simulation.result import PERCENTILES, Result
from planning.simulation.rules import ScaledObject
from planning.simulation.settings import SPREADS, Machines, Service, Settings
from planning.simulation.sweep import parse, sweep


@dataclass(frozen=True)
class Load:
    """When tasks come: as a file says, or by a pattern."""

    pattern: str
    file: Path | None
    tasks: int
    hours: float
    peak: float
    peak_hour: float
    bursts: int
    burst_seconds: float


@dataclass(frozen=True)
class Wish:
    """What the user said; of service, scaling and machines only what was said, by field."""

    load: Load
    service: Mapping[str, Any]
    scaling: Mapping[str, Any]
    machines: Mapping[str, Any]
    seed: int
    sweep: Sequence[str]


def show(wish: Wish, terminal: Terminal, *, plot: Path | None, as_json: bool) -> None:
    """Simulate and print; draw where a file is named.

    Raises:
        OptionError: something that was said is wrong.
    """
    if plot is not None and not plot.resolve().parent.is_dir():
        raise OptionError(f"--plot: {plot.parent} is no folder")
    axes = [parse(text) for text in wish.sweep]
    came = _arrivals(wish.load, np.random.default_rng([wish.seed, 0]))
    settings = _settings(wish, came.horizon)
    started = time.monotonic()
    results: list[tuple[str, Result]] = []
    with terminal.waiting(f"simulating {len(came.times):,} tasks"):
        for named, result in sweep(came, settings, axes) if axes else [("", simulate(came, settings))]:
            results.append((named, result))
    if as_json:
        found = [{"settings": named} | result.as_json() for named, result in results]
        terminal.say(json.dumps(found if axes else found[0], indent=2))
    else:
        terminal.say(came.label)
        print_whole(_table(results), terminal)
    terminal.remark(
        f"simulated in {time.monotonic() - started:.1f} s; times of nodes, pods and models are assumptions"
    )
    if plot is not None:
        from planning.simulation import plot as drawing  # noqa: PLC0415 - matplotlib takes a second to load

        if axes:
            drawing.plot_sweep(results, plot)
        else:
            drawing.plot(results[0][1], plot)
        terminal.remark(f"saved {plot}")


def _arrivals(load: Load, generator: np.random.Generator) -> arrivals.Arrivals:
    if load.file is not None:
        return arrivals.from_file(load.file, generator)
    tasks, hours = load.tasks, load.hours
    if not 0 < hours < float("inf"):
        raise OptionError(f"--hours: {hours:g} has to be more than 0")
    match load.pattern:
        case "constant":
            return arrivals.constant(tasks, hours, generator)
        case "daily":
            return arrivals.daily(tasks, hours, generator, peak=load.peak, peak_hour=load.peak_hour)
        case "burst":
            return arrivals.bursts(tasks, hours, generator, count=load.bursts, seconds=load.burst_seconds)
        case other:
            raise OptionError(f"--pattern: {other!r} is none of constant, daily, burst")


def _settings(wish: Wish, horizon: float) -> Settings:
    if wish.service.get("spread", SPREADS[0]) not in SPREADS:
        raise OptionError(f"--spread: {wish.service['spread']!r} is none of {', '.join(SPREADS)}")
    said = dict(wish.scaling)
    window = said.pop("window", None)
    scaling = replace(ScaledObject(), **said)
    if window is not None:
        scaling = replace(scaling, down=replace(scaling.down, window=window))
    return Settings(
        horizon=horizon,
        scaling=scaling,
        service=Service(**wish.service),
        machines=Machines(**wish.machines),
        seed=wish.seed,
    )


def _table(results: Sequence[tuple[str, Result]]) -> Table:
    """Make a table with a column for each figure; one line a simulation."""
    headings = (
        "p50 s",
        "p95 s",
        "p99 s",
        "longest wait s",
        "pods",
        "started",
        "node h",
        "GPU busy",
        "$",
        "$/1000",
        "undone",
    )
    table = table_of(("settings",) if results[0][0] else (), headings)
    for named, result in results:
        figures = (
            *(f"{result.latency(percent):,.1f}" for percent in PERCENTILES),
            f"{result.oldest:,.0f}",
            f"{result.most_pods:,}",
            f"{result.started_pods:,}",
            f"{result.node_seconds / 3600:,.1f}",
            f"{result.busy:.0%}",
            f"{result.dollars:,.2f}",
            f"{result.dollars_per_thousand:,.3f}",
            f"{result.unfinished:,}",
        )
        table.add_row(*((named,) if named else ()), *figures)
    return table
