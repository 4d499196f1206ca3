"""Segment documents: what is sent, where to, and that nothing of it can go wrong for a task."""

import enum
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry import names
from telemetry.context import TraceContext, read_traceparent
from telemetry.segments import (
    DAEMON_ADDRESS,
    MAX_ATTRIBUTES,
    MAX_DATAGRAM,
    MAX_LINKS,
    MAX_NAME,
    MAX_VALUE,
    Daemon,
    Segments,
)

PARENT = TraceContext("5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8", sampled=True)
OTHER = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", sampled=False)
TRACE_ID = "1-5759e988-bd862e3fe1be46a994272793"


class Sent:
    """Takes datagrams."""

    def __init__(self) -> None:
        self.datagrams: list[bytes] = []

    def take(self, datagram: bytes) -> None:
        self.datagrams.append(datagram)

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [read(datagram) for datagram in self.datagrams]

    @property
    def only(self) -> dict[str, Any]:
        [document] = self.documents
        return document


class RefusedError(Exception):
    pass


def read(datagram: bytes) -> dict[str, Any]:
    header, _, text = datagram.partition(b"\n")
    assert json.loads(header) == {"format": "json", "version": 1}
    assert b"\n" not in text
    document: dict[str, Any] = json.loads(text)
    return document


def told(document: dict[str, Any]) -> dict[str, Any]:
    attributes: dict[str, Any] = document["metadata"]["darkroom"]["attributes"]
    return attributes


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def segments(sent: Sent) -> Segments:
    return Segments(sent.take, service="darkroom-validator", refusals=(RefusedError,))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(5)
        yield made


def test_a_span_is_a_subsegment_of_its_parent(segments: Segments, sent: Sent) -> None:
    before = time.time()
    with segments.span("parse", PARENT, attributes={names.TASK_ID: "t"}) as span:
        span.set(names.STEPS, 16)
    document = sent.only
    assert before <= document.pop("start_time") <= document.pop("end_time") <= time.time() + 0.01
    assert span.context is not None
    assert document == {
        "trace_id": TRACE_ID,
        "id": span.context.span_id,
        "parent_id": PARENT.span_id,
        "type": "subsegment",
        "name": "parse",
        "annotations": {"darkroom_task_id": "t"},
        "metadata": {
            "darkroom": {
                "service": "darkroom-validator",
                "kind": "internal",
                "attributes": {"darkroom.task.id": "t", "darkroom.steps": 16},
            }
        },
    }


def test_children_end_before_their_parent_and_name_it(segments: Segments, sent: Sent) -> None:
    with segments.span("outer", PARENT, kind="server") as outer, outer.child("inner"):
        pass
    inner, document = sent.documents
    assert inner["parent_id"] == document["id"]
    assert document["start_time"] <= inner["start_time"] <= inner["end_time"] <= document["end_time"]


def test_the_next_service_hangs_on_the_producer(segments: Segments, sent: Sent) -> None:
    with segments.span("publish", PARENT, kind="producer") as span:
        assert span.context is not None
        carried = read_traceparent(span.context.traceparent)
    with segments.span("process", carried, kind="consumer"):
        pass
    published, processed = sent.documents
    assert published["namespace"] == "remote"
    assert processed["parent_id"] == published["id"]
    assert processed["trace_id"] == published["trace_id"] == TRACE_ID
    assert "type" not in processed


def test_a_message_without_a_trace_starts_one(segments: Segments, sent: Sent) -> None:
    with segments.root("process", kind="consumer") as span:
        assert span.log_fields.keys() == {"trace_id", "span_id"}
    document = sent.only
    assert not {"parent_id", "type"} & document.keys()
    assert document["trace_id"].replace("-", "")[1:] == span.log_fields["trace_id"]


def test_links_are_kept_whether_sampled_or_not(segments: Segments, sent: Sent) -> None:
    with segments.span("process", PARENT) as span:
        span.link(OTHER)
        span.link(None)
    assert sent.only["links"] == [{"trace_id": "1-0af76519-16cd43dd8448eb211c80319c", "id": OTHER.span_id}]


@pytest.mark.parametrize(
    ("error", "state"), [(ValueError, "fault"), (RefusedError, "error"), (SystemExit, "fault")]
)
def test_an_exception_marks_its_span_by_type_and_goes_on(
    segments: Segments, sent: Sent, error: type[BaseException], state: str
) -> None:
    def fail() -> None:
        with segments.span("parse", PARENT):
            raise error("a secret")

    with pytest.raises(error, match="a secret"):
        fail()
    assert sent.only[state] is True
    assert told(sent.only)[names.ERROR_TYPE] == error.__name__
    assert b"a secret" not in sent.datagrams[0]


def test_a_failure_may_be_said_without_an_exception(segments: Segments, sent: Sent) -> None:
    with segments.span("request", PARENT) as span:
        span.fail("bad_json", fault=False)
    assert (sent.only["error"], told(sent.only)[names.ERROR_TYPE]) == (True, "bad_json")
    assert "fault" not in sent.only


@pytest.mark.parametrize("parent", [None, OTHER])
def test_nothing_is_sent_of_a_trace_that_nobody_keeps(
    segments: Segments, sent: Sent, parent: TraceContext | None
) -> None:
    with segments.span("outer", parent, attributes={names.TASK_ID: "t"}) as outer:
        outer.set(names.STEPS, 1)
        outer.link(PARENT)
        outer.fail("x")
        with outer.child("inner", kind="producer") as inner:
            assert inner.context == outer.context == parent
    assert outer.log_fields == {}
    assert sent.datagrams == []


def test_a_new_trace_that_is_not_sampled_is_none(segments: Segments, sent: Sent) -> None:
    with segments.root("process", sampled=False) as span, span.child("end") as child:
        assert (span.context, child.context, child.log_fields) == (None, None, {})
    assert sent.datagrams == []


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "nonsense",
        "127.0.0.1",
        "127.0.0.1:",
        ":2000",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:99999999999999",
        "127.0.0.1:²",
        "localhost.invalid:2000",
        "é:2000",
        "tcp:127.0.0.1:2000",
    ],
)
def test_without_an_address_the_trace_goes_on_from_where_it_came(address: str | None) -> None:
    env = {} if address is None else {DAEMON_ADDRESS: address}
    segments = Segments.from_environment(env, service="s")
    with segments.span("outer", PARENT) as outer, outer.child("inner") as inner:
        assert inner.context == PARENT
        assert inner.log_fields["span_id"] == PARENT.span_id
    with segments.root("process") as root:
        assert root.context is None


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "udp:127.0.0.1:{}", "tcp:127.0.0.1:1 udp:127.0.0.1:{}"])
def test_the_daemon_gets_what_is_sent(listener: socket.socket, form: str) -> None:
    daemon = Daemon.at(form.format(listener.getsockname()[1]))
    assert daemon is not None
    with Segments(daemon.send, service="s").span("parse", PARENT):
        pass
    daemon.close()
    assert read(listener.recv(65536))["name"] == "parse"


def test_a_daemon_that_is_not_there_is_not_noticed_and_found_once_it_is() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        port = made.getsockname()[1]
    daemon = Daemon.at(f"127.0.0.1:{port}")
    assert daemon is not None
    segments = Segments(daemon.send, service="s")
    for _ in range(3):
        with segments.span("lost", PARENT):
            pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", port))
        made.settimeout(5)
        with segments.span("found", PARENT):
            pass
        assert read(made.recv(65536))["name"] == "found"
    daemon.close()


def test_a_daemon_that_does_not_read_holds_nobody_up(listener: socket.socket) -> None:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    daemon = Daemon.at(f"127.0.0.1:{listener.getsockname()[1]}")
    assert daemon is not None
    segments = Segments(daemon.send, service="s")
    for _ in range(2000):
        with segments.span("x", PARENT) as span:
            span.set("a", "x" * MAX_VALUE)
    daemon.close()
    assert read(listener.recv(65536))["name"] == "x"


def test_a_network_that_is_gone_is_not_noticed() -> None:
    daemon = Daemon.at("127.0.0.1:2000")
    assert daemon is not None
    daemon.close()
    with Segments(daemon.send, service="s").span("parse", PARENT) as span:
        pass
    assert span.context is not None


class Code(enum.StrEnum):
    BAD = "bad"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("x" * (MAX_VALUE + 1), "x" * MAX_VALUE),
        (Code.BAD, "bad"),
        ((Code.BAD, "worse"), ["bad", "worse"]),
        (["x"] * 50, ["x"] * 16),
        (True, True),
        (2**63 - 1, 2**63 - 1),
        (2**63, "out of range"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ("half \ud800", "half ?"),
        (object(), "object"),
        ({"a": 1}, "dict"),
    ],
)
def test_a_value_is_kept_as_json_can_hold_it(segments: Segments, sent: Sent, value: Any, kept: Any) -> None:
    with segments.span("x", PARENT) as span:
        span.set("a", value)
        span.set("b", None)
    assert told(sent.only) == {"a": kept}


def test_several_codes_are_found_by_one_annotation(segments: Segments, sent: Sent) -> None:
    with segments.span("x", PARENT, attributes={names.CODE: ("bad_json", "bad_value")}):
        pass
    assert sent.only["annotations"] == {"darkroom_code": "bad_json,bad_value"}


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("POST /v1alpha2", "POST /v1alpha2"),
        ("node (KSampler) <1>;é", "node _KSampler_ _1__é"),
        ("x" * 500, "x" * MAX_NAME),
        ("", "span"),
    ],
)
def test_a_name_has_only_what_x_ray_takes(segments: Segments, sent: Sent, name: str, kept: str) -> None:
    with segments.span(name, PARENT):
        pass
    assert sent.only["name"] == kept


def test_a_span_has_an_end_to_what_it_takes(segments: Segments, sent: Sent) -> None:
    with segments.span("x", PARENT) as span:
        for number in range(500):
            span.set(f"a{number}", number)
            span.link(OTHER)
        span.set("a1", "again")
    assert len(told(sent.only)) == MAX_ATTRIBUTES
    assert told(sent.only)["a1"] == "again"
    assert len(sent.only["links"]) == MAX_LINKS


def test_a_document_that_is_too_large_leaves_its_attributes_behind(segments: Segments, sent: Sent) -> None:
    with segments.span("x", PARENT, attributes={names.TASK_ID: "t"}) as span:
        for number in range(MAX_ATTRIBUTES):
            span.set(f"a{number}", "é" * MAX_VALUE)
        span.link(OTHER)
    assert len(sent.datagrams[0]) <= MAX_DATAGRAM
    assert told(sent.only) == {}
    assert (sent.only["annotations"], len(sent.only["links"])) == ({"darkroom_task_id": "t"}, 1)
    assert sent.only["metadata"]["darkroom"]["kind"] == "internal"


values = st.text() | st.integers() | st.floats() | st.booleans() | st.lists(st.text(max_size=5)) | st.none()


@given(
    name=st.text(),
    attributes=st.dictionaries(
        st.sampled_from([names.TASK_ID, names.CODE]) | st.text(), values, max_size=100
    ),
    padding=st.text(max_size=1) | st.characters().map(lambda character: character * 2000),
)
@settings(deadline=None)
def test_whatever_a_span_is_told_it_is_one_datagram_of_json(
    name: str, attributes: dict[str, Any], padding: str
) -> None:
    sent = Sent()
    with Segments(sent.take, service="s").span(name, PARENT, attributes=attributes) as span:
        for indexed in (names.TASK_ID, names.RUNTIME, names.SUBMISSION, names.CODE, *map(str, range(60))):
            span.set(indexed, padding)
    assert len(sent.datagrams[0]) <= MAX_DATAGRAM
    document = sent.only
    assert document["trace_id"] == TRACE_ID
    assert 1 <= len(document["name"]) <= MAX_NAME
    json.dumps(document, allow_nan=False).encode()


def test_fifty_threads_do_not_mix_their_spans_up(segments: Segments, sent: Sent) -> None:
    def work(number: int) -> str:
        with segments.root("process", attributes={names.TASK_ID: str(number)}) as span:
            for _ in range(10):
                with span.child("end", attributes={names.TASK_ID: str(number)}):
                    pass
        assert span.context is not None
        return span.context.xray_trace_id

    with ThreadPoolExecutor(50) as pool:
        traces = list(pool.map(work, range(50)))
    assert len(set(traces)) == 50
    assert len(sent.documents) == 50 * 11
    for document in sent.documents:
        assert document["trace_id"] == traces[int(document["annotations"]["darkroom_task_id"])]
    assert len({document["id"] for document in sent.documents}) == 50 * 11
