"""Pictures of simulations. matplotlib takes a second to load: only who plots imports this module."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from planning.errors import OptionError
from planning.simulation.result import PERCENTILES, Result

_INK, _MUTED, _GRID = "#22272e", "#6b7480", "#e4e7eb"
_BLUE, _ORANGE, _GREEN = "#1f6fb4", "#c2571a", "#2c8a57"
_POINTS = 2000


def plot(result: Result, path: Path) -> None:
    """Draw queue, age, pods, nodes and cost over time, and how the latencies are spread.

    Raises:
        OptionError: the file cannot be written.
    """
    figure = Figure(figsize=(12.5, 9.5), facecolor="white", layout="constrained")
    grid = figure.add_gridspec(1, 2, width_ratios=(2, 1))
    over_time, beside = figure.add_subfigure(grid[0, 0]), figure.add_subfigure(grid[0, 1])
    hours = np.array([sample.at for sample in result.samples]) / 3600
    left: Sequence[Axes] = over_time.subplots(4, 1, sharex=True)
    points = result.samples
    _area(
        left[0],
        hours,
        [point.waiting for point in points],
        title="Tasks that wait",
        unit="tasks",
        colour=_BLUE,
    )
    _area(
        left[1],
        hours,
        [point.age for point in points],
        title="Longest wait of those",
        unit="seconds",
        colour=_ORANGE,
    )
    _fleet(left[2], hours, result)
    spent = [point.dollars for point in points]
    _area(left[3], hours, spent, title="Cost of GPU nodes so far", unit="US dollars", colour=_GREEN)
    left[3].annotate(
        f"{result.dollars:,.2f}",
        (hours[-1], result.dollars),
        (5, 0),
        textcoords="offset points",
        va="center",
        color=_GREEN,
    )
    left[3].set_xlabel("hours from the start", color=_MUTED)
    left[3].set_xlim(0, hours[-1] * 1.17)
    left[3].xaxis.set_major_locator(MaxNLocator(nbins=9, steps=[1, 2, 3, 6, 10]))
    latencies, words = beside.subplots(2, 1)
    _latencies(latencies, result)
    _words(words, result)
    figure.suptitle(result.label, x=0.01, ha="left", fontsize=14, color=_INK)
    _save(figure, path)


def plot_sweep(results: Sequence[tuple[str, Result]], path: Path) -> None:
    """Draw latency, cost and work of several simulations beside each other.

    Raises:
        OptionError: the file cannot be written.
    """
    names = [name for name, _ in results]
    figure = Figure(figsize=(12, 1.8 + 0.42 * len(names)), facecolor="white", layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    at = np.arange(len(names))
    columns = (
        (
            "95 % of tasks done within",
            "seconds",
            _ORANGE,
            [result.latency(95) for _, result in results],
            "{:,.1f}",
        ),
        (
            "Cost of 1,000 tasks (GPU nodes)",
            "US dollars",
            _GREEN,
            [r.dollars_per_thousand for _, r in results],
            "{:,.3f}",
        ),
        (
            "Paid time in which GPUs worked",
            "percent",
            _BLUE,
            [100 * result.busy for _, result in results],
            "{:.0f}",
        ),
    )
    for axes, (title, unit, colour, values, form) in zip(panels, columns, strict=True):
        axes.barh(at, values, height=0.6, color=colour)
        for place, value in zip(at, values, strict=True):
            axes.annotate(
                form.format(value),
                (value, place),
                (4, 0),
                textcoords="offset points",
                va="center",
                color=_INK,
            )
        _dress(axes, title, None)
        axes.set_xlabel(unit, color=_MUTED)
        axes.set_xlim(0, max([*values, 1e-9]) * 1.2)
        axes.xaxis.grid(visible=True, color=_GRID)
        axes.yaxis.grid(visible=False)
    panels[0].set_yticks(at, names)
    panels[0].invert_yaxis()
    figure.suptitle(results[0][1].label, x=0.01, ha="left", fontsize=14, color=_INK)
    _save(figure, path)


def _area(
    axes: Axes, hours: NDArray[np.float64], values: Sequence[float], *, title: str, unit: str, colour: str
) -> None:
    axes.fill_between(hours, values, color=colour, alpha=0.18, linewidth=0)
    axes.plot(hours, values, color=colour, linewidth=1.2)
    _dress(axes, title, unit)


def _fleet(axes: Axes, hours: NDArray[np.float64], result: Result) -> None:
    nodes = [sample.nodes for sample in result.samples]
    axes.fill_between(hours, nodes, step="post", color=_MUTED, alpha=0.3, linewidth=0)
    axes.step(hours, [sample.wanted for sample in result.samples], where="post", color=_ORANGE, linewidth=1.0)
    axes.step(hours, [sample.ready for sample in result.samples], where="post", color=_BLUE, linewidth=1.4)
    for place, (name, colour) in enumerate(
        (("nodes", _MUTED), ("pods wanted", _ORANGE), ("pods ready", _BLUE))
    ):
        axes.text(1.0, 0.88 - 0.17 * place, name, transform=axes.transAxes, ha="right", color=colour)
    _dress(axes, "Pods and nodes", "number")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))


def _latencies(axes: Axes, result: Result) -> None:
    _dress(axes, "Time from arrival to picture", "percent of tasks, done within")
    axes.set_xlabel("seconds (logarithmic)", color=_MUTED)
    axes.set_ylim(0, 104)
    if not result.tasks:
        return
    shares = np.linspace(0, 100, _POINTS)
    values = np.percentile(result.latencies, shares)
    axes.set_xscale("log")
    axes.plot(values, shares, color=_BLUE, linewidth=1.6)
    # The corner that such a curve leaves free: labels beside the points would lie on it, or on each other.
    for place, percent in enumerate(PERCENTILES):
        at = result.latency(percent)
        axes.plot([at], [percent], "o", color=_INK, markersize=4)
        text = f"{percent} % within {at:,.1f} s"
        axes.text(0.98, 0.22 - 0.08 * place, text, transform=axes.transAxes, ha="right", color=_INK)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _words(axes: Axes, result: Result) -> None:
    axes.set_axis_off()
    scaling = result.settings.scaling
    lines = (
        ("queueLength", f"{scaling.queue_length}"),
        ("minReplicaCount to max", f"{scaling.minimum} to {scaling.maximum}"),
        ("cooldownPeriod", f"{scaling.cooldown:g} s"),
        ("scale-down window", f"{scaling.down.window:g} s"),
        ("seconds a task", f"{result.settings.service.seconds:g}"),
        ("", ""),
        ("tasks done", f"{result.tasks:,}"),
        ("left undone", f"{result.unfinished:,}"),
        ("most pods ready", f"{result.most_pods:,}"),
        ("pods started", f"{result.started_pods:,}"),
        ("spot interruptions", f"{result.interruptions:,}"),
        ("node hours", f"{result.node_seconds / 3600:,.1f}"),
        ("GPUs worked", f"{result.busy:.0%} of that"),
        ("cost of 1,000 tasks", f"{result.dollars_per_thousand:,.3f} dollars"),
    )
    for row, (name, value) in enumerate(lines):
        axes.text(0.04, 0.97 - row * 0.068, name, transform=axes.transAxes, color=_MUTED)
        axes.text(0.62, 0.97 - row * 0.068, value, transform=axes.transAxes, color=_INK)


def _dress(axes: Axes, title: str, unit: str | None) -> None:
    axes.set_title(title, loc="left", fontsize=11, color=_INK)
    if unit is not None:
        axes.set_ylabel(unit, color=_MUTED)
    axes.yaxis.grid(visible=True, color=_GRID)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_GRID)
    axes.tick_params(colors=_MUTED)


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    try:
        figure.savefig(path, dpi=110, format="png")
    except OSError as exc:
        raise OptionError(f"--plot: {path} cannot be written: {exc.strerror}") from exc
