"""Answers of the API to requests that it accepts (DESIGN 4.1)."""

from pydantic import AwareDatetime, BaseModel, ConfigDict

from task_schema._states import Status
from task_schema._task_errors import TaskError


class Accepted(BaseModel):
    """Answer 200 to `POST /v1alpha2`; `id_task` is the guide's name, `id` what deployed versions return."""

    model_config = ConfigDict(frozen=True)

    id_task: str
    id: str
    runtime: str
    output_location: str


class AcceptedV1Alpha1(BaseModel):
    """Answer 200 to `POST /v1alpha1`."""

    model_config = ConfigDict(frozen=True)

    id_task: str
    sd_model_checkpoint: str
    output_location: str


class ImageLink(BaseModel):
    """One output: where it is, and a presigned URL to fetch it."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    s3: str
    url: str


class QueueView(BaseModel):
    """Where a queued task stands: an estimate, from how many messages its runtime's queue says it has."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    position_estimate: int


class TaskView(BaseModel):
    """Answer 200 to `GET /v1alpha2/tasks/{id}`; times are ISO 8601 in UTC, `progress` is in percent.

    `images` lists at most 100; where there are more, `images_total` says how many. `queue` is there while the
    task is queued and its queue answers. `output_url` is the S3 URL of the `.out`, as in the
    notification; `output` has it with a presigned one.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    submission: str
    runtime: str
    tasktype: str
    status: Status
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    attempts: int = 0
    progress: int | None = None
    output_location: str
    images: list[ImageLink] = []
    images_total: int | None = None
    output_url: str | None = None
    output: ImageLink | None = None
    error: TaskError | None = None
    trace_id: str | None = None
    queue: QueueView | None = None


def output_location(bucket: str, prefix: str, task_id: str) -> str:
    """Return the S3 URL of the folder that a task's outputs go to."""
    return f"s3://{bucket}/{prefix}/{task_id}"
