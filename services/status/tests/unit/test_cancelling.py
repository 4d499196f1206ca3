"""Cancelling, and what is told of it."""

import json
from typing import Any

import pytest

from task_schema import Status
from task_store import Task
from task_store.testing import outcome


def end(system: Any, task: Task) -> None:
    system.store.commit(task.id, task.submission, "mine", outcome(), now=system.now)


def test_a_queued_task_ends_and_is_told(system: Any) -> None:
    system.record(context={"my": 1}, callback_url="https://example.org/hook")
    answer = system.send("DELETE", "t")
    assert (answer.status, answer.body["status"]) == (202, "cancelled")
    assert answer.body["error"]["code"] == "cancelled"
    [heard] = system.topic.heard
    told = json.loads(heard.text)
    assert (told["result"], told["status"], told["context"]) == (False, "cancelled", {"my": 1})
    assert (heard.event_id, heard.callback) == (system.task().event_id, True)
    assert heard.traceparent is not None
    assert system.task().is_finished
    assert system.meter.counted == {("Cancelled",): 1}


def test_a_running_task_is_asked_to_end_and_nothing_is_told_yet(system: Any) -> None:
    system.claim(system.record())
    answer = system.send("DELETE", "t")
    assert (answer.status, answer.body["status"]) == (202, "running")
    assert system.task().cancel_requested
    assert system.topic.heard == []
    assert system.send("DELETE", "t").status == 202


def test_a_task_that_has_ended_cannot_be_cancelled(system: Any) -> None:
    end(system, system.claim(system.record()))
    answer = system.send("DELETE", "t")
    assert (answer.status, answer.body["error"]["code"]) == (409, "conflict")
    assert system.topic.heard == []


def test_a_cancelled_task_that_was_told_cannot_be_cancelled_again(system: Any) -> None:
    system.record()
    assert [system.send("DELETE", "t").status for _ in range(2)] == [202, 409]
    assert len(system.topic.heard) == 1


def test_a_task_that_is_not_there_is_not_found(system: Any) -> None:
    assert system.send("DELETE", "nobody").status == 404


def test_a_cancellation_that_was_not_told_is_told_when_it_is_asked_for_again(system: Any) -> None:
    system.record()
    system.topic.broken = True
    first = system.send("DELETE", "t")
    ended = system.task()
    assert (first.status, ended.status, ended.is_finished) == (503, Status.CANCELLED, False)
    system.topic.broken = False
    assert system.send("DELETE", "t").status == 202
    [heard] = system.topic.heard
    assert heard.event_id == ended.event_id
    assert system.task().is_finished


@pytest.mark.parametrize("kept", [True, False])
def test_a_large_context_is_told_from_the_payload_bucket(system: Any, kept: bool) -> None:
    context = {"text": "x" * 5000}
    task = system.record(context=None, context_ref="s3://payloads/tasks/s/context.json", submission="s")
    if kept:
        system.payloads.objects[task.context_ref] = context
    assert system.send("DELETE", "t").status == 202
    [heard] = system.topic.heard
    assert json.loads(heard.text)["context"] == (context if kept else {})
    assert (system.task().notification is None) is kept


def test_without_the_payload_bucket_nothing_is_cancelled(system: Any) -> None:
    system.record(context=None, context_ref="s3://payloads/tasks/s/context.json", submission="s")
    system.payloads.broken = True
    assert system.send("DELETE", "t").status == 503
    assert system.task().status is Status.QUEUED
