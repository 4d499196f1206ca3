"""What the reading API answers, as JSON. Times are milliseconds since the trace began, or durations."""

from pydantic import BaseModel, ConfigDict, JsonValue


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Summary(_Model):
    """A trace in a list. `started_at` and `ended_at` are milliseconds since 1970.

    `name`, `service`: of the first span. `outcome`, `code`: what was said last, by whoever took the task
    from a queue if somebody has. `tasks`: ids of the tasks that its spans name. `gpu_share` is `gpu_seconds`
    as a part of the whole, 0 to 1. `error`: a span has one, though the task may have ended well.
    `complete`: nothing seems to be missing any more, once it is some seconds old (`TraceClient.wait`).
    `span_count`: of all that came, shown or not.
    """

    trace_id: str
    name: str
    service: str
    tasks: list[str]
    runtime: str | None
    outcome: str | None
    code: str | None
    started_at: float
    ended_at: float
    total_ms: float
    gpu_seconds: float
    gpu_share: float
    error: bool
    complete: bool
    span_count: int


class LinkView(_Model):
    """A link of a span; `known`: the store has that trace."""

    trace_id: str
    span_id: str
    known: bool


class EventView(_Model):
    """Something that happened at one moment of a span."""

    name: str
    offset_ms: float
    attributes: dict[str, JsonValue]


class SpanView(_Model):
    """A span in a waterfall, `depth` 0 for roots; `self_ms` is its own part of the critical path.

    `parent_missing`: it names a parent that has not come (that of Lambda's own segment never does).
    """

    span_id: str
    parent_id: str | None
    parent_missing: bool
    depth: int
    name: str
    service: str
    kind: str
    offset_ms: float
    ms: float
    self_ms: float
    gpu: bool
    error: bool
    message: str
    attributes: dict[str, JsonValue]
    links: list[LinkView]
    events: list[EventView]


class StepView(_Model):
    """A part of the critical path; without `span_id` a wait, and `name` says for what."""

    span_id: str | None
    name: str
    offset_ms: float
    ms: float


class SelfTime(_Model):
    """How much of the critical path is a span's own."""

    span_id: str
    self_ms: float


class TraceView(Summary):
    """A trace. `spans` in the order of a waterfall, each above its children.

    `critical_path` has the spans with time of their own on it, in its order; `steps` has the whole path,
    waits included: their times sum to `total_ms`. `gaps` are the waits alone. `also`: other traces of its
    tasks, newest first. `truncated`: it has more spans than are shown; `dropped` of them were too many to
    be kept.
    """

    xray_trace_id: str
    spans: list[SpanView]
    critical_path: list[SelfTime]
    steps: list[StepView]
    gaps: list[StepView]
    also: list[str]
    truncated: bool
    dropped: int = 0


class TraceList(_Model):
    """The newest traces, newest first."""

    traces: list[Summary]
