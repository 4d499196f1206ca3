"""Messages that no agent brought to an end: kept, then their task is ended and told."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.settings import Kind
from task_schema import Status
from task_store import Task
from task_store.testing import outcome

type Record = Callable[..., dict[str, Any]]
type MessageOf = Callable[[Task], dict[str, Any]]

MINUTE = 60_000
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_dead_letter_is_kept_and_its_task_ends_and_is_told(
    system: Any, record: Record, message: MessageOf
) -> None:
    task = system.record(context={"a": 1})
    sent = record(message(task), attributes={"runtime": "sdruntime", "traceparent": TRACE})
    assert system.post(sent) == []
    ended = system.task()
    assert (ended.status, ended.attempts, ended.is_finished) == (Status.FAILED, 0, True)
    [told] = system.told
    assert told["error"]["code"] == "attempts_exhausted"
    assert (told["result"], told["context"], told["submission"]) == (False, {"a": 1}, task.submission)
    assert json.loads(ended.notification) == told
    [announced] = system.topic.told
    assert announced.event_id == ended.event_id
    assert announced.traceparent.startswith(TRACE[:36])
    [out] = system.bucket.outs()
    assert out == told["output_url"] == ended.output_url
    assert system.bucket.objects[out] == {"error": told["error"]}
    letter = system.bucket.objects["dead-letters/dlq/m-1.json"]
    assert letter["body"] == sent["body"]
    assert letter["message_attributes"] == sent["messageAttributes"]
    assert letter["queue"] == sent["eventSourceARN"]
    assert system.meter.counted == {("DeadLetters", "queue=dlq", "reason=attempts_exhausted"): 1}


def test_the_letter_is_kept_before_anything_happens_to_its_task(
    system: Any, record: Record, message: MessageOf
) -> None:
    task = system.record()
    system.bucket.broken = True
    assert system.post(record(message(task))) == ["m-1"]
    assert system.task() == task
    assert system.told == []


def test_coming_again_changes_and_tells_nothing(system: Any, record: Record, message: MessageOf) -> None:
    sent = record(message(system.record()))
    system.post(sent)
    before = dict(system.bucket.objects), system.task()
    assert system.post(sent) == []
    assert (system.bucket.objects, system.task()) == before
    assert len(system.told) == 1
    assert system.outcomes == ["attempts_exhausted", "told_before"]


@pytest.mark.parametrize(
    ("kind", "attributes", "code", "words"),
    [
        (Kind.DEAD, {"runtime": "sdruntime"}, "attempts_exhausted", "again and again"),
        (Kind.UNDELIVERED, {"runtime": "sdruntime"}, "internal", "the queue of 'sdruntime'"),
        (Kind.UNDELIVERED, {}, "internal", "the queue of its runtime"),
        (
            Kind.UNROUTED,
            {"runtime": "no\nsuch"},
            "unknown_runtime",
            r"no runtime 'no\nsuch'; there are: sdruntime, comfyruntime",
        ),
        (Kind.UNROUTED, {"lane": "slow"}, "unknown_runtime", 'attribute "runtime" is missing'),
        (Kind.UNROUTED, {"runtime": "sdruntime"}, "internal", "sdruntime is new here"),
        (Kind.UNROUTED, {"runtime": "x" * 5000}, "unknown_runtime", "xxx…'; there are: sdruntime"),
    ],
)
def test_the_sender_is_told_what_was_wrong(
    system: Any,
    record: Record,
    bare: Record,
    *,
    kind: Kind,
    attributes: dict[str, str],
    code: str,
    words: str,
) -> None:
    assert system.post(record(bare(), attributes=attributes), kind=kind) == []
    [told] = system.told
    assert told["error"]["code"] == code
    assert words in told["error"]["message"]
    assert told["error"]["retryable"] is (code != "unknown_runtime")
    assert system.task().is_finished


def test_a_task_that_names_no_runtime_at_all_is_recorded_and_told(
    system: Any, record: Record, bare: Record
) -> None:
    body = bare()
    del body["metadata"]["runtime"]
    assert system.post(record(body, attributes={}), kind=Kind.UNROUTED) == []
    [told] = system.told
    assert (told["runtime"], told["error"]["code"]) == ("unknown", "unknown_runtime")


def test_an_envelope_s_attributes_and_message_count(system: Any, record: Record, bare: Record) -> None:
    envelope = {
        "Type": "Notification",
        "MessageId": "of-sns",
        "Message": json.dumps(bare()),
        "MessageAttributes": {"runtime": {"Type": "String", "Value": "elsewhere"}},
    }
    first = record(envelope, message_id="m-1", attributes={})
    again = record(envelope, message_id="m-2", attributes={})
    assert system.post(first, again, kind=Kind.UNROUTED) == []
    assert system.outcomes == ["unknown_runtime", "told_before"]
    assert "no runtime 'elsewhere'" in system.told[0]["error"]["message"]


def test_a_task_under_a_live_lease_is_left_alone_until_after_it(
    system: Any, record: Record, message: MessageOf
) -> None:
    task = system.record()
    until = system.now + 42_000
    system.store.claim("t", task.submission, token="agent", lease_until=until, now=system.now)
    held = system.task()
    assert system.post(record(message(task))) == ["m-1"]
    assert system.task() == held
    assert system.told == []
    assert system.queues.hidden == [("arn:aws:sqs:us-east-1:000000000000:dlq", "handle-of-m-1", 43)]
    system.now = until
    assert system.post(record(message(task))) == []
    assert system.told[0]["error"]["code"] == "attempts_exhausted"


def test_a_lease_of_days_does_not_hide_the_letter_for_days(
    system: Any, record: Record, message: MessageOf
) -> None:
    task = system.record()
    system.store.claim("t", task.submission, token="agent", lease_until=system.now * 2, now=system.now)
    system.post(record(message(task)))
    assert system.queues.hidden[0][2] == 3600


def test_a_task_that_has_ended_and_was_told_stays_as_it_is(
    system: Any, record: Record, message: MessageOf
) -> None:
    task = system.record()
    end(system, task)
    system.store.mark_notified("t", task.submission, now=system.now)
    before = system.task()
    assert system.post(record(message(task))) == []
    assert (system.task(), system.told) == (before, [])


def test_a_task_that_has_ended_untold_is_told_in_its_own_words(
    system: Any, record: Record, message: MessageOf
) -> None:
    task = system.record()
    end(system, task, notification='{"made":"before"}', event_id="e-1")
    assert system.post(record(message(task))) == []
    [announced] = system.topic.told
    assert (announced.text, announced.event_id, announced.result) == ('{"made":"before"}', "e-1", True)
    assert system.task().is_finished
    assert system.outcomes == ["told_late"]


def test_a_large_notification_waits_in_the_payload_bucket(
    system: Any, record: Record, message: MessageOf
) -> None:
    ref = system.bucket.put("s", "context", {"note": "n" * 3000})
    task = system.record(submission="s", context_ref=ref)
    assert system.post(record(message(task))) == []
    ended = system.task()
    assert ended.notification is None
    assert system.bucket.objects[ended.notification_ref] == system.told[0]
    assert system.told[0]["context"] == {"note": "n" * 3000}


def test_a_context_that_is_gone_does_not_keep_the_task_from_ending(
    system: Any, record: Record, message: MessageOf
) -> None:
    task = system.record(submission="s", context_ref="s3://bucket/tasks/s/context.json")
    assert system.post(record(message(task))) == []
    assert system.told[0]["context"] == {}


def test_a_stale_submission_is_kept_counted_and_dropped(
    system: Any, record: Record, message: MessageOf
) -> None:
    old = system.record(submission="old")
    end(system, old)
    system.store.mark_notified("t", "old", now=system.now)
    new = system.record(submission="new")
    assert system.post(record(message(old))) == []
    assert (system.task(), system.told) == (new, [])
    assert "dead-letters/dlq/m-1.json" in system.bucket.objects
    assert system.meter.counted == {("DeadLetters", "queue=dlq", "reason=stale"): 1}


def test_a_cancelled_task_ends_as_cancelled(system: Any, record: Record, message: MessageOf) -> None:
    task = system.record()
    system.store.claim("t", task.submission, token="agent", lease_until=system.now, now=system.now)
    system.store.cancel("t", outcome=outcome(Status.CANCELLED), now=system.now)
    assert system.post(record(message(task))) == []
    assert system.task().status is Status.CANCELLED
    assert system.told[0]["status"] == "cancelled"


@pytest.mark.parametrize(("kind", "code"), [(Kind.DEAD, "expired"), (Kind.UNROUTED, "unknown_runtime")])
def test_a_task_that_had_to_start_by_now_is_expired_unless_it_could_never_start(
    system: Any, record: Record, message: MessageOf, kind: Kind, code: str
) -> None:
    task = system.record(deadline=system.now - 1)
    system.post(record(message(task), attributes={"runtime": "nowhere"}), kind=kind)
    assert system.told[0]["error"]["code"] == code


def test_a_bare_message_for_an_unfinished_id_is_told_as_a_conflict_each_time_with_one_event_id(
    system: Any, record: Record, bare: Record
) -> None:
    task = system.record()
    sent = record(bare(context={"mine": 1}))
    assert system.post(sent) == []
    end(system, task)
    system.store.mark_notified("t", task.submission, now=system.now)
    assert system.post(sent) == []
    assert {told["error"]["code"] for told in system.told} == {"conflict"}
    assert len({announced.event_id for announced in system.topic.told}) == 1
    assert system.told[0]["context"] == {"mine": 1}
    assert system.told[0]["submission"] != task.submission
    assert system.task().submission == task.submission


def test_a_bare_message_may_follow_a_finished_task_and_is_stale_once_another_follows_it(
    system: Any, record: Record, bare: Record
) -> None:
    first = system.record()
    end(system, first)
    sent = record(bare())
    assert system.post(sent) == []
    assert [told["submission"] == first.submission for told in map(dict, system.told[1:])] == [False]
    assert system.topic.told[0].submission == first.submission, "the one before is told first"
    system.record(submission="third")
    assert system.post(sent) == []
    assert system.outcomes[-1] == "stale"
    assert system.task().submission == "third"


@pytest.mark.parametrize(
    "body",
    ["{not json", "[]", '{"metadata": {"runtime": "x"}}', '{"metadata": {"id": "../t"}, "content": {}}'],
)
def test_an_unreadable_message_without_an_id_is_kept_with_the_reason_and_counted(
    system: Any, record: Record, body: str
) -> None:
    assert system.post(record(body)) == []
    letter = system.bucket.objects["dead-letters/dlq/m-1.json"]
    assert letter["body"] == body
    assert letter["reason"]
    assert system.told == []
    assert system.meter.counted == {
        ("DeadLetters", "queue=dlq", "reason=unreadable"): 1,
        ("UnreadableKept", "queue=dlq"): 1,
    }


def test_an_unreadable_message_with_an_id_ends_a_task_and_tells_it(system: Any, record: Record) -> None:
    sent = record({"metadata": {"id": "t"}, "content": "no object"})
    assert system.post(sent) == []
    assert system.post(sent) == []
    [told] = system.told
    assert told["error"]["code"] == "unreadable_message"
    assert told["output_url"] is None
    assert system.task().is_finished


def test_an_unreadable_message_of_a_submission_ends_that_one(
    system: Any, record: Record, message: MessageOf
) -> None:
    task = system.record()
    system.post(record(message(task) | {"content": 7}))
    assert system.told[0]["submission"] == task.submission
    assert system.told[0]["error"]["code"] == "unreadable_message"


def test_an_unreadable_message_leaves_another_s_unfinished_task_alone(system: Any, record: Record) -> None:
    task = system.record()
    assert system.post(record({"metadata": {"id": "t"}, "content": "no object"})) == []
    assert (system.task(), system.told) == (task, [])


def test_an_unreadable_message_is_told_once_though_its_id_went_on_to_another_task(
    system: Any, record: Record
) -> None:
    sent = record({"metadata": {"id": "t"}, "content": "no object"})
    assert system.post(sent) == []
    other = system.record(submission="another's")
    end(system, other)
    system.store.mark_notified("t", other.submission, now=system.now)
    assert system.post(sent) == []
    assert [told["error"]["code"] for told in system.told] == ["unreadable_message"]
    assert system.task().submission == other.submission


def test_metadata_too_large_for_a_row_counts_as_unreadable(system: Any, record: Record, bare: Record) -> None:
    body = bare(runtime="r" * 256, prefix="p" * 512, callback_url="https://" + "u" * 1016, context="c" * 254)
    body["metadata"]["tasktype"] = "t" * 128
    body["metadata"]["id"] = "i" * 128
    assert system.post(record(body)) == []
    assert system.outcomes == ["unreadable"]
    assert system.told[0]["error"]["code"] == "unreadable_message"


def test_a_message_that_was_committed_but_not_told_is_told_when_it_comes_again(
    system: Any, record: Record, message: MessageOf
) -> None:
    sent = record(message(system.record()))
    system.topic.broken = True
    assert system.post(sent) == ["m-1"]
    assert system.task().status is Status.FAILED
    system.topic.broken = False
    assert system.post(sent) == []
    assert system.task().is_finished
    assert len(system.told) == 1


def test_a_told_message_whose_answer_was_lost_is_told_again_with_the_same_event_id(
    system: Any, record: Record, message: MessageOf
) -> None:
    sent = record(message(system.record()))
    system.topic.lost = True
    assert system.post(sent) == ["m-1"]
    system.topic.lost = False
    assert system.post(sent) == []
    assert len(system.topic.told) == 2
    assert len({(announced.event_id, announced.text) for announced in system.topic.told}) == 1


def test_one_bad_message_does_not_keep_the_others_from_ending(
    system: Any, record: Record, bare: Record
) -> None:
    broken = record(bare("b"), message_id="m-2")
    del broken["receiptHandle"]
    good = [record(bare("a"), message_id="m-1"), record(bare("c"), message_id="m-3")]
    assert system.post(good[0], broken, good[1]) == ["m-2"]
    assert system.task("a").is_finished
    assert system.task("c").is_finished


@pytest.mark.parametrize(("receives", "seconds"), [(1, 2), (3, 8), (40, 120)])
def test_while_a_service_is_away_messages_come_again_after_at_most_two_minutes(
    system: Any, record: Record, bare: Record, receives: int, seconds: int
) -> None:
    system.store.available = False
    assert system.post(record(bare(), receives=receives)) == ["m-1"]
    assert system.queues.hidden[0][2] == seconds
    [(level, _, extra)] = system.log.lines
    assert (level, extra["outcome"], extra["error"]) == ("error", "unavailable", "TableUnavailableError")


def test_what_there_is_no_time_for_comes_again_untouched(
    system: Any, record: Record, bare: Record, context: Any
) -> None:
    records = [record(bare(name), message_id=f"m-{name}") for name in "abc"]
    assert system.post(*records, context=context([60_000, 14_999])) == ["m-b", "m-c"]
    assert system.task("a").is_finished
    assert system.store.get("b") is None
    assert system.queues.hidden == []


def test_an_agent_that_takes_the_task_between_seizing_and_committing_wins(
    system: Any, record: Record, message: MessageOf
) -> None:
    """The function was frozen for longer than its lease."""
    task = system.record()
    store = system.bucket.store

    def slow(prefix: str, task_id: str, document: dict[str, Any]) -> str:
        url: str = store(prefix, task_id, document)
        system.now += 2 * MINUTE
        system.store.claim(
            "t", task.submission, token="agent", lease_until=system.now + MINUTE, now=system.now
        )
        return url

    system.bucket.store = slow
    assert system.post(record(message(task))) == ["m-1"]
    assert (system.task().status, system.task().token) == (Status.RUNNING, "agent")
    assert system.told == []
    assert system.bucket.outs() == []
    assert system.queues.hidden[0][2] == 61


def test_nothing_that_a_user_wrote_is_logged(system: Any, record: Record, bare: Record) -> None:
    system.post(record(bare()), record('{"secret": dog', message_id="m-2"))
    system.store.available = False
    system.post(record(bare("u"), message_id="m-3"))
    assert system.log.lines
    assert "secret" not in json.dumps(system.log.lines)


@settings(max_examples=200, deadline=None)
@given(
    body=st.one_of(
        st.text(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["metadata", "content", "schema", "submission", "Type", "Message", "id"]),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        ),
    ),
    attributes=st.dictionaries(st.sampled_from(["runtime", "traceparent"]), st.text(min_size=1, max_size=9)),
    kind=st.sampled_from(Kind),
)
def test_whatever_comes_is_kept_and_never_stays(
    make_system: Any, record: Record, body: Any, attributes: dict[str, str], kind: Kind
) -> None:
    system = make_system()
    assert system.post(record(body, attributes=attributes), kind=kind) == []
    assert "dead-letters/dlq/m-1.json" in system.bucket.objects


def end(system: Any, task: Task, **fields: Any) -> None:
    system.store.seize(task.id, task.submission, token="x", lease_until=system.now + MINUTE, now=system.now)
    system.store.commit(task.id, task.submission, "x", outcome(**fields), now=system.now)
