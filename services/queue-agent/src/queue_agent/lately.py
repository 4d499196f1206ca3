"""Figures over the last minute, for whoever looks without a Prometheus that could do the sums."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

#: Monotonic seconds.
Clock = Callable[[], float]

LATELY = 60.0  # seconds that "lately" reaches back


@dataclass(frozen=True, slots=True)
class Busy:
    """How busy the GPU is: seconds since the start, now, and the share of the last minute (0 to 1)."""

    seconds: float
    now: bool
    fraction: float


class BusyTime:
    """Adds up the time in which the GPU works for a task; called from any thread."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._born = clock()
        self._since: float | None = None
        self._total = 0.0
        self._spans: deque[tuple[float, float]] = deque()  # of the last minute

    def set(self, busy: bool) -> None:
        """Note that the GPU works from now on, or does not; saying the same twice changes nothing."""
        with self._lock:
            now = self._clock()
            if busy and self._since is None:
                self._since = now
            elif not busy and self._since is not None:
                self._total += now - self._since
                self._spans.append((self._since, now))
                self._since = None
            self._forget(now)

    def read(self) -> Busy:
        """Return the time until now, what runs included."""
        with self._lock:
            now = self._clock()
            self._forget(now)
            start = max(self._born, now - LATELY)
            running = [] if self._since is None else [(self._since, now)]
            lately = sum(end - max(begin, start) for begin, end in chain(self._spans, running))
            return Busy(
                seconds=self._total + sum(end - begin for begin, end in running),
                now=self._since is not None,
                fraction=min(1.0, lately / (now - start)) if now > start else 0.0,
            )

    def _forget(self, now: float) -> None:
        while self._spans and self._spans[0][1] <= now - LATELY:
            self._spans.popleft()


class WorstLately:
    """The largest of the values of the last minute: one bad moment between two scrapes is seen too."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._values: deque[tuple[float, float]] = deque()  # times rise and values fall

    def note(self, value: float) -> None:
        """Note a value of now."""
        with self._lock:
            while self._values and self._values[-1][1] <= value:
                self._values.pop()
            self._values.append((self._clock(), value))

    def read(self) -> float:
        """Return the largest; 0 where there was none."""
        with self._lock:
            while self._values and self._values[0][0] <= self._clock() - LATELY:
                self._values.popleft()
            return self._values[0][1] if self._values else 0.0
