"""What the system tells whoever started it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How an event is meant."""

    STEP = "step"
    NOTE = "note"
    WARNING = "warning"


@dataclass(frozen=True)
class Event:
    """One line for the user: a step of starting or ending, a note, or something that went wrong."""

    kind: Kind
    text: str


type Report = Callable[[Event], None]


def ignore(_: Event) -> None:
    """Drop the event: for callers that do not want to hear."""


def step(report: Report, text: str) -> None:
    """Tell what begins now."""
    report(Event(Kind.STEP, text))


def note(report: Report, text: str) -> None:
    """Tell something good to know."""
    report(Event(Kind.NOTE, text))


def warn(report: Report, text: str) -> None:
    """Tell something that the user may have to act on."""
    report(Event(Kind.WARNING, text))
