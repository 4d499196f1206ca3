"""What the function of the webhooks needs of the world, besides `ports`."""

from collections.abc import Mapping
from typing import Protocol

from notifier.webhook_sending import Answer
from notifier.webhook_signing import Signer
from task_store import Task


class Rows(Protocol):
    """Where a task's row says what its webhook's address is."""

    def get(self, task_id: str) -> Task | None:
        """See `task_store.TaskStore`."""


class Callbacks(Protocol):
    """Callbacks of tasks whose row has gone to another task."""

    def kept(self, submission: str) -> str | None:
        """Return the URL of a submission, None if none was kept.

        Raises:
            UnavailableError: nobody knows.
        """


class Signers(Protocol):
    """What signs now."""

    def current(self) -> Signer:
        """Return it.

        Raises:
            UnavailableError: nobody knows.
        """


class Poster(Protocol):
    """Makes attempts."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Make one; raises nothing."""


class Outbox(Protocol):
    """Where a webhook goes that was not delivered."""

    def later(self, body: str, attributes: Mapping[str, str], seconds: float) -> None:
        """Send it to the queue of tries to come, to be seen after so long, or after the longest that can be.

        Raises:
            UnavailableError: nobody knows whether it was sent.
        """

    def dead(self, body: str, attributes: Mapping[str, str]) -> None:
        """Send it to the dead letters.

        Raises:
            UnavailableError: nobody knows whether it was sent.
        """


class Invocation(Protocol):
    """What Lambda says of an invocation: its `context`."""

    def get_remaining_time_in_millis(self) -> int:
        """Return how long it may still take."""
