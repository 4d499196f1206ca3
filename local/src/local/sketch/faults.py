"""Scripted misbehaviour: tests plan it, each job takes what is planned for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from local.sketch.errors import BadFaultError


class FaultKind(StrEnum):
    """What can go wrong, each named after what was recorded (facts/runtimes.md)."""

    CUT_CONNECTION = "cut_connection"
    """The TCP connection ends without an answer. sdwebui: in the middle of the run. comfyui: the answer of
    /prompt is lost, the job is queued."""
    HTTP_500 = "http_500"
    """sdwebui: an unhandled exception, the connection closes. comfyui: the bare text page, nothing queued."""
    OOM = "oom"
    """CUDA out of memory: a 500 (sdwebui), an execution_error (comfyui)."""
    CUDA_ERROR = "cuda_error"
    """A poisoned CUDA context, otherwise like `oom`."""
    HANG = "hang"
    """The run stops for `seconds` (default: for ever) and does not heed an interrupt."""
    SLOW = "slow"
    """The run takes `seconds` longer; an interrupt works."""
    INTERRUPTED = "interrupted"
    """Somebody else interrupts the run: 200 with a half-done picture, or execution_interrupted (comfyui)."""
    PARTIAL_OUTPUTS = "partial_outputs"
    """sdwebui: the last picture is missing. comfyui: the run fails after its first output was saved."""
    NO_IMAGES = "no_images"
    """Success with nothing in it."""
    WRONG_MODEL = "wrong_model"
    """sdwebui: 200, made with another model than was asked for. comfyui: 400 value_not_in_list."""
    GARBAGE_JSON = "garbage_json"
    """200 with half of the JSON. sdwebui: the job's answer. comfyui: the first /history answer of the job."""
    SLOW_HEADERS = "slow_headers"
    """The answer's headers come `seconds` late (comfyui: those of /prompt)."""
    RESTART = "restart"
    """The server dies in the middle of the run and is back after `seconds` with nothing in memory."""
    HISTORY_LATE = "history_late"
    """comfyui: the history entry appears `seconds` after execution_success (default 0.5)."""
    DEAF_WEBSOCKET = "deaf_websocket"
    """comfyui: no event of this job reaches any socket."""
    CUT_WEBSOCKET = "cut_websocket"
    """comfyui: all sockets are cut in the middle of the run, which goes on."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted misbehaviour.

    Attributes:
        kind: what goes wrong.
        next: how many jobs it hits.
        after: how many jobs pass unharmed first.
        seconds: how long, where the kind has a duration.
        at: where in the run (0..1), for those that strike in the middle.
    """

    kind: FaultKind
    next: int = 1
    after: int = 0
    seconds: float | None = None
    at: float = 0.5

    @classmethod
    def parse(cls, spec: Mapping[str, Any]) -> "Fault":
        """Read the JSON form, e.g. `{"next": 2, "kind": "oom"}`; raises BadFaultError."""
        unknown = set(spec) - {"kind", "next", "after", "seconds", "at"}
        if unknown:
            raise BadFaultError(f"unknown keys: {', '.join(sorted(unknown))}")
        try:
            seconds = spec.get("seconds")
            return cls(
                kind=FaultKind(spec["kind"]),
                next=int(spec.get("next", 1)),
                after=int(spec.get("after", 0)),
                seconds=None if seconds is None else float(seconds),
                at=float(spec.get("at", 0.5)),
            )
        except (KeyError, TypeError, ValueError) as error:
            known = ", ".join(FaultKind)
            raise BadFaultError(f"bad fault {dict(spec)!r}; kinds: {known}") from error

    def seconds_or(self, default: float) -> float:
        """The duration, or `default` where the script does not say."""
        return default if self.seconds is None else self.seconds


class FaultPlan:
    """The faults that wait for their jobs, first planned first taken."""

    def __init__(self, faults: Iterable[Fault | Mapping[str, Any]] = ()) -> None:
        self._faults: list[Fault] = []
        self.add(*faults)

    def add(self, *faults: Fault | Mapping[str, Any]) -> None:
        """Plan faults, as objects or in their JSON form; raises BadFaultError."""
        self._faults += [f if isinstance(f, Fault) else Fault.parse(f) for f in faults]

    def clear(self) -> None:
        """Forget what has not struck yet."""
        self._faults.clear()

    def take(self) -> Fault | None:
        """The fault of the job that starts now, if one is due."""
        if not self._faults:
            return None
        first = self._faults[0]
        if first.after > 0:
            self._faults[0] = replace(first, after=first.after - 1)
            return None
        if first.next > 1:
            self._faults[0] = replace(first, next=first.next - 1)
        else:
            del self._faults[0]
        return first

    def pending(self) -> list[dict[str, Any]]:
        """What is still planned, as JSON."""
        return [
            {"kind": f.kind, "next": f.next, "after": f.after, "seconds": f.seconds, "at": f.at}
            for f in self._faults
        ]
