"""What is told of a task: the words and the event id of its commit."""

import json
from typing import Any

import pytest

from task_schema import Notification, Status, TaskCode, TaskError
from task_store import Outcome, Task, announcement_of
from task_store.testing import MemoryTaskStore, new_task

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
ERROR = TaskError.of(TaskCode.TIMEOUT, "slow")


def failed(**changes: Any) -> Notification:
    values: dict[str, Any] = {"task_id": "test-t2i", "submission": "s", "runtime": "sdruntime", "context": {}}
    return Notification.ended_without_result(**(values | {"error": ERROR} | changes))


def ended(end: Outcome, **fields: Any) -> Task:
    store = MemoryTaskStore()
    store.record(new_task(submission="s", **fields), now=1)
    store.claim("test-t2i", "s", token="a", lease_until=2, now=1)
    return store.commit("test-t2i", "s", "a", end, now=2)


def test_an_outcome_says_what_its_notification_says() -> None:
    notification = failed(status=Status.CANCELLED, output_url="s3://out/x.out")
    assert Outcome.of(notification, event_id="e") == Outcome(
        status=Status.CANCELLED,
        event_id="e",
        notification=notification.to_json(),
        error=ERROR,
        output_url="s3://out/x.out",
    )


def test_each_outcome_has_a_place_of_its_own_for_a_notification_that_is_too_large() -> None:
    one, other = (Outcome.of(failed(), event_id=event_id) for event_id in ("e1", "e2"))
    assert (one.payload_name, other.payload_name) == ("notification-e1", "notification-e2")
    assert one.by_reference("s3://payloads/x").payload_name == one.payload_name


def test_a_task_is_told_in_the_words_of_its_row() -> None:
    notification = failed()
    task = ended(Outcome.of(notification, event_id="e"), callback_url="https://x.example/")
    told = announcement_of(task, traceparent=TRACE)
    assert told.text == notification.to_json()
    assert told.attributes() == {
        "id": "test-t2i",
        "submission": "s",
        "event_id": "e",
        "runtime": "sdruntime",
        "tasktype": "text-to-image",
        "result": "false",
        "callback": "true",
        "traceparent": TRACE,
    }


def test_a_success_without_callback_and_trace_says_so() -> None:
    notification = Notification.succeeded(
        task_id="test-t2i", submission="s", runtime="sdruntime", context={}, images=[], output_url="s3://o/x"
    )
    attributes = announcement_of(ended(Outcome.of(notification, event_id="e"))).attributes()
    assert (attributes["result"], attributes["callback"]) == ("true", "false")
    assert "traceparent" not in attributes


@pytest.mark.parametrize("context", [{"é": "\U0001f600"}, "x" * 2000, None])
def test_words_that_the_row_only_names_are_told_as_they_were_kept(context: Any) -> None:
    notification = failed(context=context)
    task = ended(Outcome.of(notification, event_id="e").by_reference("s3://payloads/tasks/s/n.json"))
    kept = json.loads(notification.model_dump_json())
    assert announcement_of(task, kept=kept).text == notification.to_json()
