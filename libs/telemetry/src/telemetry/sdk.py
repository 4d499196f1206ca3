"""OpenTelemetry, set up by the environment; for processes that last, not for Lambda (docs/adr/0009).

Traces go to `OTEL_EXPORTER_OTLP_ENDPOINT` (or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`) by OTLP over HTTP, and
nowhere where neither is set. The other variables of the OpenTelemetry specification work as it says.
"""

import logging
import os
import random
import threading
import time
from collections.abc import Mapping
from typing import Protocol

from opentelemetry import trace

log = logging.getLogger(__name__)

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
# Of one request with its repetitions. While it waits, the spans of others wait too.
EXPORT_SECONDS = 5
# An exporter that fails does so for each batch: one line in so many seconds says it.
_QUIET_SECONDS = 60.0


class Telemetry:
    """What was set up.

    Attributes:
        provider: of tracers; None where nothing is traced.
    """

    def __init__(self, provider: "_Provider | None" = None) -> None:
        self.provider = provider

    def close(self, seconds: float = 1.0) -> None:
        """Send what is left, so many seconds at most: no collector holds up the end of a process."""
        if self.provider is None:
            return
        ending = threading.Thread(target=self.provider.shutdown, name="telemetry end", daemon=True)
        ending.start()
        ending.join(seconds)


class _Provider(Protocol):
    def shutdown(self) -> None: ...


def start(*, service: str, attributes: Mapping[str, str] | None = None) -> Telemetry:
    """Set up tracing for this process, once; `opentelemetry.trace` has it from then on.

    `OTEL_SDK_DISABLED=true` and `OTEL_TRACES_EXPORTER=none` switch it off.

    Args:
        service: `service.name`, unless `OTEL_SERVICE_NAME` says another.
        attributes: more of the resource's.

    Raises:
        ValueError: a variable of the specification is wrong.
    """
    env = os.environ
    disabled = env.get("OTEL_SDK_DISABLED", "").lower() == "true" or env.get("OTEL_TRACES_EXPORTER") == "none"
    if disabled or not any(env.get(name) for name in ENDPOINTS):
        return Telemetry()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - 0.1 s
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - the same
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - the same
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - the same
    from opentelemetry.sdk.trace.id_generator import IdGenerator  # noqa: PLC0415 - the same

    class XRayIds(IdGenerator):
        """Ids of traces that begin with the time, as X-Ray has them; else as the SDK's own."""

        def generate_trace_id(self) -> int:
            return (int(time.time()) & 0xFFFFFFFF) << 96 | random.getrandbits(96)

        def generate_span_id(self) -> int:
            return random.getrandbits(64) or 1

    resource = Resource.create(
        {"service.name": env.get("OTEL_SERVICE_NAME") or service, **(attributes or {})}
    )
    provider = TracerProvider(resource=resource, id_generator=XRayIds(), shutdown_on_exit=False)
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(timeout=None if _has_timeout(env) else EXPORT_SECONDS))
    )
    _calm()
    trace.set_tracer_provider(provider)
    return Telemetry(provider)


def _has_timeout(env: Mapping[str, str]) -> bool:
    return any(env.get(f"OTEL_EXPORTER_OTLP_{name}TIMEOUT") for name in ("", "TRACES_"))


class _OnceInAWhile(logging.Filter):
    """Lets the first record through, and the next one only after a while."""

    def __init__(self, seconds: float = _QUIET_SECONDS) -> None:
        super().__init__()
        self._seconds = seconds
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - logging's signature
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


def _calm() -> None:
    """Let the exporter, and the queue that it leaves full, complain once in a while and not for each span."""
    for name in ("exporter.otlp.proto.http.trace_exporter", "sdk._shared_internal"):
        logging.getLogger(f"opentelemetry.{name}").addFilter(_OnceInAWhile())


def current_ids() -> tuple[str, str] | None:
    """Return trace id and span id of the current span, in hex; None where there is none that is kept."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid or not context.trace_flags.sampled:
        return None
    return trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
