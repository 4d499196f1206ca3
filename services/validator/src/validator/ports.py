from collections.abc import Callable, Mapping
from typing import Any, Protocol

#: Milliseconds since the epoch, UTC.
type Clock = Callable[[], int]


class Publisher(Protocol):
    """The requests topic."""

    def publish(self, body: str, attributes: Mapping[str, str]) -> None:
        """Publish a message.

        Raises:
            UnavailableError: the topic did not take it, or did not say so.
        """


class Meter(Protocol):
    """Counts what happens."""

    def count(self, name: str, number: int = 1, /, **dimensions: str) -> None:
        """Count something, with few dimensions of few values."""

    def flush(self) -> None:
        """Write what was counted."""


class Payloads(Protocol):
    """Where values wait that are too large for a message or a row."""

    def put(self, submission: str, name: str, value: Any) -> str:
        """Keep a JSON value of a submission and return its S3 URI; a former value of that name is replaced.

        Raises:
            UnavailableError: it was not stored, or nobody knows.
        """
