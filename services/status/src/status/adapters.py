"""The ports over AWS. Each makes its client when it is first needed: most requests read one row, no more."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from lambda_api.ports import Clock
from s3io.claimcheck import ClaimCheck
from s3io.errors import SDK_ERRORS
from status.errors import UnavailableError
from task_schema import Announcement

#: For so long what a queue said is good enough, in ms: polling clients must not become calls to SQS.
FRESH = 2000

_WAITING = "ApproximateNumberOfMessages"

type MakeClient = Callable[[], Any]


class SnsAnnouncer:
    """Publishes to the notifications topic."""

    def __init__(self, make_client: MakeClient, topic_arn: str) -> None:
        self._make_client = make_client
        self._topic_arn = topic_arn

    @cached_property
    def _client(self) -> Any:
        return self._make_client()

    def announce(self, announcement: Announcement) -> None:
        """See `Announcer`."""
        attributes = {
            name: {"DataType": "String", "StringValue": value}
            for name, value in announcement.attributes().items()
        }
        try:
            self._client.publish(
                TopicArn=self._topic_arn, Message=announcement.text, MessageAttributes=attributes
            )
        except SDK_ERRORS as exc:
            raise UnavailableError("the notifications topic did not take the message") from exc


class S3Payloads:
    """Keeps values of tasks in the payload bucket."""

    def __init__(self, make_client: MakeClient, bucket: str) -> None:
        self._make_client = make_client
        self._bucket = bucket

    @cached_property
    def _claims(self) -> ClaimCheck:
        return ClaimCheck(self._make_client(), self._bucket)

    def put(self, submission: str, name: str, value: Any) -> str:
        """See `Payloads`."""
        try:
            return self._claims.put(submission, name, value)
        except SDK_ERRORS as exc:
            raise UnavailableError(f"the payload bucket did not take the {name}") from exc

    def get(self, ref: str, *, submission: str, limit: int) -> Any:
        """See `Payloads`."""
        try:
            return self._claims.get(ref, submission=submission, limit=limit)
        except SDK_ERRORS as exc:
            raise UnavailableError("the payload bucket gave no answer") from exc


class SqsQueues:
    """Asks the queues of the runtimes, each at most once in `FRESH`.

    Args:
        make_client: of SQS.
        names: the queue of each runtime; None where it is not known.
        clock: tells what is still fresh.
    """

    def __init__(self, make_client: MakeClient, names: Mapping[str, str | None], clock: Clock) -> None:
        self._make_client = make_client
        self._names = names
        self._clock = clock
        self._urls: dict[str, str] = {}
        self._seen: dict[str, tuple[int, int | None]] = {}

    @cached_property
    def _client(self) -> Any:
        return self._make_client()

    def waiting(self, runtime: str) -> int | None:
        """See `Queues`."""
        now = self._clock()
        at, number = self._seen.get(runtime, (0, None))
        if now - at >= FRESH:
            number = self._ask(runtime)
            self._seen[runtime] = now, number
        return number

    def _ask(self, runtime: str) -> int | None:
        name = self._names.get(runtime)
        if name is None:
            return None
        try:
            if name not in self._urls:
                self._urls[name] = self._client.get_queue_url(QueueName=name)["QueueUrl"]
            answer = self._client.get_queue_attributes(QueueUrl=self._urls[name], AttributeNames=[_WAITING])
            return int(answer["Attributes"][_WAITING])
        except (*SDK_ERRORS, KeyError, ValueError):
            return None  # of an answer that was cut off the SDK makes an empty one
