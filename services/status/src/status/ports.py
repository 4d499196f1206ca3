from collections.abc import Callable
from typing import Any, Protocol

from task_schema import Announcement

#: Waits for so many seconds.
type Sleep = Callable[[float], object]


class Announcer(Protocol):
    """The notifications topic."""

    def announce(self, announcement: Announcement) -> None:
        """Publish once.

        Raises:
            UnavailableError: nobody knows whether it was published.
        """


class Payloads(Protocol):
    """Where values are kept that are too large for a row."""

    def put(self, submission: str, name: str, value: Any) -> str:
        """Keep a JSON value of a submission and return its S3 URL.

        Raises:
            UnavailableError: it was not stored, or nobody knows.
        """

    def get(self, ref: str, *, submission: str, limit: int) -> Any:
        """Bring back a value of that very submission, of at most `limit` bytes.

        Raises:
            s3io.errors.ClaimCheckError: it cannot be had.
            UnavailableError: S3 gave no answer.
        """


class Links(Protocol):
    """Makes links that need no credentials."""

    def to(self, s3_url: str) -> str:
        """Return a presigned URL to fetch an object by; nobody looks whether it is there."""


class Queues(Protocol):
    """The queues of the runtimes."""

    def waiting(self, runtime: str) -> int | None:
        """Return about how many messages wait for a runtime; None: nobody knows. It never raises."""
