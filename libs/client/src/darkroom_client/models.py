"""What the API answers (DESIGN 4.1, 4.3). Keys that this client does not know are passed over."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from task_schema import Accepted, AcceptedV1Alpha1, Status

__all__ = [
    "Accepted",
    "AcceptedV1Alpha1",
    "Failure",
    "Notification",
    "Output",
    "Queue",
    "Status",
    "Task",
    "TaskPage",
    "Upload",
]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Failure(_Answer):
    """Why a task ended without a result. `code` is text: a newer API may know more than this client."""

    code: str
    message: str
    retryable: bool = False


class Output(_Answer):
    """One output. `url` is presigned, for an hour at most; lists are without."""

    s3: str
    url: str | None = None

    @property
    def name(self) -> str:
        """The name of its file."""
        return self.s3.rpartition("/")[2]


class Queue(_Answer):
    """How many tasks are about to come first: the queue's own estimate."""

    position_estimate: int


def _none_as_empty(value: Any) -> Any:
    return [] if value is None else value


class Task(_Answer):
    """A task as the API tells it; `progress` is in percent.

    `images` are at most 100, `images_total` says how many there are where there are more. `output` is the
    `.out`, with a URL.
    """

    id: str
    submission: str
    runtime: str
    tasktype: str
    status: Status
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    attempts: int = 0
    progress: float | None = None
    output_location: str
    images: Annotated[tuple[Output, ...], BeforeValidator(_none_as_empty)] = ()
    images_total: int | None = None
    output_url: str | None = None
    output: Output | None = None
    error: Failure | None = None
    trace_id: str | None = None
    queue: Queue | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status.is_terminal


class TaskPage(_Answer):
    """One page of a list; `cursor` leads to the next."""

    tasks: tuple[Task, ...]
    cursor: str | None = None


class Upload(_Answer):
    """Where bytes may be put, once and until `expires_at`; `reference` then stands for them in requests."""

    reference: str
    url: str = Field(repr=False)
    headers: dict[str, str] = {}
    expires_at: AwareDatetime | None = None


class Notification(_Answer):
    """What subscribers and webhooks are told when a task has ended; `image_url` are S3 URLs."""

    id: str
    result: bool
    image_url: tuple[str, ...] = ()
    output_url: str | None = None
    context: Any = None
    runtime: str
    status: Status
    submission: str
    error: Failure | None = None
    images_total: int | None = None
