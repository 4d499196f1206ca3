"""The message on the requests topic and in the queues (DESIGN 4.2)."""

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from task_schema._metadata import Metadata, is_task_id
from task_schema._strict_json import MAX_NESTING, compact, deeper_than
from task_schema._submissions import is_submission
from task_schema.errors import UnreadableMessageError

SCHEMA = 1
#: Content above this many bytes of JSON goes to the payload bucket; SNS takes 256 KiB with all attributes.
MAX_INLINE_CONTENT_BYTES = 200 * 1000

# Namespace of submissions derived from message ids; any fixed UUID serves.
_BARE = uuid.UUID("5f0c6a3e-0f6b-5c9e-9d0a-6b1f2c8f7d11")


class Message(BaseModel):
    """A task on its way. Exactly one of `content` and `content_ref` (an S3 URL) is there."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    schema_: Annotated[Literal[1], Field(alias="schema")] = 1
    submission: str
    metadata: Metadata
    content: dict[str, Any] | None = None
    content_ref: str | None = None
    submitted_at: AwareDatetime
    api_version: str

    @model_validator(mode="after")
    def _one_content(self) -> "Message":
        if (self.content is None) == (self.content_ref is None):
            raise ValueError("exactly one of content and content_ref is expected")
        return self

    def to_json(self) -> str:
        """Return the message's body: ASCII only, because SQS refuses some control characters as they are."""
        body = self.model_dump(mode="json", by_alias=True, exclude={"content"})
        return compact({**body, "content": self.content})


def fits_inline(content: Any) -> bool:
    """Whether a task's content travels in the message; otherwise it goes to the payload bucket."""
    return len(compact(content)) <= MAX_INLINE_CONTENT_BYTES


@dataclass(frozen=True, slots=True)
class Received:
    """A message that was read. `bare`: published straight to the topic, so nobody recorded or checked it."""

    message: Message
    bare: bool


def read_message(
    body: str, *, message_id: str, runtime: str | None = None, received_at: datetime | None = None
) -> Received:
    """Read the body of a queue message.

    Args:
        body: a `Message`; or the bare `{"metadata", "content"}` that the guide's users publish straight
            to the topic; either plain or inside an SNS envelope (a subscription without raw delivery).
        message_id: SQS message id. A bare message's submission is derived from the SNS message id where
            there is an envelope, else from this one, so that each delivery means the same submission.
        runtime: taken for a bare message whose metadata names none.
        received_at: time of a bare message's submission; now where it is not given.

    Raises:
        UnreadableMessageError: with the task's id where one can be made out.
    """
    data = _load(body)
    if data.get("Type") == "Notification" and isinstance(data.get("Message"), str):
        message_id = str(data.get("MessageId") or message_id)
        data = _load(data["Message"])
    if "schema" in data:
        return Received(_validate(data), bare=False)
    metadata = data.get("metadata")
    if isinstance(metadata, dict) and runtime is not None:
        metadata = {"runtime": runtime, **metadata}
    message = {
        "schema": SCHEMA,
        "submission": str(uuid.uuid5(_BARE, message_id)),
        "metadata": metadata,
        "content": data.get("content"),
        "submitted_at": received_at or datetime.now(UTC),
        "api_version": "v1alpha2",
    }
    return Received(_validate(message), bare=True)


def _load(body: str) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise UnreadableMessageError("the message is not JSON") from exc
    if not isinstance(data, dict):
        raise UnreadableMessageError("the message is not a JSON object")
    try:
        # What Python reads but could not hand on: NaN, 1e999, lone surrogates, too many levels.
        json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as exc:
        raise _unreadable("the message is not strict JSON", data) from exc
    if deeper_than(MAX_NESTING, data):
        raise _unreadable(f"the message has more than {MAX_NESTING} levels", data)
    return data


def _unreadable(reason: str, data: dict[str, Any]) -> UnreadableMessageError:
    submission = data.get("submission")
    return UnreadableMessageError(
        reason,
        task_id=_readable_id(data.get("metadata")),
        submission=submission if isinstance(submission, str) and submission.isascii() else None,
    )


def _validate(data: dict[str, Any]) -> Message:
    try:
        message = Message.model_validate(data)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = f"{where}: {first['msg']}" if where else first["msg"]
        raise _unreadable(reason, data) from exc
    if not is_submission(message.submission):
        raise UnreadableMessageError("submission: is not one that the API gives", task_id=message.metadata.id)
    return message


def _readable_id(metadata: Any) -> str | None:
    task_id = metadata.get("id") if isinstance(metadata, dict) else None
    return task_id if isinstance(task_id, str) and is_task_id(task_id) else None
