"""Lists over runtimes and days, newest first, made from the index by runtime and day (DESIGN 4.1)."""

import heapq
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby

from task_schema import Status
from task_store import _cursors
from task_store._cursors import Position
from task_store._items import day_of
from task_store._store import TaskStore
from task_store._task import Page, Task

#: How far back a list goes: a row is kept 30 days after its end, which a queue may put off by 14.
DAYS = 45
#: Pages of the index that one page of a list may take, beyond those of the day it is at.
MAX_READS = 150

_DAY = 24 * 3600 * 1000  # ms
_CLOCKS_DIFFER = 60 * 1000  # ms
_READ_AT_LEAST = 25  # rows; where most are left out, small pages would be many
# No id begins with it, and it is less than all that do: the position of a whole day.
_NO_ID = "-"


def list_newest(
    store: TaskStore,
    runtimes: Sequence[str],
    *,
    now: int,
    limit: int,
    status: Status | None = None,
    cursor: str | None = None,
) -> Page:
    """List tasks of some runtimes, newest first.

    A page may be shorter than `limit`, even empty: only a `cursor` of None means that there is no more.

    Args:
        store: the tasks table.
        runtimes: their names, each once.
        now: ms since the epoch.
        limit: of the page.
        status: leave out tasks of another one; the index follows the table with a delay.
        cursor: of a former page with the same `runtimes` and `status`.

    Raises:
        BadCursorError: the cursor is not one of a former page.
        TableUnavailableError: the table gave no answer.
    """
    position = None if cursor is None else _possible(_cursors.read(cursor), now)
    source = _Index(store, runtimes, limit if status is None else max(limit, _READ_AT_LEAST))
    found: list[Task] = []
    for start in _days(position, now):
        for task in source.of_day(start, position):
            position = Position(task.created_at, task.id)
            if status is None or task.status is status:
                found.append(task)
            if len(found) == limit or source.reads >= MAX_READS:
                return Page(tuple(found), _cursors.write(position))
        position = Position(start, _NO_ID)
        if source.reads >= MAX_READS:
            return Page(tuple(found), _cursors.write(position))
    return Page(tuple(found), None)


class _Index:
    """The index, as one list for each day; `reads` counts its pages that were read."""

    def __init__(self, store: TaskStore, runtimes: Sequence[str], size: int) -> None:
        self.reads = 0
        self._store = store
        self._runtimes = runtimes
        self._size = size

    def of_day(self, start: int, after: Position | None) -> Iterator[Task]:
        """Yield the tasks of a day that come after a position, newest first."""
        rows = [self._of_runtime(runtime, day_of(start), after) for runtime in self._runtimes]
        for task in heapq.merge(*rows, key=_place, reverse=True):
            if after is None or _place(task) < (after.time, after.task_id):
                yield task

    def _of_runtime(self, runtime: str, day: str, after: Position | None) -> Iterator[Task]:
        rows = self._rows(runtime, day, None if after is None else after.time)
        # The index leaves open in which order it has rows of the same ms.
        for _, same in groupby(rows, key=lambda task: task.created_at):
            yield from sorted(same, key=_place, reverse=True)

    def _rows(self, runtime: str, day: str, until: int | None) -> Iterator[Task]:
        cursor: str | None = None
        while True:
            self.reads += 1
            page = self._store.list_by_runtime(runtime, day, limit=self._size, cursor=cursor, until=until)
            yield from page.tasks
            if page.cursor is None:
                return
            cursor = page.cursor


def _place(task: Task) -> tuple[int, str]:
    return task.created_at, task.id


def _possible(position: Position, now: int) -> Position:
    # A cursor that somebody made up may be of a time that no calendar has.
    return Position(min(max(position.time, 0), now + _CLOCKS_DIFFER), position.task_id)


def _days(position: Position | None, now: int) -> Iterator[int]:
    """Yield the first ms of each day from a position back to the oldest that may have a row."""
    newest = now + _CLOCKS_DIFFER if position is None else position.time
    for start in range(_start_of(newest), _start_of(now) - DAYS * _DAY, -_DAY):
        if position is None or position.time > start or position.task_id != _NO_ID:
            yield start


def _start_of(time: int) -> int:
    day = datetime.fromtimestamp(time / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return int(day.timestamp() * 1000)
