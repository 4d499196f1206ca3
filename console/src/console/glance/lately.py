"""Figures over the last minute and the last ten, from readings that were made while a page was open."""

from collections import deque

from console.models import Moment

MINUTE = 60.0  # seconds
LEAST = 10.0  # seconds; less says nothing of a minute
HISTORY = 600.0  # seconds
MOMENT = 5.0  # seconds from one moment to the next
_GAP = 30.0  # seconds without a reading, after which what was counted before is too old to be compared with
_EARLY = 0.5  # seconds by which a moment may be early: whoever asks is never quite on time


class Rate:
    """How fast a counter grew in the last minute. One that is smaller than before has begun anew."""

    def __init__(self) -> None:
        self._readings: deque[tuple[float, float]] = deque()  # time, and the sum of all growth
        self._last: float | None = None

    def note(self, at: float, value: float | None) -> None:
        """Note a reading; None where there was none."""
        if self._readings and not 0 <= at - self._readings[-1][0] <= _GAP:  # or the clock was set back
            self._readings.clear()
            self._last = None
        if value is None:
            return
        before = value if self._last is None else self._last
        grown = value - before if value >= before else value
        total = self._readings[-1][1] if self._readings else 0.0
        self._last = value
        self._readings.append((at, total + grown))
        while len(self._readings) > 2 and self._readings[1][0] <= at - MINUTE:
            self._readings.popleft()

    def per_second(self) -> float | None:
        """Return the growth a second; None where too little is known."""
        if len(self._readings) < 2:
            return None
        (start, before), (end, after) = self._readings[0], self._readings[-1]
        return (after - before) / (end - start) if end - start >= LEAST else None

    def lately(self) -> float | None:
        """Return the growth a second between the last two readings."""
        if len(self._readings) < 2:
            return None
        (start, before), (end, after) = self._readings[-2], self._readings[-1]
        return (after - before) / (end - start) if end > start else None


class History:
    """Moments of the last ten minutes, oldest first."""

    def __init__(self) -> None:
        self._moments: deque[Moment] = deque()

    def due(self, at: float) -> bool:
        """Whether it is time for another; `at` in seconds since 1970."""
        last = self._moments[-1].at / 1000 if self._moments else None
        return last is None or at - last >= MOMENT - _EARLY or at < last

    def add(self, moment: Moment) -> None:
        """Add the moment that is now."""
        if self._moments and moment.at < self._moments[-1].at:
            self._moments.clear()  # the clock was set back
        self._moments.append(moment)
        while self._moments[0].at < moment.at - HISTORY * 1000:
            self._moments.popleft()

    def moments(self) -> list[Moment]:
        """Return them."""
        return list(self._moments)
