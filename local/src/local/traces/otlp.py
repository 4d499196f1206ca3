"""OTLP over HTTP: what senders post to /v1/traces, as protobuf or as JSON (OpenTelemetry protocol 1.x)."""

import json
import zlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from local.traces.errors import MalformedError, TooLargeError
from local.traces.spans import (
    KINDS,
    LATEST,
    MOST_ATTRIBUTES,
    MOST_LINKS,
    Event,
    Link,
    Span,
    Value,
    plain,
    plain_attributes,
    span_id_of,
    text,
    trace_id_of,
)

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
SERVICE = "service.name"
NO_SERVICE = "unknown_service"
_ID_KEYS = ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id")
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True)
class Received:
    """The spans of one request, and how many of it were not spans that can be kept."""

    spans: list[Span]
    rejected: int


def unpacked(body: bytes, encoding: str, *, limit: int) -> bytes:
    """Return a request's body as it was before compression.

    Args:
        body: as it came.
        encoding: of the header Content-Encoding; empty for none.
        limit: bytes that it may have at most; no more are unpacked.

    Raises:
        MalformedError: it is not of this encoding, or the encoding is unknown.
        TooLargeError: it has more than `limit` bytes.
    """
    if encoding in ("", "identity"):
        whole = body
    elif encoding in ("gzip", "deflate"):
        unpacker = zlib.decompressobj(_GZIP if encoding == "gzip" else zlib.MAX_WBITS)
        try:
            whole = unpacker.decompress(body, limit + 1)
        except zlib.error as exc:
            raise MalformedError(f"the body is not {encoding}: {exc}") from exc
        if not unpacker.eof and len(whole) <= limit:
            raise MalformedError(f"the body is {encoding} that ends too early")
    else:
        raise MalformedError(f"Content-Encoding {encoding!r} is not gzip, deflate or identity")
    if len(whole) > limit:
        raise TooLargeError(f"more than {limit} bytes")
    return whole


def read_request(body: bytes, media_type: str) -> Received:
    """Read an export request.

    Args:
        body: not compressed.
        media_type: `application/x-protobuf` or `application/json`.

    Raises:
        MalformedError: it is not an export request.
    """
    request = _from_json(body) if media_type == JSON else _from_protobuf(body)
    spans, rejected = [], 0
    for service, wire in _wire_spans(request):
        span = _span(service, wire)
        if span is None:
            rejected += 1
        else:
            spans.append(span)
    return Received(spans, rejected)


def answer(media_type: str, rejected: int) -> bytes:
    """Return the body of the answer, in the sender's own encoding."""
    why = "trace id, span id or time is missing or wrong"
    if media_type == JSON:
        told = {"partialSuccess": {"rejectedSpans": str(rejected), "errorMessage": why}} if rejected else {}
        return json.dumps(told).encode()
    response = ExportTraceServiceResponse()
    if rejected:
        response.partial_success.rejected_spans = rejected
        response.partial_success.error_message = why
    return bytes(response.SerializeToString())


def _from_protobuf(body: bytes) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as exc:
        raise MalformedError("the body is not an OTLP ExportTraceServiceRequest in protobuf") from exc
    return request


def _from_json(body: bytes) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    try:
        data = json.loads(body, object_hook=_with_base64_ids)
        if not isinstance(data, dict):
            raise ValueError("it is no object")  # noqa: TRY004, TRY301 - one of those that are told below
        ParseDict(data, request, ignore_unknown_fields=True)
    except (ValueError, ParseError, RecursionError, TypeError, AttributeError) as exc:
        raise MalformedError(f"the body is not an OTLP export request in JSON: {str(exc)[:300]}") from exc
    return request


def _with_base64_ids(members: dict[str, Any]) -> dict[str, Any]:
    """OTLP writes ids in hex, where JSON of protobuf has base64 (OTLP specification, JSON encoding)."""
    for key in _ID_KEYS:
        value = members.get(key)
        if isinstance(value, str):
            try:
                members[key] = b64encode(bytes.fromhex(value)).decode()
            except ValueError:
                members[key] = ""
    return members


def _wire_spans(request: ExportTraceServiceRequest) -> Iterator[tuple[str, WireSpan]]:
    for resource_spans in request.resource_spans:
        resource = {each.key: each.value for each in resource_spans.resource.attributes}
        service = resource[SERVICE].string_value if SERVICE in resource else ""
        for scope_spans in resource_spans.scope_spans:
            for wire in scope_spans.spans:
                yield service or NO_SERVICE, wire


def _span(service: str, wire: WireSpan) -> Span | None:
    trace_id, span_id = trace_id_of(wire.trace_id.hex()), span_id_of(wire.span_id.hex())
    start, end = wire.start_time_unix_nano, wire.end_time_unix_nano
    if trace_id is None or span_id is None or not 0 < start <= LATEST or end > LATEST:
        return None
    kind = wire.kind - 1  # 0 is "unspecified", which counts as internal
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=span_id_of(wire.parent_span_id.hex()),
        name=text(wire.name),
        service=text(service),
        kind=KINDS[kind] if 0 <= kind < len(KINDS) else KINDS[0],
        start=start,
        end=max(start, end),
        error=wire.status.code == Status.STATUS_CODE_ERROR,
        message=text(wire.status.message),
        attributes=_attributes(wire.attributes),
        links=tuple(_links(wire)),
        events=tuple(
            Event(text(event.name), min(event.time_unix_nano, LATEST), _attributes(event.attributes))
            for event in wire.events[:MOST_LINKS]
        ),
    )


def _links(wire: WireSpan) -> Iterator[Link]:
    for link in wire.links[:MOST_LINKS]:
        trace_id, span_id = trace_id_of(link.trace_id.hex()), span_id_of(link.span_id.hex())
        if trace_id is not None and span_id is not None:
            yield Link(trace_id, span_id)


def _attributes(pairs: Any) -> dict[str, Value]:
    few: list[KeyValue] = pairs[:MOST_ATTRIBUTES]
    return plain_attributes({pair.key: _value(pair.value) for pair in few})


def _value(value: AnyValue, depth: int = 4) -> Value:
    which = value.WhichOneof("value")
    if which is None:
        return None
    if which == "array_value":
        return (
            [_value(each, depth - 1) for each in value.array_value.values[:MOST_ATTRIBUTES]] if depth else "…"
        )
    if which == "kvlist_value":
        members = value.kvlist_value.values[:MOST_ATTRIBUTES]
        return {each.key: _value(each.value, depth - 1) for each in members} if depth else "…"
    if which == "bytes_value":
        return text(value.bytes_value.hex())
    return plain(getattr(value, which))
