"""Dead letters in the payload bucket (DESIGN 2): each becomes a new submission of its task's id.

The notifier keeps them as `dead-letters/<queue>/<message id>.json`, whole, for 30 days. The task's row says
whether sending one again makes sense: it does where the task of that very message ended in failure.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from darkroom_cli.redriving.items import DEAD_LETTER, Item, Wanted
from darkroom_client import Darkroom, NotFoundError, Status, Task
from s3io.claimcheck import ClaimCheck
from s3io.errors import ClaimCheckError
from task_schema import MAX_BODY_BYTES, Message, UnreadableMessageError, read_message

FOLDER = "dead-letters/"
# A body that the API took can grow when it is written again.
MAX_CONTENT_BYTES = 4 * MAX_BODY_BYTES
_UNKNOWN = "?"


class NotSentError(Exception):
    """A letter is not sent after all: its content is gone, or its task has changed meanwhile."""


@dataclass(frozen=True)
class Letter:
    """One stored letter: the message in it, or why there is none."""

    queue: str
    message_id: str
    message: Message | None
    fault: str | None = None

    @classmethod
    def read(cls, stored: bytes) -> "Letter":
        """Read what the notifier has kept; raises nothing."""
        try:
            document = json.loads(stored)
            queue, message_id = str(document["queue"]).rpartition(":")[2], str(document["message_id"])
            body, sent_at = str(document["body"]), datetime.fromisoformat(document["sent_at"])
            attributes = document.get("message_attributes") or {}
            runtime = (attributes.get("runtime") or {}).get("stringValue")
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls(_UNKNOWN, _UNKNOWN, None, "it is not one that the notifier has kept")
        try:
            received = read_message(body, message_id=message_id, runtime=runtime, received_at=sent_at)
        except UnreadableMessageError as exc:
            return cls(queue, message_id, None, f"unreadable: {exc.reason}")
        return cls(queue, message_id, received.message)


class DeadLetters:
    """The dead letters of one system.

    Args:
        s3: boto3's client.
        bucket: the payload bucket.
        api: where they are sent again.
    """

    def __init__(self, s3: Any, bucket: str, api: Darkroom) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._api = api
        self._payloads = ClaimCheck(s3, bucket)
        self._sent: set[str] = set()  # submissions

    def find(self, wanted: Wanted) -> Iterator[Item]:
        """Return those that are meant; unreadable ones belong to no task and no runtime."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=FOLDER)
        for page in pages:
            for listed in page.get("Contents", ()):
                key = listed["Key"]
                stored = stored_at(self._s3, self._bucket, key)
                item = None if stored is None else self._item(key, Letter.read(stored), wanted)
                if item is not None:
                    yield item

    def _item(self, key: str, letter: Letter, wanted: Wanted) -> Item | None:
        message = letter.message
        if message is None:
            item = Item(DEAD_LETTER, _UNKNOWN, _UNKNOWN, letter.queue, letter.fault)
            return item if wanted.has(item) else None
        metadata = message.metadata
        item = Item(DEAD_LETTER, metadata.id, metadata.runtime, letter.queue)
        if not wanted.has(item):
            return None
        task = self._task(metadata.id)
        named = wanted.names(metadata.id)
        return Item(
            DEAD_LETTER,
            metadata.id,
            metadata.runtime,
            _why(task, message, letter.queue),
            _hindrance(task, message, named=named),
            self._sender(key, letter, message, named=named),
        )

    def _task(self, task_id: str) -> Task | None:
        try:
            return self._api.get(task_id)
        except NotFoundError:
            return None  # its row has expired

    def _sender(self, key: str, letter: Letter, message: Message, *, named: bool) -> Callable[[], None]:
        def send() -> None:
            if message.submission not in self._sent:  # a message may have become two letters
                submit()
                self._sent.add(message.submission)
            self._s3.delete_object(Bucket=self._bucket, Key=key)

        def submit() -> None:
            # The user was asked, and others were sent since: its id may have gone to another task.
            if (hindrance := _hindrance(self._task(message.metadata.id), message, named=named)) is not None:
                raise NotSentError(hindrance)
            # The same key for the same letter: who is interrupted after this line and begins anew finds the
            # task that was made, not another one.
            once = hashlib.sha256(f"{key}\n{letter.message_id}".encode()).hexdigest()
            metadata = message.metadata.model_dump(mode="json", exclude_none=True)
            body = {"task": {"metadata": metadata, "content": self._content(message)}}
            self._api.submit_request(body, idempotency_key=f"redrive-{once}")

        return send

    def _content(self, message: Message) -> Any:
        if message.content is not None:
            return message.content
        try:
            return self._payloads.get(
                message.content_ref or "", submission=message.submission, limit=MAX_CONTENT_BYTES
            )
        except ClaimCheckError as exc:
            raise NotSentError(f"its content cannot be read: {exc}") from exc


def stored_at(s3: Any, bucket: str, key: str) -> bytes | None:
    """Return an object; None where there is none: somebody may have sent and deleted it since it was listed.

    Raises:
        BotoCoreError, ClientError: S3 does not give it.
    """
    try:
        stored: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as exc:
        if exc.response.get("Error", {}).get("Code") in {"NoSuchKey", "404"}:
            return None
        raise
    return stored


def _why(task: Task | None, message: Message, queue: str) -> str:
    if task is None or task.submission != message.submission or task.error is None:
        return queue
    return task.error.code


def _hindrance(task: Task | None, message: Message, *, named: bool) -> str | None:
    """Return why a letter stays where it is, given its task's row; one that has expired is no reason."""
    if task is None:
        return None
    if task.submission != message.submission:
        return f"its id was used again since (that task: {task.status})"
    if not task.ended:
        return f"its task has not ended: {task.status}"
    if task.status is Status.SUCCEEDED:
        return "its task succeeded"
    if task.status is Status.CANCELLED and not named:
        return "it was cancelled; name its id to send it all the same"
    return None
