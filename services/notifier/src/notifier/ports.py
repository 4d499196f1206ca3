"""What the notifier needs of the world besides the tasks table."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from task_schema import Announcement

#: Milliseconds since the epoch, UTC.
type Clock = Callable[[], int]


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

    def ref(self, submission: str, name: str) -> str:
        """Return the S3 URL that `put` gives a value."""


class Kept(Protocol):
    """Where letters are kept for a human."""

    def keep(self, key: str, document: Mapping[str, Any]) -> bool:
        """Keep a document under a key; false if there is one already, which stays as it is.

        Raises:
            UnavailableError: it was not stored, or nobody knows.
        """


class Outputs(Protocol):
    """The bucket where users look for what became of a task."""

    def store(self, prefix: str, task_id: str, document: Mapping[str, Any]) -> str:
        """Store the `.out` of a task, and return its S3 URL.

        Raises:
            UnavailableError: it was not stored, or nobody knows.
        """

    def discard(self, url: str) -> None:
        """Delete what `store` stored for an outcome that was not committed, as far as that works."""


class Queues(Protocol):
    """The queues that letters come from."""

    def hide(self, queue_arn: str, receipt_handle: str, seconds: int) -> None:
        """Keep a message hidden for so long from now, as far as that works."""


class Meter(Protocol):
    """Counts for dashboards and alarms."""

    def count(self, name: str, number: int = 1, /, **dimensions: str) -> None:
        """Add to a count."""

    def flush(self) -> None:
        """Hand on what was counted."""


class Log(Protocol):
    """A structured logger: a constant message with fields; never what a user wrote."""

    def info(self, msg: object, /, *, extra: Mapping[str, object]) -> None:
        """Write a line of the usual kind."""

    def error(self, msg: object, /, *, extra: Mapping[str, object]) -> None:
        """Write a line that somebody should look at."""
