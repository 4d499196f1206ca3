"""What is traced of a message: the agent's spans and what they say (DESIGN 6; names in `telemetry.names`).

Without an endpoint (`telemetry.sdk`) all of it does nothing. Nothing here says what a user wrote, but for
prompts where `TRACE_PROMPTS` switches them on.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from queue_agent.comfyui_events import NodeRun, NodeWatcher
from queue_agent.comfyui_graph import nodes_of
from queue_agent.ports import Delivery, Job
from task_schema import Message
from task_store import Task
from telemetry import names
from telemetry.context import TRACE_HEADER, TRACEPARENT, TraceContext, extract

_tracer = trace.get_tracer("queue_agent")

_message: ContextVar[Span] = ContextVar("message", default=trace.INVALID_SPAN)
_run: ContextVar["RunSpans | None"] = ContextVar("run", default=None)

# Of an attribute; what comes from a request may be longer.
_MAX_CHARS = 256

type Attributes = Mapping[str, AttributeValue]


# --- a message ---


def received(delivery: Delivery, *, runtime: str, began_at: float) -> Link | None:
    """Trace the call that brought a message; it is a trace of its own, as it began before the message was.

    Args:
        delivery: what it brought.
        runtime: whose queue it is.
        began_at: seconds since the epoch.

    Returns:
        A link to it; None where the message's own trace is not kept.
    """
    producer = _producer(delivery)
    if producer is not None and not producer.trace_flags.sampled:
        return None
    span = _tracer.start_span(
        f"receive {runtime}",
        context=Context(),
        kind=SpanKind.CLIENT,
        attributes={**_of_queue(runtime, "receive"), names.MESSAGING_MESSAGE_ID: delivery.message_id},
        links=[Link(producer)] if producer else [],
        start_time=int(began_at * 1e9),
    )
    span.end()
    context = span.get_span_context()
    return Link(context) if context.is_valid else None


@contextmanager
def processing(delivery: Delivery, *, runtime: str, receive: Link | None) -> Iterator[Span]:
    """Trace a message from its receipt to its end, below the span that published it."""
    producer = _producer(delivery)
    parent = trace.set_span_in_context(NonRecordingSpan(producer), Context()) if producer else Context()
    span = _tracer.start_span(
        f"process {runtime}",
        context=parent,
        kind=SpanKind.CONSUMER,
        attributes={
            **_of_queue(runtime, "process"),
            names.RUNTIME: runtime,
            names.XRAY_ANNOTATIONS: names.SEARCHED,
            names.MESSAGING_MESSAGE_ID: delivery.message_id,
            names.MESSAGING_BODY_SIZE: len(delivery.body.encode()),
            "messaging.message.receive_count": delivery.receive_count,
        },
        links=[receive] if receive else [],
    )
    token = _message.set(span)
    try:
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            yield span
    finally:
        _message.reset(token)


def note(attributes: Attributes) -> None:
    """Say something of the message in hand."""
    _message.get().set_attributes(attributes)


def note_task(message: Message) -> None:
    """Say what the task in hand is."""
    note(
        {
            names.TASK_ID: message.metadata.id,
            names.SUBMISSION: message.submission,
            names.TASK_TYPE: message.metadata.tasktype[:_MAX_CHARS],
        }
    )


def note_trouble(exc: BaseException) -> None:
    """Say that something else than the task kept the message in hand from its end."""
    _fail(_message.get(), exc)


def note_end(task: Task) -> None:
    """Say how the task in hand has ended."""
    span = _message.get()
    span.set_attribute(names.OUTCOME, task.status.value)
    if task.error is not None:
        span.set_attribute(names.CODE, task.error.code.value)
        span.set_status(StatusCode.ERROR, task.error.code.value)


# --- its steps ---


class step:  # noqa: N801 - it is used as a function that gives a context manager, and costs half of one
    """Trace a step of the work in hand; of an exception that ends it, its type is told."""

    __slots__ = ("_attributes", "_kind", "_name", "_span", "_token")

    def __init__(
        self, name: str, *, kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes | None = None
    ) -> None:
        self._name = name
        self._kind = kind
        self._attributes = attributes

    def __enter__(self) -> Span:
        """Begin."""
        self._span = _tracer.start_span(self._name, kind=self._kind, attributes=self._attributes)
        self._token = attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """End."""
        detach(self._token)
        if isinstance(exc, Exception) and not getattr(exc, "is_expected", False):
            _fail(self._span, exc)
        self._span.end()


def _fail(span: Span, exc: BaseException) -> None:
    span.set_attribute(names.ERROR_TYPE, type(exc).__name__)
    if (code := getattr(exc, "code", None)) is not None:
        span.set_attribute(names.CODE, str(code))
    span.set_status(StatusCode.ERROR, type(exc).__name__)


class RunSpans:
    """The spans of one run: `infer` for as long as it has the GPU, then `decode` for what is left of it."""

    def __init__(self, job: Job, *, prompts: bool = False) -> None:
        self._infer = _tracer.start_span("infer", attributes={names.GPU: True, **described(job, prompts)})
        self._parent = trace.get_current_span()
        self._decode: Span | None = None

    @property
    def span(self) -> Span:
        """The one that is open."""
        return self._decode or self._infer

    def covers(self, span: Span) -> bool:
        """Whether a span is the one that its coroutine began with: of it, there may be a later part."""
        return span is self._infer

    @contextmanager
    def running(self) -> Iterator[None]:
        """Have what is traced meanwhile, in this coroutine, below these spans, and end them."""
        token = _run.set(self)
        try:
            with trace.use_span(self._infer, record_exception=False, set_status_on_exception=False):
                yield
        except Exception as exc:
            _fail(self.span, exc)
            raise
        finally:
            self.span.end()
            _run.reset(token)

    def freed(self) -> None:
        """Note that the GPU works for others now."""
        if self._decode is None:
            self._infer.end()
            self._decode = _tracer.start_span("decode", context=trace.set_span_in_context(self._parent))


def node_watcher() -> NodeWatcher:
    """Return what traces the nodes of a workflow that runs in this coroutine, for somebody's task."""
    if not trace.get_current_span().get_span_context().is_valid:
        return lambda _: None
    context = trace.set_span_in_context(trace.get_current_span())

    def watch(node: NodeRun) -> None:
        span = _tracer.start_span(
            f"node {node.class_type[:_MAX_CHARS]}",
            context=context,
            attributes={
                names.NODE_ID: node.node_id[:_MAX_CHARS],
                names.NODE_CLASS: node.class_type[:_MAX_CHARS],
            },
            start_time=node.started_ns,
        )
        span.end(node.ended_ns)

    return watch


def note_answer(info: Mapping[str, Any]) -> None:
    """Say what the answer of the run in this coroutine tells of it: the seed that was drawn for -1, say.

    Args:
        info: of SD Web UI's answer.
    """
    if (run := _run.get()) is not None:
        run.span.set_attributes(_told({**info, "ckpt_name": info.get("sd_model_name")}))


# --- across processes ---


def traceparent() -> str | None:
    """Return where the trace goes on in another process; None where there is none."""
    span, run = trace.get_current_span(), _run.get()
    if run is not None and run.covers(span):
        span = run.span
    context = span.get_span_context()
    if not context.is_valid:
        return None
    return TraceContext(
        trace.format_trace_id(context.trace_id),
        trace.format_span_id(context.span_id),
        context.trace_flags.sampled,
    ).traceparent


def trace_id() -> str | None:
    """Return the trace of the message in hand, in hex; None where it is not kept."""
    context = _message.get().get_span_context()
    kept = context.is_valid and context.trace_flags.sampled
    return trace.format_trace_id(context.trace_id) if kept else None


def headers() -> dict[str, str]:
    """Return the header for a request to a runtime."""
    value = traceparent()
    return {TRACEPARENT: value} if value is not None else {}


def xray_header() -> str | None:
    """Return the header by which AWS services go on with the trace; None where there is none."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    place = TraceContext(
        trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id), sampled=True
    )
    return f"Root={place.xray_trace_id};Parent={place.span_id};Sampled={int(context.trace_flags.sampled)}"


def _producer(delivery: Delivery) -> SpanContext | None:
    place = extract(delivery.attributes, {TRACE_HEADER: delivery.attributes.get(TRACE_HEADER, "")})
    if place is None:
        return None
    return SpanContext(
        int(place.trace_id, 16),
        int(place.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if place.sampled else TraceFlags.DEFAULT),
    )


def _of_queue(runtime: str, operation: str) -> dict[str, AttributeValue]:
    return {
        names.MESSAGING_SYSTEM: names.SQS,
        names.MESSAGING_OPERATION: operation,
        names.MESSAGING_OPERATION_TYPE: operation,
        names.MESSAGING_DESTINATION: runtime,
    }


# --- what a job asks for ---

_FIELDS = {
    "sampler_name": names.SAMPLER,
    "sampler_index": names.SAMPLER,
    "steps": names.STEPS,
    "width": names.WIDTH,
    "height": names.HEIGHT,
    "seed": names.SEED,
    "noise_seed": names.SEED,
    "ckpt_name": names.MODEL,
}
_PROMPTS = ("prompt", "text")


def described(job: Job, prompts: bool) -> dict[str, AttributeValue]:
    """Return what a job asks for, as far as it says: of SD Web UI's fields, or of a workflow's nodes.

    Of several nodes that say the same, the first counts.

    Args:
        job: prepared or not.
        prompts: whether prompts may be told.
    """
    found: dict[str, AttributeValue] = {}
    if job.model:
        found[names.MODEL] = job.model[:_MAX_CHARS]
    for fields in _fields_of(job.content):
        found = _told(fields) | found
        if prompts:
            told = (fields.get(field) for field in _PROMPTS)
            text = next((each for each in told if isinstance(each, str)), None)
            if text:
                found.setdefault(names.PROMPT, text[:_MAX_CHARS])
    return found


def _told(fields: Mapping[str, Any]) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {}
    for field, name in _FIELDS.items():
        value = fields.get(field)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            found.setdefault(name, _sized(value))
    return found


def _fields_of(content: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    inputs = [node["inputs"] for _, node in nodes_of(content)]
    yield from inputs or [content]


def _sized(value: str | float) -> AttributeValue:
    if isinstance(value, str):
        return value[:_MAX_CHARS]
    # OTLP has 64 bits; a seed may have more.
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)[:_MAX_CHARS]
    return value
