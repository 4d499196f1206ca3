"""The trace that API Gateway and Lambda started (DESIGN 6)."""

import re
from dataclasses import dataclass

_ROOT = re.compile(r"1-([0-9a-f]{8})-([0-9a-f]{24})")
_PARENT = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a request is in its trace: ids in hex as W3C writes them."""

    trace_id: str
    span_id: str
    sampled: bool

    @property
    def traceparent(self) -> str:
        """The W3C header."""
        return f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"


def read_trace_header(header: str | None) -> Trace | None:
    """Read the X-Ray header that Lambda has in `_X_AMZN_TRACE_ID`.

    Args:
        header: `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`, in any order
            and perhaps with more parts.

    Returns:
        None where there is no trace, or none that could be continued: a task never fails for its trace.
    """
    parts = dict(part.strip().partition("=")[::2] for part in (header or "").split(";"))
    root = _ROOT.fullmatch(parts.get("Root", ""))
    parent = _PARENT.fullmatch(parts.get("Parent", ""))
    if root is None or parent is None:
        return None
    trace_id, span_id = root[1] + root[2], parent[0]
    if not int(trace_id, 16) or not int(span_id, 16):
        return None
    return Trace(trace_id=trace_id, span_id=span_id, sampled=parts.get("Sampled") == "1")
