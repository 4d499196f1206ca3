"""How long things take, learned from how long they took: for fetching just in time and for shutting down."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from queue_agent.ports import Job

# A message is received, and a task claimed, so many times what that takes before the running task ends,
# and a bit.
_AHEAD = 2.0
_AHEAD_SECONDS = 0.05
# A claim that the table let wait, or that was tried again, says little about what the next one takes.
_MAX_CLAIM_SECONDS = 0.5
# The share of the newest measurement in a moving average.
_WEIGHT = 0.3
# Before that much of a run its progress says little about its end.
_MIN_PROGRESS = 0.05
# A run that takes so many times its average is of another kind: nothing is known of its end any more.
_OVERDUE = 1.5
_MIN_OVERDUE_SECONDS = 0.5
# What makes a run longer, in the bodies of SD Web UI and in the inputs of ComfyUI's nodes.
_FACTORS = ("steps", "width", "height", "batch_size", "n_iter")
_MAX_FACTOR = 1e9  # no step count and no width is larger; messages may say anything
# Kinds of tasks whose averages are kept; more of them are forgotten, the oldest first.
_MAX_KINDS = 256


Kinds = Sequence[tuple[Any, ...]]


class Average:
    """A moving average that follows; None before the first measurement."""

    def __init__(self) -> None:
        self.value: float | None = None

    def add(self, value: float) -> None:
        """Take another measurement into account."""
        self.value = value if self.value is None else (1 - _WEIGHT) * self.value + _WEIGHT * value


class Pace:
    """What runs and fetches take, in seconds.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._runs: dict[tuple[Any, ...], Average] = {}
        self._fetch = Average()
        self._claim = Average()
        self._delivery = Average()

    def fetched(self, seconds: float) -> None:
        """Note what it took to have a message that was waiting ready to run."""
        self._fetch.add(seconds)

    def claimed(self, seconds: float) -> None:
        """Note what it took to claim a task."""
        self._claim.add(min(seconds, _MAX_CLAIM_SECONDS))

    def delivered(self, seconds: float) -> None:
        """Note what it took from a run's end to the end of its task."""
        self._delivery.add(seconds)

    @property
    def fetch_ahead(self) -> float:
        """How long before the GPU is free the next message has to be received, lest the GPU waits for it."""
        return _AHEAD * ((self._fetch.value or 0.0) + (self._claim.value or 0.0)) + _AHEAD_SECONDS

    @property
    def claim_ahead(self) -> float:
        """How long before the GPU is free the next task has to be claimed, lest the GPU waits for it."""
        return _AHEAD * (self._claim.value or 0.0) + _AHEAD_SECONDS

    @property
    def delivery(self) -> float:
        """What the next delivery takes; 0 before the first."""
        return self._delivery.value or 0.0

    def start(self, job: Job) -> "Running":
        """Start the clock of a run."""
        return Running(self, job)

    def expected(self, job: Job) -> float | None:
        """What a whole run takes; None where nothing like it has run before."""
        return self.expected_of(tuple(_kinds(job)))

    def expected_of(self, kinds: Kinds) -> float | None:
        """What a run of these kinds takes, the first that is known."""
        for key in kinds:
            average = self._runs.get(key)
            if average is not None:
                return average.value
        return None

    def ran(self, job: Job, seconds: float) -> None:
        """Note what a run took that went to its end."""
        self.ran_of(tuple(_kinds(job)), seconds)

    def ran_of(self, kinds: Kinds, seconds: float) -> None:
        """Note what a run of these kinds took."""
        for key in kinds:
            average = self._runs.pop(key, None) or Average()
            average.add(seconds)
            self._runs[key] = average  # the newest last
        while len(self._runs) > _MAX_KINDS:
            del self._runs[next(iter(self._runs))]


class Running:
    """One run under way."""

    def __init__(self, pace: Pace, job: Job) -> None:
        self._pace = pace
        self._kinds = tuple(_kinds(job))  # and not the job, whose inputs take memory
        self._started = pace.clock()
        self._end: float | None = None  # by progress

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return self._pace.clock() - self._started

    def progress(self, fraction: float) -> None:
        """Take into account how far it is, 0 to 1."""
        if fraction >= _MIN_PROGRESS:
            self._end = self._started + self.seconds / min(fraction, 1.0)

    def ended(self) -> None:
        """Note that it went to its end."""
        self._pace.ran_of(self._kinds, self.seconds)

    @property
    def is_new(self) -> bool:
        """Whether nothing like it has run before, and it does not tell how far it is."""
        return self._end is None and self._pace.expected_of(self._kinds) is None

    def remaining(self) -> float | None:
        """Estimate the seconds to its end; None where nothing is known."""
        if self._end is not None:
            left = self._end - self._pace.clock()
            return max(0.0, left) if left > -self._slack(self._end - self._started) else None
        expected = self._pace.expected_of(self._kinds)
        if expected is None:
            return None
        left = expected - self.seconds
        return max(0.0, left) if left > -self._slack(expected) else None

    @staticmethod
    def _slack(expected: float) -> float:
        return max(_MIN_OVERDUE_SECONDS, (_OVERDUE - 1) * expected)


def _kinds(job: Job) -> Iterator[tuple[Any, ...]]:
    """Name what a job is like, the most exact first."""
    size = round(sum(math.log2(factor) for factor in _factors(job.content) if factor > 0))
    yield job.tasktype, job.model, size
    yield job.tasktype, job.model


def _factors(content: Mapping[str, Any]) -> Iterator[float]:
    places = [content, *(node.get("inputs") for node in content.values() if isinstance(node, dict))]
    for place in places:
        if isinstance(place, dict):
            for name in _FACTORS:
                value = place.get(name)
                if isinstance(value, int | float) and not isinstance(value, bool):
                    yield min(max(value, 0), _MAX_FACTOR)
