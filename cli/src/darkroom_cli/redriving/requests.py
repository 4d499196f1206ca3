"""Where the request of a task that has ended can be had from.

The `.out` has it under `darkroom.request`: as it was sent, or for a large one the reference into the payload
bucket, which keeps it for 30 days (DESIGN 4.3). A task that no agent ended has a dead letter instead.
"""

import json
from dataclasses import dataclass
from typing import Any

from darkroom_cli.errors import CliError
from darkroom_cli.operating.system import System
from darkroom_cli.redriving.letters import FOLDER, MAX_CONTENT_BYTES, Letter, stored_at
from darkroom_client import Task
from s3io.claimcheck import ClaimCheck
from s3io.errors import ClaimCheckError
from task_schema import Message


class NoRequestError(CliError):
    """The request of a task is not to be had any more, or not yet."""


@dataclass(frozen=True)
class Stored:
    """A request as it was sent: links are links."""

    id: str
    submission: str
    tasktype: str
    content: dict[str, Any]

    def to_json(self) -> str:
        """Return it as `queue-agent replay` reads it."""
        return json.dumps(self.__dict__)


def request_of(task: Task, system: System) -> Stored:
    """Return the request of a task.

    Raises:
        NoRequestError: it is not stored; says why.
        BadRequestOptionError: the system does not tell where.
    """
    if not task.ended:
        raise NoRequestError(f"{task.id} is {task.status}: its request can be had once it has ended")
    s3, bucket = system.aws("s3"), system.output("PayloadBucket")
    found = _in_answer(task, s3) or _in_letter(task, s3, bucket)
    if found is None:
        raise NoRequestError(
            f"the request of {task.id} is not stored: its .out is gone or older than this, and no dead letter"
            " has it"
        )
    content = found.get("content")
    if content is None:
        try:
            content = ClaimCheck(s3, bucket).get(
                str(found.get("content_ref")), submission=task.submission, limit=MAX_CONTENT_BYTES
            )
        except ClaimCheckError as exc:
            raise NoRequestError(
                f"the request of {task.id} was large, and is not kept any more: {exc}"
            ) from exc
    if not isinstance(content, dict):
        raise NoRequestError(f"what is stored as the request of {task.id} is none")
    return Stored(task.id, task.submission, str(found.get("tasktype") or task.tasktype), content)


def _in_answer(task: Task, s3: Any) -> dict[str, Any] | None:
    if task.output_url is None:
        return None
    bucket, _, key = task.output_url.removeprefix("s3://").partition("/")
    stored = stored_at(s3, bucket, key)
    try:
        request = None if stored is None else json.loads(stored)["darkroom"]["request"]
    except (ValueError, KeyError, TypeError):
        return None
    return request if isinstance(request, dict) else None


def _in_letter(task: Task, s3: Any, bucket: str) -> dict[str, Any] | None:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=FOLDER):
        for listed in page.get("Contents", ()):
            stored = stored_at(s3, bucket, listed["Key"])
            message = None if stored is None else Letter.read(stored).message
            if message is not None and message.submission == task.submission:
                return _asked(message)
    return None


def _asked(message: Message) -> dict[str, Any]:
    return {
        "tasktype": message.metadata.tasktype,
        "content": message.content,
        "content_ref": message.content_ref,
    }
