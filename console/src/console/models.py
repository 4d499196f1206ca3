"""What the server says to its page, key by key as in `console/page/src/types.ts`; both change together."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from task_schema import Status

type Milliseconds = int  # since 1970
#: The body of `POST /v1alpha2` as somebody sent it.
type TaskRequest = dict[str, Any]


class Said(BaseModel):
    """Base of all that the page is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Failure(Said):
    """The error that a task ended with."""

    code: str
    message: str
    retryable: bool


class Fault(Said):
    """One fault of a refused request, in the API's own words."""

    code: str
    message: str
    field: str | None = None


class Refusal(Said):
    """The body of every answer that is no success: `error` is the first of `errors`."""

    error: Fault
    errors: list[Fault]


class RuntimeInfo(Said):
    """A runtime that tasks may name; `models` are checkpoints, as far as somebody can tell."""

    name: str
    type: str
    tasktypes: list[str]
    models: list[str]


class Features(Said):
    """What this console can show beside what the API tells."""

    traces: bool
    glance: bool
    notifications: bool


class System(Said):
    """`GET /api/system`; `input_max` is the largest input in bytes."""

    mode: Literal["local", "api", "stack"]
    endpoint: str
    runtimes: list[RuntimeInfo]
    features: Features
    input_max: int


class TaskRow(Said):
    """A task as the gallery has it; `progress` is in percent, `images` how many outputs there are."""

    id: str
    submission: str
    runtime: str
    tasktype: str
    status: Status
    created_at: Milliseconds
    started_at: Milliseconds | None
    finished_at: Milliseconds | None
    progress: float | None
    images: int
    error: Failure | None


class OutputFile(Said):
    """One output: an `image` has a picture and a thumbnail, a `file` can only be saved."""

    s3: str
    name: str
    kind: Literal["image", "file"]


class TaskDetail(Said):
    """`GET /api/tasks/{id}`."""

    id: str
    submission: str
    runtime: str
    tasktype: str
    status: Status
    created_at: Milliseconds
    started_at: Milliseconds | None
    finished_at: Milliseconds | None
    progress: float | None
    error: Failure | None
    attempts: int
    output_location: str
    images: list[OutputFile]
    images_total: int
    trace_id: str | None
    position_estimate: int | None
    request: TaskRequest | None
    has_out: bool
    advice: str | None


class NodeInput(Said):
    """An input of a node; `link` is the id of the node that its value comes from."""

    name: str
    value: Any
    link: str | None


class WorkflowNode(Said):
    """A node of a workflow with the faults that are its own."""

    id: str
    class_type: str
    title: str | None
    inputs: list[NodeInput]
    faults: list[Fault]


class Workflow(Said):
    """`POST /api/workflow`; `faults` are those that belong to no node."""

    nodes: list[WorkflowNode]
    faults: list[Fault]


class SpanEvent(Said):
    """Something that happened during a span; `offset_ms` since the trace began."""

    name: str
    offset_ms: float
    attributes: dict[str, Any]


class Span(Said):
    """A span of a trace; `self_ms` is its own part of the critical path."""

    span_id: str
    parent_id: str | None
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
    attributes: dict[str, Any]
    events: list[SpanEvent]


class Step(Said):
    """A part of the critical path; without a span, `name` says what was waited for."""

    span_id: str | None
    name: str
    offset_ms: float
    ms: float


class Trace(Said):
    """`GET /api/tasks/{id}/trace`; `started_at` and `ended_at` are milliseconds since 1970."""

    trace_id: str
    started_at: float
    ended_at: float
    total_ms: float
    gpu_seconds: float
    gpu_share: float
    complete: bool
    span_count: int
    truncated: bool
    spans: list[Span]
    steps: list[Step]


class AgentGlance(Said):
    """One queue agent; `busy_fraction` is of the last minute."""

    state: Literal["up", "waiting", "breaker", "down"]
    busy: bool
    busy_fraction: float | None
    up_seconds: float | None


class RuntimeGlance(Said):
    """A runtime with its queue and its agents; null is what nobody can tell."""

    name: str
    type: str
    queued: int | None
    in_flight: int | None
    oldest_seconds: float | None
    dead_letters: int | None
    ended_per_minute: float | None
    failed_per_minute: float | None
    agents: list[AgentGlance]


class Moment(Said):
    """One moment of the chart."""

    at: Milliseconds
    queued: int | None
    busy_fraction: float | None
    ended_per_minute: float | None


class Glance(Said):
    """The system at a glance; `history` is of the last ten minutes, a moment every five seconds."""

    at: Milliseconds
    runtimes: list[RuntimeGlance]
    unrouted: int | None
    history: list[Moment]


class Reachable(Said):
    """Event `system`: whether the API answers, and why not."""

    reachable: bool
    message: str | None = None


class UploadedReference(Said):
    """`POST /api/uploads`: what stands for the file in a request."""

    reference: Annotated[str, Field(pattern=r"^upload://")]


def milliseconds(time: datetime) -> Milliseconds:
    """Return a time as the page has times."""
    return round(time.timestamp() * 1000)
