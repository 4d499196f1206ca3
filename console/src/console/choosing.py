"""Which tasks are asked for by their ids, of those that have not ended and that the list did not tell."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain, islice

from console.models import TaskRow
from task_schema import Status

MOST = 16  # in one look
_MOST_RUNNING = 8
_NEXT_OF_EACH = 2  # a queue gives out its oldest first
_MOST_NEXT = 4


def choose(unfinished: Sequence[TaskRow], asked: Mapping[str, int]) -> list[TaskRow]:
    """Return at most `MOST`: some that run, some that are the next to run, and those that waited the longest.

    Args:
        unfinished: newest first.
        asked: the number of the look that asked for a task last.
    """
    waited = sorted(unfinished, key=lambda row: (asked.get(row.id, 0), row.created_at))
    running = [row for row in waited if row.status is Status.RUNNING]
    first = chain(running[:_MOST_RUNNING], islice(_next(unfinished), _MOST_NEXT), waited)
    return list(islice({row.id: row for row in first}.values(), MOST))


def _next(unfinished: Sequence[TaskRow]) -> list[TaskRow]:
    """Return the oldest that are queued for each runtime."""
    found: list[TaskRow] = []
    counts: Counter[str] = Counter()
    for row in reversed(unfinished):
        if row.status is Status.QUEUED and counts[row.runtime] < _NEXT_OF_EACH:
            counts[row.runtime] += 1
            found.append(row)
    return found
