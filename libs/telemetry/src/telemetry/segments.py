"""Spans of a Lambda, as X-Ray segment documents in UDP datagrams (DESIGN 6, docs/adr/0009).

It imports nothing but Python's own library: a cold start pays some three milliseconds for it. A document goes
out when its span ends, so what had ended before a crash is seen. Nothing here raises, waits or piles up: no
trace is worth a task.
"""

import math
import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from json import JSONEncoder
from types import TracebackType
from typing import Any, Literal, Self

from telemetry import names
from telemetry.context import TraceContext, new_span_id, new_trace_id

DAEMON_ADDRESS = "AWS_XRAY_DAEMON_ADDRESS"

MAX_DATAGRAM = 64_000  # bytes; a document may have 64 KB, a datagram 65,507 bytes
MAX_NAME = 200  # characters, by X-Ray's rules
MAX_VALUE = 1_000  # characters, which is what X-Ray indexes of an annotation
MAX_ATTRIBUTES = 64
MAX_LINKS = 16
MAX_ITEMS = 16  # of a value that is a list

type Kind = Literal["internal", "server", "client", "producer", "consumer"]
type Value = str | int | float | bool | Sequence[str] | None
#: Takes a datagram; must not raise.
type Take = Callable[[bytes], None]

_HEADER = b'{"format": "json", "version": 1}\n'
# Letters, digits and white space of any language, and _ . : / % & # = + \ - @
_NOT_IN_NAMES = re.compile(r"[^\w\s.:/%&#=+\\\-@]")
_MAX_INT = 2**63 - 1
# X-Ray finds traces by annotations, of which a trace may have 50, with such keys.
_ANNOTATIONS = {name: name.replace(".", "_") for name in names.SEARCHED}
_encode = JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Span:
    """A piece of work, to be used as a context manager by one thread; made by `Segments` and by `child`.

    An exception that leaves it marks it as failed, and goes on.
    """

    __slots__ = (
        "_attributes",
        "_begun",
        "_context",
        "_kind",
        "_links",
        "_name",
        "_parent_id",
        "_segments",
        "_started_at",
        "_state",
    )

    def __init__(
        self,
        segments: "Segments",
        name: str,
        kind: Kind,
        *,
        context: TraceContext | None,
        parent_id: str | None = None,
        attributes: dict[str, Any] | None = None,
    ) -> None:
        self._segments = segments
        self._name = name
        self._kind = kind
        self._context = context
        self._parent_id = parent_id
        self._attributes = attributes  # None: nothing is recorded
        self._links: list[TraceContext] = []
        self._state: str | None = None
        self._started_at = self._begun = 0.0

    def __enter__(self) -> Self:
        if self._attributes is not None:
            self._started_at, self._begun = time.time(), time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._attributes is None:
            return
        if kind is not None:
            self.fail(kind.__name__, fault=not issubclass(kind, self._segments.refusals))
        self._segments.send(self._document(self._attributes))

    @property
    def context(self) -> TraceContext | None:
        """Where the trace goes on below this span; None where there is no trace.

        Of a trace that nobody keeps, or that cannot be sent, it is the place where the span was begun: what
        follows then hangs on a span that exists.
        """
        return self._context

    @property
    def log_fields(self) -> dict[str, str]:
        """What ties a log line to the span: `trace_id` and `span_id`; nothing where the trace is not kept."""
        context = self._context
        if context is None or not context.sampled:
            return {}
        return {"trace_id": context.trace_id, "span_id": context.span_id}

    def set(self, name: str, value: Value) -> None:
        """Set an attribute, a name of `telemetry.names`; None sets nothing. What is too long is cut."""
        attributes = self._attributes
        if attributes is None or value is None:
            return
        if name in attributes or len(attributes) < MAX_ATTRIBUTES:
            attributes[name] = _clean(value)

    def update(self, attributes: Mapping[str, Value]) -> None:
        """Set several attributes."""
        for name, value in attributes.items():
            self.set(name, value)

    def link(self, context: TraceContext | None) -> None:
        """Link to a span elsewhere; None links to nothing."""
        if context is not None and len(self._links) < MAX_LINKS:
            self._links.append(context)

    def fail(self, error_type: str, *, fault: bool = True) -> None:
        """Mark the span as failed.

        Args:
            error_type: a code or the name of an exception's type; never a message, which may quote users.
            fault: whether it is our fault (5xx), not the caller's (4xx).
        """
        self.set(names.ERROR_TYPE, error_type)
        self._state = "fault" if fault else "error"

    def child(
        self, name: str, *, kind: Kind = "internal", attributes: Mapping[str, Value] | None = None
    ) -> "Span":
        """Return a span for a part of this one's work."""
        return self._segments.span(name, self._context, kind=kind, attributes=attributes)

    def _document(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """Return the segment document of the span, which ends now."""
        context = self._context
        assert context is not None
        document: dict[str, Any] = {
            "trace_id": context.xray_trace_id,
            "id": context.span_id,
            "name": _NOT_IN_NAMES.sub("_", self._name)[:MAX_NAME] or "span",
            "start_time": self._started_at,
            "end_time": self._started_at + time.perf_counter() - self._begun,
        }
        if self._parent_id is not None:
            document["parent_id"] = self._parent_id
            # A consumer is at work in another service than its parent was: X-Ray has segments for that.
            if self._kind != "consumer":
                document["type"] = "subsegment"
        if self._kind in {"client", "producer"}:
            document["namespace"] = "remote"
        if self._state is not None:
            document[self._state] = True
        if self._links:
            document["links"] = [{"trace_id": at.xray_trace_id, "id": at.span_id} for at in self._links]
        if annotations := _annotations(attributes):
            document["annotations"] = annotations
        told = {"service": self._segments.service, "kind": self._kind, "attributes": attributes}
        document["metadata"] = {"darkroom": told}
        return document


class Segments:
    """Makes spans and sends them, each by itself.

    Args:
        take: takes a datagram; None: nothing is sent.
        service: name of the service, `service.name` in OpenTelemetry's words.
        refusals: exceptions that are the caller's fault.
    """

    def __init__(
        self, take: Take | None, *, service: str, refusals: tuple[type[BaseException], ...] = ()
    ) -> None:
        self._take = take
        self.service = service
        self.refusals = refusals

    @classmethod
    def from_environment(
        cls, env: Mapping[str, str], *, service: str, refusals: tuple[type[BaseException], ...] = ()
    ) -> "Segments":
        """Send to the daemon at `AWS_XRAY_DAEMON_ADDRESS`, which `Daemon.at` reads; to nobody without one."""
        daemon = Daemon.at(env.get(DAEMON_ADDRESS))
        return cls(None if daemon is None else daemon.send, service=service, refusals=refusals)

    def span(
        self,
        name: str,
        parent: TraceContext | None,
        *,
        kind: Kind = "internal",
        attributes: Mapping[str, Value] | None = None,
    ) -> Span:
        """Return a span of a trace that exists.

        Args:
            name: of few kinds: no ids.
            parent: where the trace goes on; None: there is no trace, and none begins.
            kind: as in OpenTelemetry.
            attributes: to begin with.
        """
        if parent is None or not parent.sampled or self._take is None:
            return Span(self, name, kind, context=parent)
        span = Span(self, name, kind, context=parent.child(), parent_id=parent.span_id, attributes={})
        span.update(attributes or {})
        return span

    def root(
        self,
        name: str,
        *,
        kind: Kind = "internal",
        attributes: Mapping[str, Value] | None = None,
        sampled: bool = True,
        trace_id: str | None = None,
    ) -> Span:
        """Return a span without a parent; not sampled, or sent to nobody, it has no trace.

        Args:
            name: as for `span`.
            kind: as for `span`.
            attributes: as for `span`.
            sampled: whether anybody keeps the trace.
            trace_id: of a trace that exists, of which no span is known; a new trace without it.
        """
        if not sampled or self._take is None:
            return Span(self, name, kind, context=None)
        context = TraceContext(trace_id or new_trace_id(), new_span_id(), sampled=True)
        span = Span(self, name, kind, context=context, attributes={})
        span.update(attributes or {})
        return span

    def send(self, document: dict[str, Any]) -> None:
        """Send a document."""
        if self._take is not None:
            self._take(_datagram(document))


class Daemon:
    """Whoever takes segment documents at a UDP address."""

    def __init__(self, family: socket.AddressFamily, address: Any) -> None:
        # Not connected: what nobody took is lost, and is not told as the failure of the next.
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._address = address

    @classmethod
    def at(cls, address: str | None) -> "Daemon | None":
        """Return the daemon at an address, None where it is none.

        Args:
            address: `127.0.0.1:2000`, or as X-Ray's SDKs take it, `tcp:127.0.0.1:2000 udp:127.0.0.1:2001`.
                Names are not looked up: that may take seconds.
        """
        for part in (address or "").split():
            if part.startswith("tcp:"):
                continue
            host, _, port = part.removeprefix("udp:").rpartition(":")
            if not port.isdecimal() or not 0 < int(port) < 65536:
                return None
            try:
                # Bytes: text would import the codec for international names first.
                family, _, _, _, found = socket.getaddrinfo(
                    host.strip("[]").encode("ascii"),
                    int(port),
                    type=socket.SOCK_DGRAM,
                    flags=socket.AI_NUMERICHOST,
                )[0]
                return cls(family, found)
            except (OSError, UnicodeError):
                return None
        return None

    def send(self, datagram: bytes) -> None:
        """Send a datagram, if it can be sent at once; it may get lost."""
        try:
            self._socket.sendto(datagram, self._address)
        except OSError:
            return

    def close(self) -> None:
        """Give the socket back; a Lambda keeps it as long as it lives."""
        self._socket.close()


def _datagram(document: dict[str, Any]) -> bytes:
    """Encode a document; of one that is too large the attributes go first, then links and annotations."""
    datagram = _HEADER + _encode(document).encode()
    if len(datagram) > MAX_DATAGRAM:
        document["metadata"]["darkroom"]["attributes"] = {}
        datagram = _HEADER + _encode(document).encode()
    if len(datagram) > MAX_DATAGRAM:
        document.pop("links", None)
        document.pop("annotations", None)
        datagram = _HEADER + _encode(document).encode()
    return datagram


def _annotations(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: ",".join(value)[:MAX_VALUE] if isinstance(value, list) else value
        for name, key in _ANNOTATIONS.items()
        if (value := attributes.get(name)) is not None
    }


def _clean(value: Any) -> Any:
    """Return what JSON and X-Ray take for a value."""
    if isinstance(value, str):
        # StrEnums become plain, and halves of surrogate pairs are no text.
        cut = str(value)[:MAX_VALUE]
        return cut if cut.isascii() else cut.encode("utf-8", "replace").decode()
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _MAX_INT else "out of range"
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Sequence):
        return [_clean(str(item)) for item in value[:MAX_ITEMS]]
    return type(value).__name__
