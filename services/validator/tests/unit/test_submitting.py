import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from task_schema import MAX_INLINE_CONTENT_BYTES, Status, TaskCode, TaskError, read_message
from task_store import NewTask, Outcome, RowTooLargeError

type Body = Callable[..., Any]

V1ALPHA1 = {
    "alwayson_scripts": {
        "task": "text-to-image",
        "sd_model_checkpoint": "v1-5",
        "id_task": "t",
        "save_dir": "outputs",
    },
    "prompt": "A dog",
}
ANOTHER = NewTask(
    id="t",
    submission="another",
    runtime="sdruntime",
    tasktype="text-to-image",
    prefix="output",
    api_version="v1alpha2",
    body_hash="0" * 64,
)
LARGE = {"prompt": "x" * MAX_INLINE_CONTENT_BYTES}


def finish(system: Any, task_id: str = "t") -> None:
    """Let the task run, end and be told."""
    submission = system.task(task_id).submission
    store, now = system.store, system.now
    store.claim(task_id, submission, token="a", lease_until=now + 1, now=now)
    outcome = Outcome(status=Status.SUCCEEDED, event_id="e", notification="{}")
    store.commit(task_id, submission, "a", outcome, now=now)
    store.mark_notified(task_id, submission, now=now)


def test_an_accepted_task_is_answered_as_the_design_says(system: Any, body: Body) -> None:
    answer = system.post(body())
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Location"] == "/prod/v1alpha2/tasks/t"
    assert answer.body == {
        "id_task": "t",
        "id": "t",
        "runtime": "sdruntime",
        "output_location": "s3://outputs/output/t",
    }


def test_v1alpha1_is_answered_in_its_own_shape(system: Any) -> None:
    answer = system.post(V1ALPHA1, path="/v1alpha1")
    assert answer.status == 200
    assert answer.headers["Location"] == "/prod/v1alpha2/tasks/t"
    assert answer.body == {
        "id_task": "t",
        "sd_model_checkpoint": "v1-5",
        "output_location": "s3://outputs/outputs/t",
    }
    ((message, attributes),) = system.topic.messages
    assert message["content"] == V1ALPHA1
    assert message["api_version"] == "v1alpha1"
    assert attributes["runtime"] == "sdruntime"


def test_the_message_is_the_task(system: Any, body: Body) -> None:
    system.post(body(context={"abc": 1}, expires_in=60))
    ((message, attributes),) = system.topic.messages
    assert message == {
        "schema": 1,
        "submission": system.task().submission,
        "metadata": {
            "id": "t",
            "runtime": "sdruntime",
            "tasktype": "text-to-image",
            "prefix": "output",
            "context": {"abc": 1},
            "callback_url": None,
            "expires_in": 60,
        },
        "content": {"prompt": "A dog"},
        "content_ref": None,
        "submitted_at": "2027-01-15T08:00:00Z",
        "api_version": "v1alpha2",
    }
    assert attributes == {
        "runtime": "sdruntime",
        "traceparent": f"00-5759e988bd862e3fe1be46a994272793-{system.spans()['publish requests']['id']}-01",
    }


def test_the_row_is_queued_and_published(system: Any, body: Body) -> None:
    system.post(body(context={"abc": 1}, expires_in=60, callback_url="https://x.example/hook"))
    task = system.task()
    assert uuid.UUID(task.submission).version == 4
    assert task.status is Status.QUEUED
    assert (task.created_at, task.published_at) == (system.now, system.now)
    assert task.deadline == system.now + 60_000
    assert task.context == {"abc": 1}
    assert task.callback_url == "https://x.example/hook"
    assert task.trace_id == "5759e988bd862e3fe1be46a994272793"
    assert (task.runtime, task.tasktype, task.prefix, task.api_version) == (
        "sdruntime",
        "text-to-image",
        "output",
        "v1alpha2",
    )


@pytest.mark.parametrize("trace", [None, "", "Root=1-2-3", "Sampled=1"])
def test_a_task_without_a_trace_goes_its_way(system: Any, body: Body, trace: str | None) -> None:
    system.trace = trace
    assert system.post(body()).status == 200
    ((_, attributes),) = system.topic.messages
    assert attributes == {"runtime": "sdruntime"}
    assert system.task().trace_id is None


def test_a_trace_that_is_not_kept_is_not_told(system: Any, body: Body) -> None:
    system.trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"
    system.post(body())
    ((_, attributes),) = system.topic.messages
    assert attributes["traceparent"].endswith("-00")
    assert system.task().trace_id is None


def test_large_content_waits_in_the_payload_bucket(system: Any, body: Body) -> None:
    system.post(body(LARGE))
    ((message, _),) = system.topic.messages
    submission = system.task().submission
    assert message["content"] is None
    assert message["content_ref"] == f"s3://payload/tasks/{submission}/content.json"
    assert system.payloads.objects == {message["content_ref"]: LARGE}


def test_a_larger_context_waits_there_too_and_travels_in_the_message(system: Any, body: Body) -> None:
    context = {"note": "x" * 300}
    system.post(body(context=context))
    task = system.task()
    assert task.context_ref == f"s3://payload/tasks/{task.submission}/context.json"
    assert system.payloads.objects[task.context_ref] == context
    assert system.topic.messages[0][0]["metadata"]["context"] == context


def test_the_largest_metadata_that_the_rules_allow_is_accepted(system: Any, body: Body) -> None:
    largest = body(
        id="x" * 128,
        prefix="é" * 256,
        context="é" * (8 * 1024 - 1),
        callback_url="https://x.example/" + "a" * (1024 - 18),
        expires_in=14 * 24 * 3600,
    )
    assert system.post(largest, Idempotency_Key="k" * 255).status == 200
    assert len(system.topic.messages) == 1


def test_a_repeated_request_gets_the_same_answer_and_is_not_published_again(system: Any, body: Body) -> None:
    first, again = system.post(body()), system.post(body())
    assert again == first
    assert len(system.topic.messages) == 1
    assert [line["outcome"] for _, line in system.log.lines] == ["accepted", "repeated"]


def test_while_a_task_is_not_finished_its_id_is_taken(system: Any, body: Body) -> None:
    system.post(body())
    before = system.task()
    answer = system.post(body({"prompt": "A cat"}))
    assert answer.status == 409
    assert answer.body["error"]["code"] == "conflict"
    assert answer.body["error"]["field"] == "task.metadata.id"
    assert system.task() == before
    assert len(system.topic.messages) == 1


def test_a_conflict_names_v1alpha1s_own_field(system: Any, body: Body) -> None:
    system.post(body())
    assert system.post(V1ALPHA1, path="/v1alpha1").body["error"]["field"] == "alwayson_scripts.id_task"


def test_the_id_of_a_finished_task_is_free(system: Any, body: Body) -> None:
    system.post(body())
    first = system.task().submission
    finish(system)
    assert system.post(body({"prompt": "A cat"})).status == 200
    assert system.task().submission != first
    assert len(system.topic.messages) == 2


@pytest.mark.parametrize("lost", [True, False])
@pytest.mark.parametrize("content", [None, LARGE])
def test_what_was_not_published_is_published_by_the_next_try(
    system: Any, body: Body, lost: bool, content: Any
) -> None:
    system.topic.lost, system.topic.broken = lost, None if lost else RuntimeError("broken")
    assert system.post(body(content)).status == 503
    recorded = system.task()
    assert recorded.published_at is None
    system.topic.lost, system.topic.broken = False, None
    system.now += 5_000
    system.trace = None
    assert system.post(body(content)).status == 200
    assert system.task().published_at == system.now
    assert {message["submission"] for message, _ in system.topic.messages} == {recorded.submission}
    assert {message["submitted_at"] for message, _ in system.topic.messages} == {"2027-01-15T08:00:00Z"}
    assert system.log.lines[-1][1]["outcome"] == "republished"
    if content is not None:
        assert system.topic.messages[-1][0]["content_ref"] in system.payloads.objects


def test_a_task_that_was_published_but_not_marked_is_published_twice_with_one_submission(
    system: Any, body: Body
) -> None:
    system.store.forgets = True
    assert system.post(body()).status == 503
    system.store.forgets = False
    assert system.post(body()).status == 200
    assert len(system.topic.messages) == 2
    assert {message["submission"] for message, _ in system.topic.messages} == {system.task().submission}
    system.post(body())
    assert len(system.topic.messages) == 2


def test_nothing_is_recorded_while_the_table_is_out_of_order(system: Any, body: Body) -> None:
    system.store.available = False
    assert system.post(body()).status == 503
    system.store.available = True
    assert system.store.get("t") is None
    assert system.topic.messages == []
    assert system.post(body()).status == 200


def test_a_context_that_could_not_be_stored_leaves_no_row(system: Any, body: Body) -> None:
    system.payloads.broken = RuntimeError("broken")
    assert system.post(body(context="x" * 300)).status == 503
    assert system.store.get("t") is None


def test_the_callback_of_a_finished_task_is_kept_when_its_id_is_used_again(system: Any, body: Body) -> None:
    assert system.post(body(callback_url="https://example.com/hook")).status == 200
    first = system.store.get("t")
    finish(system)
    system.payloads.broken = RuntimeError("broken")
    assert system.post(body()).status == 503
    assert system.store.get("t").submission == first.submission
    system.payloads.broken = None
    assert system.post(body()).status == 200
    assert system.store.get("t").submission != first.submission
    kept = [value for uri, value in system.payloads.objects.items() if f"/{first.submission}/callback" in uri]
    assert kept == ["https://example.com/hook"]


def test_content_that_could_not_be_stored_is_not_published(system: Any, body: Body) -> None:
    system.payloads.broken = RuntimeError("broken")
    assert system.post(body(LARGE)).status == 503
    assert system.topic.messages == []
    system.payloads.broken = None
    assert system.post(body(LARGE)).status == 200
    assert len(system.topic.messages) == 1


def test_a_task_that_finished_before_it_could_be_marked_is_accepted(system: Any, body: Body) -> None:
    publish = system.topic.publish

    def run_at_once(text: str, attributes: Any, **more: Any) -> None:
        publish(text, attributes, **more)
        finish(system)
        # Somebody takes the id again at once.
        system.store.record(ANOTHER, now=system.now)

    system.topic.publish = run_at_once
    assert system.post(body()).status == 200


def test_a_task_that_is_being_given_up_is_to_be_sent_again(system: Any, body: Body) -> None:
    system.topic.broken = RuntimeError("broken")
    system.post(body())
    system.topic.broken = None
    submission = system.task().submission
    system.store.seize("t", submission, token="n", lease_until=system.now + 1, now=system.now)
    error = TaskError.of(TaskCode.NOT_PUBLISHED, "never published")
    outcome = Outcome(status=Status.FAILED, event_id="e", notification="{}", error=error)
    system.store.commit("t", submission, "n", outcome, now=system.now)
    assert system.post(body()).status == 503
    assert system.topic.messages == []
    system.store.mark_notified("t", submission, now=system.now)
    assert system.post(body()).status == 200
    assert system.task().submission != submission


def test_a_published_message_can_be_read_by_the_agent(system: Any, body: Body) -> None:
    system.post(body({"prompt": "A dög \u0001"}))
    ((message, _),) = system.topic.messages
    received = read_message(json.dumps(message), message_id="m")
    assert not received.bare
    assert received.message.content == {"prompt": "A dög \u0001"}


def test_metadata_that_no_row_can_hold_are_the_requests_fault(
    system: Any, body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise RowTooLargeError("too large")

    monkeypatch.setattr(system.store, "record", full)
    answer = system.post(body())
    assert (answer.status, answer.body["error"]["code"]) == (400, "bad_value")
    assert system.topic.messages == []
