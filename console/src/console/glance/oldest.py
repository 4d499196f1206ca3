"""Since when the oldest queued task waits. SQS does not tell, and an emulator's CloudWatch does not know.

The tasks table has an index of the tasks whose end was not told yet, the oldest first. It also has those that
run, and some that were looked at and put off; so some of its first ones are read.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from itertools import chain
from typing import Protocol

from task_schema import Status
from task_store import SHARDS, DuePage, Task, TaskStoreError

log = logging.getLogger(__name__)

EVERY = 10.0  # seconds from one look to the next
_OF_A_SHARD = 6
_READ = 24  # rows

#: Runtime, and since when its oldest task is queued, in ms since 1970.
type Since = dict[str, int]


class Table(Protocol):
    """The part of the tasks table that is read."""

    def get(self, task_id: str) -> Task | None:
        """Return a task's row; None where there is none."""

    def list_due(self, shard: int, *, before: int, limit: int = 100, cursor: str | None = None) -> DuePage:
        """Return tasks whose end was not told, the oldest first."""


class Oldest:
    """Finds the oldest queued task of each runtime, now and then.

    Args:
        make_table: called when it is needed.
        errors: what may be raised where the client of the table cannot be made.
        threads: that wait for the table; None: those of the event loop.
    """

    def __init__(
        self,
        make_table: Callable[[], Table],
        *,
        errors: tuple[type[Exception], ...] = (),
        threads: Executor | None = None,
    ) -> None:
        self._make_table = make_table
        self._threads = threads
        self._errors: tuple[type[Exception], ...] = (TaskStoreError, *errors)
        self._looked: float | None = None
        self._since: Since = {}

    async def since(self, now: float) -> Since:
        """Return what is known at a time, in seconds since 1970: a runtime is left out if none was found."""
        if self._looked is None or not 0 <= now - self._looked < EVERY:
            self._looked = now
            loop = asyncio.get_running_loop()
            self._since = await loop.run_in_executor(self._threads, self._find, round(now * 1000))
        return self._since

    def _find(self, now: int) -> Since:
        try:
            table = self._make_table()
            pages = (table.list_due(shard, before=now, limit=_OF_A_SHARD) for shard in range(SHARDS))
            due = sorted(chain.from_iterable(page.due for page in pages), key=lambda one: one.look_at)
            return _oldest(table.get(one.id) for one in due[:_READ])
        except self._errors as exc:
            log.info("the age of queued tasks is not known: %s", exc)
            return {}


def _oldest(rows: Iterable[Task | None]) -> Since:
    found: Since = {}
    for row in rows:
        if row is not None and row.status is Status.QUEUED:
            found[row.runtime] = min(row.created_at, found.get(row.runtime, row.created_at))
    return found
