import json
import uuid
from dataclasses import replace
from typing import Any

import pytest

from task_schema import Announcement, Metadata, Notification, TaskCode, TaskError, compact

SUBMISSION = "a5b7ff19-55a6-4b0c-a1a8-b6d1d0c7a0c1"
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def metadata(**changes: Any) -> Metadata:
    values = {"id": "t", "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "output", **changes}
    return Metadata(**values)


def test_a_conflict_is_told_as_a_failure_of_the_refused_submission() -> None:
    announced = Announcement.of_conflict(metadata(context={"é": [1]}), SUBMISSION, TRACE)
    assert json.loads(announced.text) == {
        "id": "t",
        "result": False,
        "image_url": [],
        "output_url": None,
        "context": {"é": [1]},
        "runtime": "sdruntime",
        "status": "failed",
        "submission": SUBMISSION,
        "error": {
            "code": "conflict",
            "message": "another task with the id t is not finished; this one was not started",
            "retryable": True,
        },
    }
    assert announced.text.isascii()
    assert announced.attributes() == {
        "id": "t",
        "submission": SUBMISSION,
        "event_id": str(uuid.uuid5(uuid.UUID(SUBMISSION), "conflict")),
        "runtime": "sdruntime",
        "tasktype": "text-to-image",
        "result": "false",
        "callback": "false",
        "traceparent": TRACE,
    }


def test_each_delivery_of_a_refused_message_is_the_same_event() -> None:
    first, again = (Announcement.of_conflict(metadata(), SUBMISSION, trace) for trace in (None, TRACE))
    other = Announcement.of_conflict(metadata(), str(uuid.uuid4()))
    assert (first.event_id, first.text) == (again.event_id, again.text)
    assert first.event_id != other.event_id


def test_a_conflict_goes_to_the_webhook_that_its_message_asked_for() -> None:
    assert Announcement.of_conflict(metadata(callback_url="https://x.example/"), SUBMISSION).callback


def test_attributes_hold_nothing_that_sns_refuses() -> None:
    told = Announcement.of_conflict(metadata(runtime="run\u0000time", tasktype="type\u001b"), SUBMISSION)
    attributes = told.attributes()
    assert (attributes["runtime"], attributes["tasktype"]) == ("run?time", "type?")


@pytest.mark.parametrize("traceparent", [None, ""])
def test_without_a_trace_there_is_no_attribute_of_it(traceparent: str | None) -> None:
    told = replace(Announcement.of_conflict(metadata(), SUBMISSION), traceparent=traceparent)
    assert "traceparent" not in told.attributes()


def test_a_notification_is_written_in_ascii_without_spaces() -> None:
    told = Notification.ended_without_result(
        task_id="t",
        submission="s",
        runtime="r",
        context={"é": "\U0001f600"},
        error=TaskError.of(TaskCode.INTERNAL, "it broke"),
    )
    assert told.to_json() == compact(json.loads(told.model_dump_json()))
    assert told.to_json().startswith('{"id":"t","result":false,"image_url":[],')
    assert told.to_json().isascii()
