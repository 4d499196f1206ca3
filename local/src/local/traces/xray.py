"""X-Ray segment documents, as Lambda functions send them to the daemon: one UDP datagram each (DESIGN 6)."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from local.traces.errors import MalformedError
from local.traces.spans import (
    KINDS,
    LATEST,
    MOST_LINKS,
    Link,
    Span,
    Value,
    plain_attributes,
    span_id_of,
    text,
    trace_id_of,
)
from telemetry.names import SEARCHED

_NANOSECONDS = 1_000_000_000
_DEEPEST = 32  # subsegments in subsegments
_MARKS = ("error", "fault", "throttle")
# Indexed annotations say again what the attributes say; where only they came, they are taken.
_ANNOTATIONS = {name.replace(".", "_"): name for name in SEARCHED}


def read_datagram(datagram: bytes) -> list[Span]:
    """Return the spans of one datagram: of the document, and of the subsegments in it.

    Raises:
        MalformedError: it is not a header line and a segment document.
    """
    header, newline, body = datagram.partition(b"\n")
    try:
        if not newline or json.loads(header).get("format") != "json":
            raise MalformedError("the first line is not the daemon's header")
        document = json.loads(body)
    except (ValueError, AttributeError, RecursionError) as exc:
        raise MalformedError("neither header nor document are JSON objects") from exc
    trace_id = trace_id_of(str(document.get("trace_id"))) if isinstance(document, dict) else None
    if trace_id is None:
        raise MalformedError("the document has no trace id")
    spans = list(_spans(document, trace_id, None, None, 0))
    if not spans:
        raise MalformedError("the document has no id or no time")
    return spans


def _spans(
    document: Any, trace_id: str, parent_id: str | None, service: str | None, depth: int
) -> Iterator[Span]:
    span = _span(document, trace_id, parent_id, service) if isinstance(document, dict) else None
    if span is None:
        return
    yield span
    below = document.get("subsegments")
    if isinstance(below, list) and depth < _DEEPEST:
        for each in below:
            yield from _spans(each, trace_id, span.span_id, span.service, depth + 1)


def _span(
    document: Mapping[str, Any], trace_id: str, parent_id: str | None, service: str | None
) -> Span | None:
    span_id, start = span_id_of(str(document.get("id"))), _time(document.get("start_time"))
    if span_id is None or start is None:
        return None
    end = _time(document.get("end_time")) or start  # without one it is in progress, and is sent again
    ours = _mapping(_mapping(document.get("metadata")).get("darkroom"))
    name = text(document.get("name") or "?")
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=parent_id or span_id_of(str(document.get("parent_id"))),
        name=name,
        service=text(ours.get("service") or service or name),
        kind=_kind(document, ours, within=parent_id is not None),
        start=start,
        end=max(start, end),
        error=any(document.get(mark) is True for mark in _MARKS),
        attributes=_attributes(document, ours),
        links=tuple(_links(document.get("links"))),
    )


def _time(seconds: Any) -> int | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    if not 0 < seconds < LATEST // _NANOSECONDS:  # NaN is neither
        return None
    return round(seconds * 1_000_000) * 1000  # a float of today's seconds holds microseconds, not more


def _kind(document: Mapping[str, Any], ours: Mapping[str, Any], *, within: bool) -> str:
    if (kind := str(ours.get("kind")).lower()) in KINDS:
        return kind
    if not within and document.get("type") != "subsegment":
        return "server"
    return "client" if document.get("namespace") in ("remote", "aws") else "internal"


def _attributes(document: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Value]:
    annotations = _mapping(document.get("annotations"))
    named = {_ANNOTATIONS[key]: value for key, value in annotations.items() if key in _ANNOTATIONS}
    return plain_attributes({**named, **_mapping(ours.get("attributes"))})


def _links(links: Any) -> Iterator[Link]:
    for link in links[:MOST_LINKS] if isinstance(links, list) else ():
        trace_id = trace_id_of(str(_mapping(link).get("trace_id")))
        span_id = span_id_of(str(_mapping(link).get("id")))
        if trace_id is not None and span_id is not None:
            yield Link(trace_id, span_id)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
