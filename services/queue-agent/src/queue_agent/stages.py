"""The stages of one message: each is measured, traced, and remembered for the task's own record."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.trace import SpanKind

from queue_agent import spans
from queue_agent.metrics import Metrics, Stage
from queue_agent.ports import Delivery

# Stages that have spans in them which say the same and more: a span costs some 0.1 ms.
_COVERED: frozenset[Stage] = frozenset({"store", "notify"})
# Where a span is called otherwise than its stage is measured.
_SPANS: dict[Stage, str] = {"delete": "settle"}
_KINDS: dict[Stage, SpanKind] = {"delete": SpanKind.CLIENT}


class Stages:
    """Where the time of one message goes.

    Args:
        metrics: told of each stage.
        delivery: of the message.
    """

    def __init__(self, metrics: Metrics, delivery: Delivery) -> None:
        self._metrics = metrics
        # The clocks of two machines are compared: a wait is not negative.
        self._seconds: dict[str, float] = {"queued": max(0.0, time.time() - delivery.sent_at.timestamp())}
        self._gpu_seconds: float | None = None

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        """Go through a stage, however it ends."""
        began = time.monotonic()
        try:
            if name in _COVERED:
                yield
            else:
                with spans.step(_SPANS.get(name, name), kind=_KINDS.get(name, SpanKind.INTERNAL)):
                    yield
        finally:
            self.took(name, time.monotonic() - began)

    def took(self, name: Stage, seconds: float) -> None:
        """Note how long a stage took that was traced otherwise."""
        self._metrics.observe(name, seconds)
        self._seconds[name] = seconds

    def had_gpu(self, seconds: float) -> None:
        """Note for how long the task had the GPU, whatever came of it."""
        self._gpu_seconds = seconds

    def record(self, *, attempt: int) -> dict[str, Any]:
        """Return what a task's `.out` tells of the attempt: seconds by stage, as far as it has come."""
        record: dict[str, Any] = {"attempt": attempt}
        if (trace_id := spans.trace_id()) is not None:
            record["trace_id"] = trace_id
        if self._gpu_seconds is not None:
            record["gpu_seconds"] = round(self._gpu_seconds, 3)
        record["seconds"] = {name: round(seconds, 3) for name, seconds in self._seconds.items()}
        return record
