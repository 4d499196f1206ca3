"""What a runtime answers, or why it did not, and JSON to and from it."""

import asyncio
import json
import math
from dataclasses import dataclass
from typing import Any

from queue_agent.errors import RuntimeLostError

# Below this a thread costs more than what it takes off the event loop.
_SMALL_BODY = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer: status, and the body as it came."""

    status: int
    body: bytes

    async def json(self) -> Any:
        """Parse the body, a large one off the event loop.

        Raises:
            RuntimeLostError: it is not JSON. The runtime said 200 to something, but what it did is lost.
        """
        try:
            if len(self.body) <= _SMALL_BODY:
                return decode(self.body)
            return await asyncio.to_thread(decode, self.body)
        except (ValueError, RecursionError) as exc:
            raise RuntimeLostError(f"the runtime's answer is not JSON: {exc}") from exc

    async def said(self) -> Any:
        """Return the body as JSON where it is, else as text: for messages."""
        try:
            return await self.json()
        except RuntimeLostError:
            return self.body.decode("utf-8", "replace")


def describe(exc: BaseException) -> str:
    """Say what went wrong on the way: of some errors the type is all there is."""
    return f"{type(exc).__name__} {exc}".strip()


def encode(body: Any) -> bytes:
    """Encode JSON. A body may carry pictures of tens of megabytes: those are encoded in a thread."""
    return json.dumps(body, separators=(",", ":")).encode()


def decode(text: str | bytes) -> Any:
    """Parse JSON; a number that is not finite becomes None.

    Servers in Python write `NaN` and `Infinity`, such as for a loss or an estimate; no JSON has them, and the
    `.out` must be JSON for everybody. Raises ValueError or RecursionError.
    """
    return json.loads(text, parse_constant=lambda _: None, parse_float=_finite)


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None  # 1e999
