"""The ports over AWS; what the SDK raises becomes `UnavailableError` here."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from notifier.errors import UnavailableError
from s3io.claimcheck import ClaimCheck
from s3io.errors import SDK_ERRORS, KeyTakenError
from s3io.outputs import answer_key, delete_all, new_suffix, put_new
from s3io.uri import S3Uri
from task_schema import Announcement

MEDIA_TYPE = "application/json"

# The four characters are taken by another attempt about once in a million times.
_MAX_SUFFIXES = 5


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except SDK_ERRORS as exc:
        raise UnavailableError(what) from exc


class SnsAnnouncer:
    """Publishes to the notifications topic."""

    def __init__(self, client: Any, topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def announce(self, announcement: Announcement) -> None:
        """See `Announcer`."""
        attributes = {
            name: {"DataType": "String", "StringValue": value}
            for name, value in announcement.attributes().items()
        }
        with _translated("the notifications topic did not take the message"):
            self._client.publish(
                TopicArn=self._topic_arn, Message=announcement.text, MessageAttributes=attributes
            )


class S3Payloads:
    """Keeps values of tasks in the payload bucket."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._claims = ClaimCheck(client, bucket)

    def put(self, submission: str, name: str, value: Any) -> str:
        """See `Payloads`."""
        with _translated(f"the payload bucket did not take the {name}"):
            return self._claims.put(submission, name, value)

    def get(self, ref: str, *, submission: str, limit: int) -> Any:
        """See `Payloads`."""
        with _translated("the payload bucket gave no answer"):
            return self._claims.get(ref, submission=submission, limit=limit)

    def ref(self, submission: str, name: str) -> str:
        """See `Payloads`."""
        return self._claims.ref(submission, name)


class S3Kept:
    """Keeps letters in the payload bucket."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def keep(self, key: str, document: Mapping[str, Any]) -> bool:
        """See `Kept`."""
        with _translated("the payload bucket did not take the letter"):
            try:
                put_new(self._client, self._bucket, key, _encoded(document), MEDIA_TYPE)
            except KeyTakenError:
                return False
        return True


class S3Outputs:
    """Puts the `.out` of a task into its folder of the output bucket; what is there is never overwritten."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def store(self, prefix: str, task_id: str, document: Mapping[str, Any]) -> str:
        """See `Outputs`."""
        for _ in range(_MAX_SUFFIXES):
            key = answer_key(prefix, task_id, new_suffix())
            with suppress(KeyTakenError), _translated("the output bucket did not take the answer"):
                return put_new(self._client, self._bucket, key, _encoded(document), MEDIA_TYPE)
        raise UnavailableError("the output bucket has no free name")

    def discard(self, url: str) -> None:
        """See `Outputs`."""
        with suppress(*SDK_ERRORS):
            delete_all(self._client, self._bucket, [S3Uri.parse(url).key])


class SqsQueues:
    """Hides messages; their queues are known by ARN, and SQS wants URLs."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._urls: dict[str, str] = {}

    def hide(self, queue_arn: str, receipt_handle: str, seconds: int) -> None:
        """See `Queues`. Where it does not work, the message comes again after the queue's own time."""
        with suppress(*SDK_ERRORS):
            if (url := self._url(queue_arn)) is not None:
                self._client.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
                )

    def _url(self, queue_arn: str) -> str | None:
        if queue_arn not in self._urls:
            name = queue_arn.rpartition(":")[2]
            # Of an answer that was cut off the SDK makes one with nothing in it.
            if (url := self._client.get_queue_url(QueueName=name).get("QueueUrl")) is None:
                return None
            self._urls[queue_arn] = url
        return self._urls[queue_arn]


def _encoded(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
