import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from local.traces.errors import MalformedError, TooLargeError
from local.traces.otlp import JSON, PROTOBUF, answer, read_request, unpacked
from local.traces.spans import LONGEST_TEXT, Link, Span

TRACE, SPAN, PARENT = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174", "eee19b7ec3c1b173"


def in_json(**changes: Any) -> bytes:
    span = {
        "traceId": TRACE.upper(),
        "spanId": SPAN,
        "parentSpanId": PARENT,
        "name": "infer",
        "kind": 3,
        "startTimeUnixNano": "1700000000000000000",
        "endTimeUnixNano": "1700000000500000000",
        "attributes": [
            {"key": "darkroom.gpu", "value": {"boolValue": True}},
            {"key": "darkroom.seed", "value": {"intValue": "4294967295"}},
            {"key": "big", "value": {"intValue": "9007199254740993"}},
            {
                "key": "sizes",
                "value": {"arrayValue": {"values": [{"intValue": "512"}, {"doubleValue": 1.5}]}},
            },
            {
                "key": "more",
                "value": {"kvlistValue": {"values": [{"key": "a", "value": {"stringValue": "b"}}]}},
            },
        ],
        "links": [{"traceId": "f" * 32, "spanId": "a" * 16}, {"traceId": "", "spanId": ""}],
        "events": [{"name": "exception", "timeUnixNano": "1700000000100000000"}],
        "status": {"code": 2, "message": "out of memory"},
        "somethingNew": 1,
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "sketch-sdwebui"}}]}
    scope = {"scope": {}, "spans": [span | changes]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}).encode()


def in_protobuf(body: bytes) -> bytes:
    """Encode the same again, as the SDKs do by default."""
    [span] = read_request(body, JSON).spans
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.add(key="service.name").value.string_value = span.service
    wire = resource_spans.scope_spans.add().spans.add(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        name=span.name,
        kind="SPAN_KIND_CLIENT",
        start_time_unix_nano=span.start,
        end_time_unix_nano=span.end,
    )
    wire.attributes.add(key="nan").value.double_value = float("nan")
    wire.attributes.add(key="raw").value.bytes_value = b"\x00\xff"
    wire.attributes.add(key="none")
    return request.SerializeToString()


def test_json_has_its_ids_in_hex() -> None:
    [span] = read_request(in_json(), JSON).spans
    assert span == Span(
        trace_id=TRACE,
        span_id=SPAN,
        parent_id=PARENT,
        name="infer",
        service="sketch-sdwebui",
        kind="client",
        start=1_700_000_000_000_000_000,
        end=1_700_000_000_500_000_000,
        error=True,
        message="out of memory",
        attributes={
            "darkroom.gpu": True,
            "darkroom.seed": 4294967295,
            "big": "9007199254740993",
            "sizes": [512, 1.5],
            "more": {"a": "b"},
        },
        links=(Link("f" * 32, "a" * 16),),
        events=span.events,
    )
    assert [(event.name, event.at) for event in span.events] == [("exception", 1_700_000_000_100_000_000)]


def test_protobuf_says_the_same() -> None:
    [span] = read_request(in_protobuf(in_json()), PROTOBUF).spans
    assert (span.trace_id, span.span_id, span.parent_id) == (TRACE, SPAN, None)
    assert (span.name, span.service, span.kind) == ("infer", "sketch-sdwebui", "client")
    assert span.attributes == {"nan": "nan", "raw": "00ff", "none": None}


@pytest.mark.parametrize(
    "changes",
    [
        {"traceId": "0" * 32},
        {"traceId": "abc"},
        {"spanId": ""},
        {"startTimeUnixNano": "0"},
        {"endTimeUnixNano": "18446744073709551615"},
    ],
)
def test_a_span_without_ids_or_times_is_counted_and_left_out(changes: dict[str, str]) -> None:
    received = read_request(in_json(**changes), JSON)
    assert (received.spans, received.rejected) == ([], 1)


def test_a_span_that_ends_before_it_begins_has_no_length() -> None:
    [span] = read_request(in_json(endTimeUnixNano="1600000000000000000"), JSON).spans
    assert span.end == span.start


def test_long_texts_and_long_lists_of_attributes_are_cut() -> None:
    many = [{"key": f"k{number}", "value": {"stringValue": "x" * 10_000}} for number in range(1000)]
    [span] = read_request(in_json(name="n" * 10_000, attributes=many), JSON).spans
    assert len(span.name) == LONGEST_TEXT
    assert len(span.attributes) == 128
    assert all(len(str(value)) == LONGEST_TEXT for value in span.attributes.values())


def test_who_names_no_service_gets_the_name_that_the_specification_has_for_it() -> None:
    body = json.loads(in_json())
    del body["resourceSpans"][0]["resource"]
    [span] = read_request(json.dumps(body).encode(), JSON).spans
    assert span.service == "unknown_service"


@pytest.mark.parametrize("media_type", [JSON, PROTOBUF])
@given(body=st.binary(max_size=200))
@settings(deadline=None)
def test_garbage_is_refused_or_holds_no_spans(media_type: str, body: bytes) -> None:
    try:
        received = read_request(body, media_type)
    except MalformedError:
        return
    assert received.spans == []


@pytest.mark.parametrize("body", [b"[]", b"null", b'"a"', b'{"resourceSpans": 1}', b"[" * 100_000])
def test_json_that_is_something_else_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedError, match="not an OTLP export request in JSON"):
        read_request(body, JSON)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("", b"spans"),
        ("identity", b"spans"),
        ("gzip", gzip.compress(b"spans")),
        ("deflate", zlib.compress(b"spans")),
    ],
)
def test_bodies_are_unpacked(encoding: str, packed: bytes) -> None:
    assert unpacked(packed, encoding, limit=5) == b"spans"


@pytest.mark.parametrize(
    ("encoding", "packed"), [("gzip", b"spans"), ("gzip", gzip.compress(b"spans")[:-9]), ("br", b"spans")]
)
def test_what_cannot_be_unpacked_is_refused(encoding: str, packed: bytes) -> None:
    with pytest.raises(MalformedError, match=encoding):
        unpacked(packed, encoding, limit=100)


@pytest.mark.parametrize(
    ("encoding", "packed"), [("", b"x" * 11), ("gzip", gzip.compress(b"x" * 10_000_000))]
)
def test_a_body_is_not_unpacked_further_than_to_the_limit(encoding: str, packed: bytes) -> None:
    with pytest.raises(TooLargeError, match="more than 10 bytes"):
        unpacked(packed, encoding, limit=10)


def test_the_answer_tells_how_many_were_rejected() -> None:
    assert json.loads(answer(JSON, 0)) == {}
    assert json.loads(answer(JSON, 2))["partialSuccess"]["rejectedSpans"] == "2"
    response = ExportTraceServiceResponse()
    response.ParseFromString(answer(PROTOBUF, 2))
    assert response.partial_success.rejected_spans == 2
