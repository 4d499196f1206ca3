"""A span as the store keeps it, whichever way it came."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KINDS = ("internal", "server", "client", "producer", "consumer")
LONGEST_TEXT = 4096  # characters of a name or of one attribute's text
MOST_ATTRIBUTES = 128  # of a span or of an event
MOST_LINKS = 128  # of a span; of its events too
LATEST = 2**63 - 1  # nanoseconds since 1970; what SQLite can store
_SAFE_INTEGER = 2**53  # beyond it JavaScript loses digits
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_SPAN_ID = re.compile(r"[0-9a-f]{16}")
_XRAY_TRACE_ID = re.compile(r"1-([0-9a-f]{8})-([0-9a-f]{24})")

type Value = str | bool | int | float | list["Value"] | dict[str, "Value"] | None


@dataclass(frozen=True, slots=True)
class Link:
    """Another span, in this trace or another, that has to do with this one."""

    trace_id: str
    span_id: str


ASIDE = Link(f"{0xA51DE:032x}", f"{0xA51DE:016x}")
"""No span is there: requests whose `traceparent` leads to it are the system's own probes of its API."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at one moment of a span; `at` in nanoseconds since 1970."""

    name: str
    at: int
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """A span. Ids are hex as in W3C Trace Context, `start` and `end` nanoseconds since 1970, start <= end."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    service: str
    kind: str
    start: int
    end: int
    error: bool = False
    message: str = ""
    attributes: Mapping[str, Value] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    events: tuple[Event, ...] = ()


def trace_id_of(text: str) -> str | None:
    """Return a trace id as 32 hex digits, from these or from X-Ray's form; None where it is neither."""
    lower = text.strip().lower()
    if xray := _XRAY_TRACE_ID.fullmatch(lower):
        lower = xray[1] + xray[2]
    return lower if _TRACE_ID.fullmatch(lower) and int(lower, 16) else None


def span_id_of(text: str) -> str | None:
    """Return a span id as 16 hex digits; None where it is not one."""
    lower = text.lower()
    return lower if _SPAN_ID.fullmatch(lower) and int(lower, 16) else None


def plain_attributes(attributes: Mapping[str, Any]) -> dict[str, Value]:
    """Return attributes of sane number and size, which JSON and a browser can take."""
    few = list(attributes.items())[:MOST_ATTRIBUTES]
    return {text(name): plain(value) for name, value in few}


def plain(value: Any, *, depth: int = 4) -> Value:
    """Return a value that JSON and a browser can take: no NaN, no endless list."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _SAFE_INTEGER else str(value)[:LONGEST_TEXT]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping) and depth:
        few = list(value.items())[:MOST_ATTRIBUTES]
        return {text(name): plain(each, depth=depth - 1) for name, each in few}
    if isinstance(value, list | tuple) and depth:
        return [plain(each, depth=depth - 1) for each in value[:MOST_ATTRIBUTES]]
    return text(value)


def text(value: object) -> str:
    """Return it as text that UTF-8 can take and that is not too long."""
    whole = str(value).encode(errors="replace").decode()
    return whole if len(whole) <= LONGEST_TEXT else whole[: LONGEST_TEXT - 1] + "…"
