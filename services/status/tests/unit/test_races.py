"""Cancelling while somebody else is faster."""

from collections.abc import Callable
from typing import Any

import pytest

from task_schema import Status
from task_store import RowTooLargeError, Task
from task_store.testing import MemoryTaskStore, new_task, outcome


class Racing(MemoryTaskStore):
    """A table in which something happens between the look at a row and its cancellation."""

    def __init__(self) -> None:
        super().__init__()
        self.first: Callable[[], None] = lambda: None

    def cancel(self, *args: Any, **kwargs: Any) -> Task:
        """Let it happen, then do what was asked."""
        self.first()
        return super().cancel(*args, **kwargs)


@pytest.fixture(name="racing")
def _racing(system: Any) -> Any:
    return type(system)(store=Racing())


def finish(system: Any, task: Task) -> None:
    taken = system.claim(task)
    system.store.commit(taken.id, taken.submission, "mine", outcome(), now=system.now)
    system.store.mark_notified(taken.id, taken.submission, now=system.now)


def test_a_task_that_has_just_ended_cannot_be_cancelled(racing: Any) -> None:
    task = racing.record()
    racing.store.first = lambda: finish(racing, task)
    answer = racing.send("DELETE", "t")
    assert (answer.status, answer.body["error"]["code"]) == (409, "conflict")
    assert "succeeded" in answer.body["error"]["message"]
    assert racing.task().status is Status.SUCCEEDED
    assert racing.topic.heard == []


def test_a_task_that_is_gone_is_not_found(racing: Any) -> None:
    racing.record()

    def gone() -> None:
        empty = MemoryTaskStore()
        empty.cancel("t", None, outcome=outcome(status=Status.CANCELLED), now=racing.now)

    racing.store.first = gone
    answer = racing.send("DELETE", "t")
    assert (answer.status, answer.body["error"]["code"]) == (404, "not_found")


def test_another_task_that_got_the_id_meanwhile_is_left_alone(racing: Any) -> None:
    task = racing.record()

    def replaced() -> None:
        finish(racing, task)
        racing.store.record(new_task(id="t", submission="another", body_hash="1" * 64), now=racing.now)

    racing.store.first = replaced
    answer = racing.send("DELETE", "t")
    assert (answer.status, answer.body["error"]["code"]) == (503, "unavailable")
    assert racing.log.lines[0][1]["outcome"] == "unavailable"
    assert (racing.task().submission, racing.task().status) == ("another", Status.QUEUED)
    assert racing.topic.heard == []


def test_a_row_without_room_for_its_end_is_said_to_be_unavailable(racing: Any) -> None:
    racing.record()

    def full() -> None:
        raise RowTooLargeError("full")

    racing.store.first = full
    assert racing.send("DELETE", "t").status == 503
    assert racing.log.lines[0][1]["outcome"] == "unavailable"
    assert racing.task().status is Status.QUEUED
