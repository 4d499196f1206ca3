"""The lists of a runtime's tasks on every kind of store."""

import re

import pytest

from task_store import (
    BadCursorError,
    TaskStore,
    day_of,
)
from task_store.testing import new_task
from task_store.testing_states import NOW, told


def test_a_runtime_s_tasks_of_a_day_are_listed_newest_first(store: TaskStore) -> None:
    for number in range(5):
        store.record(new_task(id=f"t{number}"), now=NOW + number)
    store.record(new_task(id="other-runtime", runtime="comfyruntime"), now=NOW)
    store.record(new_task(id="other-day"), now=NOW + 24 * 3600 * 1000)
    first = store.list_by_runtime("sdruntime", day_of(NOW), limit=3)
    assert [task.id for task in first.tasks] == ["t4", "t3", "t2"]
    assert re.fullmatch("[A-Za-z0-9_-]+", first.cursor or "")
    second = store.list_by_runtime("sdruntime", day_of(NOW), limit=3, cursor=first.cursor)
    assert [task.id for task in second.tasks] == ["t1", "t0"]
    assert second.cursor is None
    assert store.list_by_runtime("sdruntime", day_of(0)).tasks == ()


def test_a_list_leaves_out_what_was_recorded_later_than_asked_for(store: TaskStore) -> None:
    for number in range(5):
        store.record(new_task(id=f"t{number}"), now=NOW + number)
    first = store.list_by_runtime("sdruntime", day_of(NOW), limit=2, until=NOW + 3)
    second = store.list_by_runtime("sdruntime", day_of(NOW), limit=3, cursor=first.cursor, until=NOW + 3)
    assert [task.id for task in (*first.tasks, *second.tasks)] == ["t3", "t2", "t1", "t0"]


def test_a_list_shows_tasks_as_they_are(store: TaskStore) -> None:
    task = told(store)
    assert store.list_by_runtime("sdruntime", day_of(NOW)).tasks == (task,)


@pytest.mark.parametrize("cursor", ["", "x", "bnVsbA", "WzEsMl0", "W3RydWUsImEiXQ", "é"])
def test_a_cursor_of_nobody_s_is_refused(store: TaskStore, cursor: str) -> None:
    with pytest.raises(BadCursorError):
        store.list_by_runtime("sdruntime", "2026-01-31", cursor=cursor)


def test_a_page_has_at_least_one_task(store: TaskStore) -> None:
    with pytest.raises(ValueError, match="limit"):
        store.list_by_runtime("sdruntime", "2026-01-31", limit=0)
