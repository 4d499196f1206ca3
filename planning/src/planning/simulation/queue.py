"""The queue and the pods that take from it: which task starts when. First come, first served."""

from collections import deque
from collections.abc import Iterator
from heapq import heapify, heappush, heapreplace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

_CHUNK = 100_000


class Queue:
    """Tasks in the order of their arrival, and for each pod when it is free again.

    Who is free longest takes the next task. SQS keeps no strict order and an agent receives its next message
    a little ahead of need; neither changes how many wait, or for how long on average.

    Args:
        arrivals: seconds, in order.
        services: seconds that each task keeps a pod.
    """

    def __init__(self, arrivals: NDArray[np.float64], services: NDArray[np.float64]) -> None:
        self.arrivals = arrivals
        self.services = services
        self.starts: NDArray[np.float64] = np.full(len(arrivals), np.nan)
        self.returned: deque[tuple[int, float]] = deque()
        self.next = 0
        self._free: list[tuple[float, int]] = []
        self._leaving: list[float] = []
        self._chunk_end = 0
        self._chunk: Iterator[tuple[float, float]] = iter(())
        self._ahead: tuple[float, float] | None = (
            None  # the next one, where it has been taken from the chunk already
        )

    @property
    def pods(self) -> int:
        """Pods that take tasks."""
        return len(self._free)

    def join(self, pod: int, now: float) -> None:
        """Let a pod take tasks from now on."""
        heappush(self._free, (now, pod))

    def leave(self, pod: int, now: float, grace: float) -> tuple[float, int | None]:
        """Give a pod no more tasks.

        Returns:
            When it has ended, and the task that it gives back then, as it takes longer than `grace`.
        """
        [entry] = [one for one in self._free if one[1] == pod]
        self._free.remove(entry)
        heapify(self._free)
        free = entry[0]
        if free <= now:
            return now, None
        ended = min(free, now + grace)
        self._leaving.append(ended)
        if free == ended:
            return ended, None
        # Of two that would end at the very same time, either is as good.
        [task, *_] = np.flatnonzero(self.starts[: self.next] + self.services[: self.next] == free)
        self.starts[task] = np.nan
        return ended, int(task)

    def give_back(self, task: int, now: float) -> None:
        """Let a task wait again whose pod has ended: nobody can take it earlier than now."""
        self.returned.append((task, now))

    def serve(self, until: float) -> None:
        """Start all tasks that start before a time."""
        while self.returned and self._free:
            start, pod = self._free[0]
            if start >= until:
                return
            task, since = self.returned.popleft()
            start = max(start, since)
            heapreplace(self._free, (start + float(self.services[task]), pod))
            self.starts[task] = start
        while self._free and self.next < len(self.arrivals):
            if self.next == self._chunk_end:
                self._load()
            self._serve_chunk(until)
            if self.next < self._chunk_end:
                return

    def waiting(self, now: float) -> int:
        """Count the tasks that have come and nobody works on."""
        come = int(np.searchsorted(self.arrivals, now, side="right"))
        return max(0, come - self.next) + len(self.returned)

    def in_flight(self, now: float) -> int:
        """Count the tasks that somebody works on."""
        self._leaving = [ended for ended in self._leaving if ended > now]
        return sum(1 for free, _ in self._free if free > now) + len(self._leaving)

    def age(self, now: float) -> float:
        """Return how long the task that waits longest has waited; 0 where none waits."""
        oldest = min((float(self.arrivals[task]) for task, _ in self.returned), default=now)
        if self.next < len(self.arrivals):
            oldest = min(oldest, float(self.arrivals[self.next]))
        return now - oldest

    def _load(self) -> None:
        chunk = slice(self.next, self.next + _CHUNK)
        self._chunk_end = min(chunk.stop, len(self.arrivals))
        self._chunk = zip(self.arrivals[chunk].tolist(), self.services[chunk].tolist(), strict=True)

    def _serve_chunk(self, until: float) -> None:
        """Start tasks of the chunk. Each turn of the loop is one task of millions: it is kept bare."""
        free = self._free
        starts: list[float] = []
        note = starts.append
        coming = self._chunk if self._ahead is None else chain((self._ahead,), self._chunk)
        self._ahead = None
        for arrival, service in coming:
            start, pod = free[0]
            if arrival > start:  # noqa: PLR1730 - max() costs as much as all else here
                start = arrival
            if start >= until:
                self._ahead = (arrival, service)
                break
            heapreplace(free, (start + service, pod))
            note(start)
        first = self.next
        self.next = first + len(starts)
        self.starts[first : self.next] = starts
