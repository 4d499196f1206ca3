"""Looking at something until it has become what it should be."""

import time
from collections.abc import Callable
from typing import Protocol

from snapshots.errors import StepTimeoutError
from snapshots.failures import AWS_ERRORS, is_passing

PATIENCE = 5  # looks in a row that may fail for reasons that pass


class Clock(Protocol):
    """Time, so that tests need none."""

    def monotonic(self) -> float:
        """Return seconds since some moment."""

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""


class SystemClock:
    """The machine's."""

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        time.sleep(seconds)


def wait_until[T](look: Callable[[], T | None], *, what: str, limit: float, pause: float, clock: Clock) -> T:
    """Look every `pause` seconds until there is something, and return it.

    A build takes many minutes: that a look fails now and then for a reason that passes does not end it.

    Args:
        look: returns what is waited for, or None.
        what: what is waited for, for the message.
        limit: seconds that it may take.
        pause: seconds between two looks.
        clock: the time.

    Raises:
        StepTimeoutError: it took longer.
        BotoCoreError, ClientError: `look` failed for good, or too often in a row.
    """
    end = clock.monotonic() + limit
    failed = 0
    while True:
        try:
            found = look()
            failed = 0
        except AWS_ERRORS as exc:
            failed += 1
            if failed > PATIENCE or not is_passing(exc):
                raise
            found = None
        if found is not None:
            return found
        if clock.monotonic() >= end:
            raise StepTimeoutError(f"{what}: not within {limit / 60:.0f} minutes")
        clock.sleep(pause)
