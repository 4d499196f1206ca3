# ruff: noqa: INP001 (no package: it is found by its name, on a path of its own)
"""How the runtimes are traced: a distro for `opentelemetry-instrument` (docs/operate/tracing-runtimes.md).

The folder of this file is copied into the images of SD Web UI and ComfyUI as it is, so it stands alone and
runs on Python 3.10. Whatever a variable of the environment says is stronger than what is said here.
"""

import os
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]  # hides its types
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
DISABLED = "OTEL_SDK_DISABLED"
QUERY = "url.query"

# Traced is only what does a part of a task; never what is asked again and again: progress, queue, history,
# probes, the socket, the pages.
_SDWEBUI = (
    "txt2img|img2img|extra-single-image|extra-batch-images"
    "|options|interrupt|refresh-checkpoints|reload-checkpoint|unload-checkpoint"
)
_COMFYUI = "prompt|upload/image|upload/mask|view|interrupt|free"

DEFAULTS = {
    "OTEL_TRACES_EXPORTER": "otlp_json_http",  # needs no protobuf, which the images pin at an old version
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_TRACES_SAMPLER": "parentbased_always_off",  # nobody's trace: no span
    "OTEL_SEMCONV_STABILITY_OPT_IN": "http",  # the query has an attribute of its own: see QueryHider
    "OTEL_SPAN_EVENT_COUNT_LIMIT": "0",  # events are exceptions, whose words may be a user's
    "OTEL_PYTHON_FASTAPI_EXCLUDED_URLS": rf"^(?!.*/sdapi/v1/({_SDWEBUI})$)",
    "OTEL_PYTHON_AIOHTTP_SERVER_EXCLUDED_URLS": rf"^(?!(/api)?/({_COMFYUI})$)",
    "OTEL_BSP_SCHEDULE_DELAY": "1000",  # ms; a runtime that is killed loses what it has not sent
    # A batch may be under way and another one wait when the process ends: two times the timeout at most.
    "OTEL_EXPORTER_OTLP_TIMEOUT": "1",  # seconds
    "OTEL_BSP_MAX_QUEUE_SIZE": "512",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "512",
}


class QueryHider(SpanProcessor):
    """Keeps queries of URLs out of spans: ComfyUI's have names of files, which a user may have chosen."""

    def on_start(self, span: Span, parent_context: "Context | None" = None) -> None:  # noqa: ARG002 (the port's)
        """Empty the query of a span that has just begun, if it has one."""
        if span.attributes and span.attributes.get(QUERY):
            span.set_attribute(QUERY, "")


def hide_query(span: trace.Span, scope: "dict[str, Any]") -> None:
    """The same for FastAPI, whose instrumentation says all attributes once more after a span's begin."""
    if scope.get("query_string"):
        span.set_attribute(QUERY, "")


class DarkroomDistro(BaseDistro):  # type: ignore[misc]  # whose types are hidden
    """Server spans of FastAPI and aiohttp, sent by OTLP with JSON over HTTP; without an endpoint: nothing."""

    def _configure(self, **kwargs: Any) -> None:  # noqa: ARG002 (the port's)
        """Called before anything of the SDK reads the environment."""
        if not any(os.environ.get(name) for name in ENDPOINTS):
            os.environ[DISABLED] = "true"
        for name, value in DEFAULTS.items():
            os.environ.setdefault(name, value)

    def load_instrumentor(self, entry_point: Any, **kwargs: Any) -> None:
        """Called for each instrumentation that is installed and fits, after the SDK was set up."""
        if os.environ.get(DISABLED, "").strip().lower() == "true":
            return
        if entry_point.name == "fastapi":
            # Else each piece of a body, of 64 to 256 KiB, is a span of its own.
            kwargs |= {"exclude_spans": ["receive", "send"], "server_request_hook": hide_query}
        provider = trace.get_tracer_provider()
        if entry_point.name == "aiohttp-server" and isinstance(provider, TracerProvider):
            provider.add_span_processor(QueryHider())
        super().load_instrumentor(entry_point, **kwargs)
