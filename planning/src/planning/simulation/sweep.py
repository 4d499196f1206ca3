"""Several simulations of the same arrivals with other settings, to compare them."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from planning.errors import OptionError
from planning.simulation.arrivals import Arrivals
from planning.simulation.engine import simulate
from planning.simulation.result import Result
from planning.simulation.settings import Settings

#: Simulations that one sweep may ask for.
MOST_RUNS = 60

type _Change = Callable[[Settings, float], Settings]


def _scaling(field: str, kind: type[int] | type[float] = int) -> _Change:
    def change(settings: Settings, value: float) -> Settings:
        changed: dict[str, Any] = {field: kind(value)}
        return replace(settings, scaling=replace(settings.scaling, **changed))

    return change


def _machines(field: str) -> _Change:
    def change(settings: Settings, value: float) -> Settings:
        changed: dict[str, Any] = {field: value}
        return replace(settings, machines=replace(settings.machines, **changed))

    return change


def _window(settings: Settings, value: float) -> Settings:
    scaling = settings.scaling
    return replace(settings, scaling=replace(scaling, down=replace(scaling.down, window=value)))


def _seconds(settings: Settings, value: float) -> Settings:
    return replace(settings, service=replace(settings.service, seconds=value))


_WHOLE = ("queueLength", "minReplicaCount", "maxReplicaCount")
KEYS: Mapping[str, _Change] = {
    "queueLength": _scaling("queue_length"),
    "minReplicaCount": _scaling("minimum"),
    "maxReplicaCount": _scaling("maximum"),
    "cooldownPeriod": _scaling("cooldown", float),
    "pollingInterval": _scaling("polling", float),
    "scaleDownStabilizationSeconds": _window,
    "secondsPerImage": _seconds,
    "nodeStart": _machines("node_start"),
    "modelLoad": _machines("model_load"),
    "interruptions": _machines("interruptions"),
}


@dataclass(frozen=True, slots=True)
class Axis:
    """One key and the values that it takes in turn."""

    key: str
    values: tuple[float, ...]


def parse(text: str) -> Axis:
    """Read `queueLength=1,2,5,10`.

    Raises:
        OptionError: it is none; the message names the keys that there are.
    """
    key, separator, values = text.partition("=")
    if key not in KEYS or not separator:
        raise OptionError(f"--sweep: {text!r} is not KEY=VALUE,VALUE,... with a key of {', '.join(KEYS)}")
    try:
        parsed = tuple(float(value) for value in values.split(","))
    except ValueError:
        raise OptionError(f"--sweep: {values!r} has to be numbers with commas between them") from None
    if not all(math.isfinite(value) for value in parsed):
        raise OptionError(f"--sweep: {values!r} has to be numbers with commas between them")
    if key in _WHOLE and any(value != int(value) for value in parsed):
        raise OptionError(f"--sweep: {key} takes whole numbers")
    return Axis(key, parsed)


def sweep(arrivals: Arrivals, settings: Settings, axes: Sequence[Axis]) -> Iterator[tuple[str, Result]]:
    """Simulate every combination; yields its name, as `queueLength=1 minReplicaCount=2`, and the result.

    Raises:
        OptionError: too many combinations, or settings that do not go together; nothing is simulated then.
    """
    if len({axis.key for axis in axes}) < len(axes):
        raise OptionError("--sweep: a key may be given once")
    combinations = list(itertools.product(*(axis.values for axis in axes)))
    if len(combinations) > MOST_RUNS:
        raise OptionError(f"--sweep: {len(combinations)} combinations; {MOST_RUNS} at most")
    runs = []
    for values in combinations:
        changed = settings
        for axis, value in zip(axes, values, strict=True):
            changed = KEYS[axis.key](changed, value)
        named = " ".join(f"{axis.key}={value:g}" for axis, value in zip(axes, values, strict=True))
        runs.append((named, changed))
    return ((named, simulate(arrivals, changed)) for named, changed in runs)
