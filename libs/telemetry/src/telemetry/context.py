"""Where a trace goes on: `traceparent` and the header of X-Ray, and how messages carry them (DESIGN 6).

Nothing here raises for what it reads: no task fails for its trace.
"""

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass

TRACEPARENT = "traceparent"
TRACE_HEADER = "AWSTraceHeader"

_ROOT = re.compile(r"1-([0-9a-f]{8})-([0-9a-f]{24})")
_PARENT = re.compile(r"[0-9a-f]{16}")
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A place in a trace, where the next span goes: ids in hex as W3C Trace Context writes them.

    Attributes:
        trace_id: 32 digits.
        span_id: 16 digits, of the span that is the parent of the next.
        sampled: whether anybody keeps the trace.
    """

    trace_id: str
    span_id: str
    sampled: bool

    @property
    def traceparent(self) -> str:
        """The W3C header."""
        return f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"

    @property
    def xray_trace_id(self) -> str:
        """The trace's id as X-Ray writes it."""
        return f"1-{self.trace_id[:8]}-{self.trace_id[8:]}"

    def child(self) -> "TraceContext":
        """Return the place below a new span of this trace."""
        return TraceContext(self.trace_id, new_span_id(), self.sampled)


def new_trace_id() -> str:
    """Return an id for a new trace: 32 hex digits; the first eight are the time, as X-Ray has them."""
    return f"{int(time.time()) & 0xFFFFFFFF:08x}{secrets.token_hex(12)}"


def new_span_id() -> str:
    """Return an id for a new span: 16 hex digits, not all 0."""
    return f"{secrets.randbits(64) or 1:016x}"


def read_traceparent(value: str | None) -> TraceContext | None:
    """Read a W3C header; None where it is not one, or of a version that must not be understood (ff)."""
    match = _TRACEPARENT.fullmatch(value or "")
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more):
        return None
    return _made(trace_id, span_id, sampled=bool(int(flags, 16) & 1))


def read_xray_header(value: str | None) -> TraceContext | None:
    """Read the header of X-Ray, which Lambda has in `_X_AMZN_TRACE_ID` and SQS in `AWSTraceHeader`.

    Args:
        value: `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`, in any order
            and perhaps with more parts.

    Returns:
        None where there is no trace, or none that could be continued.
    """
    parts = dict(part.strip().partition("=")[::2] for part in (value or "").split(";"))
    root = _ROOT.fullmatch(parts.get("Root", ""))
    parent = _PARENT.fullmatch(parts.get("Parent", ""))
    if root is None or parent is None:
        return None
    return _made(root[1] + root[2], parent[0], sampled=parts.get("Sampled") == "1")


def extract(attributes: Mapping[str, str], system_attributes: Mapping[str, str]) -> TraceContext | None:
    """Return where the trace of a message goes on.

    Args:
        attributes: of the message; `traceparent` is first, as it names the very span that published it.
        system_attributes: of SQS; `AWSTraceHeader` is what AWS passed on by itself.
    """
    return read_traceparent(attributes.get(TRACEPARENT)) or read_xray_header(
        system_attributes.get(TRACE_HEADER)
    )


def _made(trace_id: str, span_id: str, *, sampled: bool) -> TraceContext | None:
    if not int(trace_id, 16) or not int(span_id, 16):
        return None
    return TraceContext(trace_id, span_id, sampled)
