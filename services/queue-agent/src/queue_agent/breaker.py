"""The circuit breaker: when faults follow each other, it is the node and not the tasks (DESIGN 5)."""

import time
from collections.abc import Callable

FAULTS = 3
FIRST_PAUSE = 5.0  # seconds
MAX_PAUSE = 60.0


class Breaker:
    """Counts faults in a row on different tasks; one task that breaks whatever runs it opens nothing.

    Closed: tasks run. Open: nothing is received until the pause is over. Then one task is let through
    (half open): its success closes the breaker, another fault opens it for twice as long.

    Args:
        faults: on so many different tasks in a row open it.
        first_pause: seconds that it stays open the first time.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        *,
        faults: int = FAULTS,
        first_pause: float = FIRST_PAUSE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._faults = faults
        self._first_pause = first_pause
        self._clock = clock
        self._at_fault: set[str] = set()
        self._openings = 0  # since the last success
        self._open_until: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has opened and no task has succeeded since."""
        return self._openings > 0

    @property
    def openings(self) -> int:
        """How often it has opened since the last success."""
        return self._openings

    @property
    def pause(self) -> float:
        """Seconds until a task may be let through; 0 while it is closed or half open."""
        return 0.0 if self._open_until is None else max(0.0, self._open_until - self._clock())

    def fault(self, submission: str) -> bool:
        """Note that the runtime failed a task; return whether that opened the breaker."""
        self._at_fault.add(submission)
        if self.pause or (not self.is_open and len(self._at_fault) < self._faults):
            return False
        seconds = min(MAX_PAUSE, self._first_pause * 2 ** min(self._openings, 10))
        self._openings += 1
        self._open_until = self._clock() + seconds
        return True

    def success(self) -> bool:
        """Note that the runtime did what it should; return whether that closed the breaker."""
        was_open = self.is_open
        self._at_fault.clear()
        self._openings = 0
        self._open_until = None
        return was_open
