"""What a function needs of the world, whatever it does."""

from collections.abc import Callable, Mapping
from typing import Protocol

#: Milliseconds since the epoch, UTC.
type Clock = Callable[[], int]


class Log(Protocol):
    """A structured logger: a constant message with fields."""

    def info(self, msg: object, /, *, extra: Mapping[str, object]) -> None:
        """Write a line of the usual kind."""

    def error(self, msg: object, /, *, extra: Mapping[str, object]) -> None:
        """Write a line that somebody should look at."""


class Meter(Protocol):
    """Counts what happens."""

    def count(self, name: str, number: int = 1, /, **dimensions: str) -> None:
        """Count something, with few dimensions of few values."""

    def flush(self) -> None:
        """Write what was counted."""
