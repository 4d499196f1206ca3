"""What subscribers are told when a task has ended (DESIGN 4.3)."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from task_schema._states import Status
from task_schema._strict_json import compact
from task_schema._task_errors import TaskError

MAX_IMAGE_URLS = 100


class Notification(BaseModel):
    """The guide's five keys, and what came later: `runtime`, `status`, `submission`, `error`, `images_total`.

    `image_url` lists at most 100 S3 URLs; where there are more, `images_total` says how many and the
    `.out` lists all. A task that did not succeed has `error`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    id: str
    result: bool
    image_url: Annotated[list[str], Field(max_length=MAX_IMAGE_URLS)]
    output_url: str | None
    context: Any
    runtime: str
    status: Status
    submission: str
    error: TaskError | None = None
    images_total: int | None = None

    @model_serializer(mode="wrap")
    def _without_absent_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = handler(self)
        for key in ("error", "images_total"):
            if data[key] is None:
                del data[key]
        return data

    def to_json(self) -> str:
        """Return the text that subscribers get: ASCII only, as SNS and SQS take it."""
        return compact(self.model_dump(mode="json"))

    @classmethod
    def succeeded(
        cls, *, task_id: str, submission: str, runtime: str, context: Any, images: list[str], output_url: str
    ) -> "Notification":
        """Make the notification of a task that succeeded; `images` are the S3 URLs of all its outputs."""
        return cls(
            id=task_id,
            result=True,
            image_url=images[:MAX_IMAGE_URLS],
            output_url=output_url,
            context=context,
            runtime=runtime,
            status=Status.SUCCEEDED,
            submission=submission,
            images_total=len(images) if len(images) > MAX_IMAGE_URLS else None,
        )

    @classmethod
    def ended_without_result(
        cls,
        *,
        task_id: str,
        submission: str,
        runtime: str,
        context: Any,
        error: TaskError,
        status: Status = Status.FAILED,
        output_url: str | None = None,
    ) -> "Notification":
        """Make the notification of a task that failed or was cancelled."""
        return cls(
            id=task_id,
            result=False,
            image_url=[],
            output_url=output_url,
            context=context,
            runtime=runtime,
            status=status,
            submission=submission,
            error=error,
        )
