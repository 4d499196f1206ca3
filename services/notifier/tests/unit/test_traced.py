"""What letters and swept tasks leave in their traces."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from notifier.settings import Kind
from task_store import Task
from task_store.testing import outcome

type Record = Callable[..., dict[str, Any]]
type MessageOf = Callable[[Task], dict[str, Any]]

MINUTE = 60
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
XRAY_ID = "1-0af76519-16cd43dd8448eb211c80319c"
PRODUCER = "b7ad6b7169203331"
TRACE = f"00-{TRACE_ID}-{PRODUCER}-01"
INVOCATION = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled={}"
SECRET = "A secret dog"


def named(system: Any, name: str) -> dict[str, Any]:
    [document] = [document for document in system.documents if document["name"] == name]
    found: dict[str, Any] = document
    return found


def attributes(document: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = document["metadata"]["darkroom"]["attributes"]
    return told


def traced(record: Record, body: Any, trace: str = TRACE, **options: Any) -> dict[str, Any]:
    return record(body, attributes={"runtime": "sdruntime", "traceparent": trace}, **options)


def test_a_letter_hangs_on_the_span_that_published_it(
    system: Any, record: Record, message: MessageOf
) -> None:
    task = system.record()
    system.post(traced(record, message(task)))
    process = named(system, "process dead")
    assert (process["trace_id"], process["parent_id"]) == (XRAY_ID, PRODUCER)
    assert "type" not in process
    assert process["metadata"]["darkroom"]["kind"] == "consumer"
    assert process["annotations"] == {
        "darkroom_task_id": "t",
        "darkroom_submission": task.submission,
        "darkroom_runtime": "sdruntime",
        "darkroom_task_type": "text-to-image",
        "darkroom_outcome": "attempts_exhausted",
        "darkroom_code": "attempts_exhausted",
    }
    assert attributes(process)["messaging.destination.name"] == "dlq"
    for name in ("end", "publish notifications"):
        assert named(system, name)["parent_id"] == process["id"]
    assert len(system.documents) == 3


def test_the_notification_goes_on_where_it_was_published(
    system: Any, record: Record, message: MessageOf
) -> None:
    system.post(traced(record, message(system.record())))
    [announced] = system.topic.told
    assert announced.traceparent == f"00-{TRACE_ID}-{named(system, 'publish notifications')['id']}-01"


def test_the_log_line_names_trace_and_task(system: Any, record: Record, message: MessageOf) -> None:
    system.post(traced(record, message(system.record())))
    [(_, _, line)] = system.log.lines
    process = named(system, "process dead")
    assert (line["trace_id"], line["span_id"], line["task"]) == (TRACE_ID, process["id"], "t")


@pytest.mark.parametrize("broken", [None, "garbage", "00-" + "0" * 32 + "-b7ad6b7169203331-01"])
def test_what_aws_passed_on_counts_where_the_publisher_named_no_trace(
    system: Any, record: Record, message: MessageOf, broken: str | None
) -> None:
    sent = record(message(system.record()), attributes={"traceparent": broken} if broken else {})
    sent["attributes"]["AWSTraceHeader"] = f"Root={XRAY_ID};Parent={PRODUCER};Sampled=1"
    system.post(sent)
    assert named(system, "process dead")["parent_id"] == PRODUCER


def test_a_letter_without_a_trace_starts_one_of_its_own(system: Any, record: Record, bare: Record) -> None:
    system.trace = INVOCATION.format(1)
    system.post(
        record(bare("a"), message_id="m-1", attributes={}),
        record(bare("b"), message_id="m-2", attributes={}),
        kind=Kind.UNROUTED,
    )
    processes = [document for document in system.documents if document["name"] == "process unrouted"]
    assert len({document["trace_id"] for document in processes}) == 2
    assert not any("parent_id" in document for document in processes)
    assert "5759e988" not in json.dumps(system.documents)
    assert SECRET not in json.dumps(system.documents)
    told = {announced.id: announced.traceparent for announced in system.topic.told}
    for document in processes:
        trace_id = document["trace_id"][2:].replace("-", "")
        assert told[document["annotations"]["darkroom_task_id"]][3:35] == trace_id


def test_where_the_invocation_is_not_sampled_no_trace_starts(
    system: Any, record: Record, bare: Record
) -> None:
    system.trace = INVOCATION.format(0)
    assert system.post(record(bare(), attributes={})) == []
    assert system.documents == []
    assert system.topic.told[0].traceparent is None
    assert "trace_id" not in system.log.lines[0][2]


def test_a_trace_that_nobody_keeps_goes_on_unkept(system: Any, record: Record, message: MessageOf) -> None:
    system.post(traced(record, message(system.record()), trace=TRACE[:-1] + "0"))
    assert system.documents == []
    assert system.topic.told[0].traceparent == TRACE[:-1] + "0"


def test_where_spans_go_nowhere_the_trace_goes_on_as_it_came(
    make_system: Any, record: Record, message: MessageOf
) -> None:
    system = make_system(exported=False)
    system.post(traced(record, message(system.record())))
    assert system.topic.told[0].traceparent == TRACE


def test_a_task_in_other_hands_is_no_fault(system: Any, record: Record, message: MessageOf) -> None:
    task = system.record()
    lease = system.now + MINUTE * 1000
    system.store.claim("t", task.submission, token="a", lease_until=lease, now=system.now)
    assert system.post(traced(record, message(task))) == ["m-1"]
    process = named(system, "process dead")
    assert (process["annotations"]["darkroom_outcome"], process.get("fault")) == ("later", None)
    assert named(system, "end")["error"]


def test_an_outage_is_a_fault_where_it_happened(system: Any, record: Record, message: MessageOf) -> None:
    task = system.record()
    system.topic.broken = True
    assert system.post(traced(record, message(task))) == ["m-1"]
    assert "fault" not in named(system, "end")
    assert named(system, "publish notifications")["fault"]
    process = named(system, "process dead")
    assert (process["fault"], attributes(process)["error.type"]) == (True, "UnavailableError")
    assert process["annotations"]["darkroom_outcome"] == "unavailable"
    (_, _, line) = system.log.lines[0]
    assert line["trace_id"] == TRACE_ID


@pytest.mark.parametrize(
    "body", ["not json", '{"metadata": {"id": "t"}, "content": {"prompt": "A secret dog"}}']
)
def test_a_letter_that_cannot_be_read_has_a_span_without_its_text(
    system: Any, record: Record, body: str
) -> None:
    system.post(traced(record, body))
    assert named(system, "process dead")["annotations"]["darkroom_outcome"] == "unreadable"
    assert SECRET not in json.dumps(system.documents)


def test_a_swept_task_is_in_the_trace_of_its_request(system: Any) -> None:
    task = system.record(trace_id=TRACE_ID, ago=16 * MINUTE)
    system.sweep()
    sweep = named(system, "sweep")
    assert sweep["trace_id"] == XRAY_ID
    assert not {"parent_id", "type"} & sweep.keys()
    assert (sweep["annotations"]["darkroom_code"], sweep["annotations"]["darkroom_submission"]) == (
        "not_published",
        task.submission,
    )
    assert named(system, "end")["parent_id"] == sweep["id"]
    published = named(system, "publish notifications")
    assert system.topic.told[0].traceparent == f"00-{TRACE_ID}-{published['id']}-01"
    [line] = [line for _, said, line in system.log.lines if said == "task"]
    assert (line["trace_id"], line["span_id"], line["task"]) == (TRACE_ID, sweep["id"], "t")


def test_a_swept_task_without_a_trace_starts_one(system: Any) -> None:
    system.record(ago=16 * MINUTE)
    system.sweep()
    traces = {document["trace_id"] for document in system.documents}
    assert len(system.documents) == 3
    assert len(traces) == 1


def test_an_end_that_is_told_late_is_traced_too(system: Any) -> None:
    task = system.record(trace_id=TRACE_ID, ago=16 * MINUTE)
    earlier = system.now - 10 * MINUTE * 1000
    system.store.seize("t", task.submission, token="a", lease_until=earlier + 1, now=earlier)
    system.store.commit("t", task.submission, "a", outcome(), now=earlier)
    system.sweep()
    assert named(system, "sweep")["annotations"]["darkroom_outcome"] == "told_late"
    assert [document["name"] for document in system.documents] == ["publish notifications", "sweep"]


def test_a_task_that_only_waits_leaves_no_span(system: Any) -> None:
    system.record(trace_id=TRACE_ID, ago=6 * MINUTE)
    assert system.sweep()["done"] == {"postponed": 1}
    assert system.documents == []


def test_a_sweep_that_fails_says_in_which_trace(system: Any) -> None:
    system.record(trace_id=TRACE_ID, ago=16 * MINUTE)
    system.topic.broken = True
    assert system.sweep()["done"] == {"failed": 1}
    assert named(system, "sweep")["fault"]
    [failed] = [line for level, said, line in system.log.lines if (level, said) == ("error", "task")]
    assert failed["trace_id"] == TRACE_ID


def test_fifty_tasks_that_are_swept_at_once_stay_in_their_traces(system: Any) -> None:
    for number in range(50):
        system.record(f"t{number}", trace_id=f"{number + 1:032x}", submission=f"s{number}", ago=16 * MINUTE)
    assert system.sweep()["done"] == {"not_published": 50}
    assert len(system.documents) == 150
    traces = {
        document["annotations"]["darkroom_task_id"]: document["trace_id"]
        for document in system.documents
        if document["name"] == "sweep"
    }
    assert traces == {f"t{number}": f"1-{0:08x}-{number + 1:024x}" for number in range(50)}
    parents = {document["id"]: document["trace_id"] for document in system.documents}
    for document in system.documents:
        if "parent_id" in document:
            assert parents[document["parent_id"]] == document["trace_id"]
