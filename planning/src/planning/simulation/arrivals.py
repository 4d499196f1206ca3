"""When tasks come: by a pattern, or as a file has it."""

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from planning.errors import OptionError

type Times = NDArray[np.float64]

HOUR = 3600.0
DAY = 24 * HOUR
_GRID = 60.0
#: Most that the top of a day may be above its mean.
SHARPEST = 50.0
#: More would not fit into the memory of a small machine.
MOST_TASKS = 50_000_000


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Times in seconds from the start, in order; `horizon` is how long they were looked at."""

    times: Times
    horizon: float
    label: str


def constant(tasks: int, hours: float, generator: np.random.Generator) -> Arrivals:
    """Tasks come at random, at one rate all the time (a Poisson process with its number given)."""
    times = np.sort(generator.random(_checked(tasks))) * hours * HOUR
    return Arrivals(times, hours * HOUR, f"{tasks:,} tasks at a constant rate over {hours:g} h")


def daily(
    tasks: int, hours: float, generator: np.random.Generator, *, peak: float = 2.0, peak_hour: float = 14.0
) -> Arrivals:
    """The rate goes up and down once a day: a bell around `peak_hour`, as high as `peak` times its mean."""
    if not 1 <= peak <= SHARPEST:
        raise OptionError(f"--peak: {peak:g} times the mean; 1 to {SHARPEST:g} can be simulated")
    if not 0 <= peak_hour < 24:
        raise OptionError(f"--peak-hour: {peak_hour:g} is no hour of the day")
    sharpness = _sharpness(peak)

    def rate(at: Times) -> Times:
        turn = 2 * math.pi * (at / DAY - peak_hour / 24)
        bell: Times = np.exp(sharpness * (np.cos(turn) - 1))
        return bell

    times = _by_rate(rate, _checked(tasks), hours * HOUR, generator)
    label = f"{tasks:,} tasks over {hours:g} h, daily, {peak:g} times the mean at {peak_hour:g} h"
    return Arrivals(times, hours * HOUR, label)


def bursts(
    tasks: int, hours: float, generator: np.random.Generator, *, count: int = 4, seconds: float = 60.0
) -> Arrivals:
    """All tasks come in some bursts that are evenly spread; the first one after half a gap."""
    horizon = hours * HOUR
    gap = horizon / max(1, count)
    if count < 1 or not 0 < seconds <= gap / 2:
        raise OptionError(
            "--bursts and --burst-seconds: at least one, which is over before half a gap to the next"
        )
    starts = gap * (np.arange(count) + 0.5)
    which = np.sort(generator.integers(0, count, _checked(tasks)))
    times = np.sort(starts[which] + generator.random(tasks) * seconds)
    return Arrivals(times, horizon, f"{tasks:,} tasks in {count} bursts of {seconds:g} s over {hours:g} h")


def from_file(path: Path, generator: np.random.Generator) -> Arrivals:
    """Read a CSV file with a header line.

    `time`: one task a line, in seconds or as ISO 8601. `time,rate`: from that time on so many tasks a second,
    until the time of the next line; the last line ends it.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise OptionError(f"{path}: cannot be read: {exc}") from exc
    columns = [name.strip().lower() for name in rows[0]] if rows else []
    if columns not in (["time"], ["time", "rate"]):
        raise OptionError(f"{path}: the first line has to be `time` or `time,rate`")
    parsed = [_row(path, number, row, len(columns)) for number, row in enumerate(rows[1:], start=2)]
    if not parsed:
        raise OptionError(f"{path}: no line after the first")
    at = np.array([row[0] for row in parsed])
    at -= at.min()
    if columns == ["time"]:
        times = np.sort(at)
        return Arrivals(times, max(float(times[-1]), 1.0), f"{len(times):,} tasks of {path.name}")
    return _of_rates(path, at, np.array([row[1] for row in parsed]), generator)


def _of_rates(path: Path, at: Times, rates: Times, generator: np.random.Generator) -> Arrivals:
    if len(at) < 2 or np.any(np.diff(at) <= 0):
        raise OptionError(f"{path}: rates need two lines or more, each later than the one before")
    if np.any(rates < 0):
        raise OptionError(f"{path}: a rate is negative")
    expected = np.concatenate([[0.0], np.cumsum(rates[:-1] * np.diff(at))])
    tasks = _checked(round(float(expected[-1])), name=str(path))
    times = np.interp(np.sort(generator.random(tasks)) * expected[-1], expected, at)
    return Arrivals(times, float(at[-1]), f"{tasks:,} tasks at the rates of {path.name}")


def _row(path: Path, number: int, row: Sequence[str], columns: int) -> list[float]:
    if len(row) != columns:
        raise OptionError(f"{path}, line {number}: {columns} value(s) expected, not {len(row)}")
    try:
        values = [_time(row[0].strip()), *(float(value) for value in row[1:])]
    except ValueError:
        values = [math.nan]
    if not all(math.isfinite(value) for value in values):
        raise OptionError(
            f"{path}, line {number}: {', '.join(row)!r} is not a time in seconds or ISO 8601, or a number"
        )
    return values


def _time(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text).timestamp()


def _by_rate(
    rate: Callable[[Times], Times], tasks: int, horizon: float, generator: np.random.Generator
) -> Times:
    """Place so many tasks by a rate: their order statistics under its integral."""
    grid = np.linspace(0.0, horizon, max(2, math.ceil(horizon / _GRID) + 1))
    rates = rate(grid)
    until = np.concatenate([[0.0], np.cumsum((rates[1:] + rates[:-1]) / 2)])
    placed: Times = np.interp(np.sort(generator.random(tasks)) * until[-1], until, grid)
    return placed


def _sharpness(peak: float) -> float:
    """How sharp a bell exp(k cos) has to be to have its top at so many times its mean."""
    low, high = 0.0, 500.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if math.exp(middle) / float(np.i0(middle)) < peak else (low, middle)
    return (low + high) / 2


def _checked(tasks: int, *, name: str = "--tasks") -> int:
    if not 1 <= tasks <= MOST_TASKS:
        raise OptionError(f"{name}: {tasks:,} tasks; 1 to {MOST_TASKS:,} can be simulated")
    return tasks
