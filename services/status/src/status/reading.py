"""Reading a task, now or when something has happened to it (DESIGN 4.1)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from lambda_api.ports import Clock
from status.ports import Queues, Sleep
from task_schema import RequestCode, RequestRefusedError, Status
from task_store import Task, TaskStore

#: Longest time that a request may wait, in seconds; API Gateway waits 29.
MAX_WAIT = 20
#: Between two looks at a row, in seconds.
LOOK_EVERY = 1.0
#: When to ask again, in seconds: at the soonest, at the latest, and where nothing tells more.
SOONEST, LATEST, USUAL = 1, 30, 5

# Before that much of a run its progress says little about its end.
_TELLING = 0.05


@dataclass(frozen=True, slots=True)
class Read:
    """A task as it is; `unchanged`: the asker has this state of it already."""

    task: Task
    tag: str
    unchanged: bool


class Reader:
    """Reads tasks.

    Args:
        store: the tasks table.
        queues: of the runtimes.
        tag: names the state of a task.
        clock: the time.
        sleep: waits.
    """

    def __init__(
        self, *, store: TaskStore, queues: Queues, tag: Callable[[Task], str], clock: Clock, sleep: Sleep
    ) -> None:
        self._store = store
        self._queues = queues
        self._tag = tag
        self._clock = clock
        self._sleep = sleep

    def read(self, task_id: str, *, wait: int = 0, known: str | None = None) -> Read:
        """Return a task as it is, or as it is once it has changed, ended, or `wait` seconds are over.

        Args:
            task_id: its id.
            wait: for how long to wait for news.
            known: the request's If-None-Match; news are what it does not name.

        Raises:
            RequestRefusedError: `not_found`.
            TableUnavailableError: the table gave no answer.
        """
        until = self._clock() + wait * 1000
        first: str | None = None
        while True:
            task = self._store.get(task_id)
            if task is None:
                raise not_found(task_id)
            tag = self._tag(task)
            first = first or tag
            unchanged = known is not None and names(known, tag)
            left = until - self._clock()
            news = task.status.is_terminal or tag != first or (known is not None and not unchanged)
            if news or left <= 0:
                return Read(task, tag, unchanged)
            self._sleep(min(LOOK_EVERY, left / 1000))

    def waiting(self, task: Task) -> int | None:
        """Return about how many messages wait in the queue of a queued task; None where nobody knows."""
        return self._queues.waiting(task.runtime) if task.status is Status.QUEUED else None

    def retry_after(self, task: Task, waiting: int | None) -> int | None:
        """Return in how many seconds to ask again; None for a task that has ended."""
        if task.status.is_terminal:
            return None
        if task.status is Status.QUEUED:
            # Nobody knows how many GPUs there are and what is asked of them: a second for each is a guess.
            return USUAL if waiting is None else _within(waiting)
        progress, started = task.progress or 0.0, task.started_at
        if started is None or progress < _TELLING:
            return USUAL
        return _within((self._clock() - started) / 1000 * (1 - progress) / progress)


def names(known: str, tag: str) -> bool:
    """Whether an If-None-Match names a tag, in the weak comparison of RFC 9110."""
    given = {each.strip().removeprefix("W/") for each in known.split(",")}
    return "*" in given or tag.removeprefix("W/") in given


def not_found(task_id: str) -> RequestRefusedError:
    """Return the refusal of a request for a task that is not there."""
    return RequestRefusedError.of(RequestCode.NOT_FOUND, f"there is no task {task_id[:128]}", "id")


def _within(seconds: float) -> int:
    return min(max(SOONEST, math.ceil(seconds)), LATEST)
