"""The ports over AWS, where AWS fails."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.parsers import ResponseParserError
from botocore.session import Session

from notifier.adapters import S3Kept, S3Outputs, S3Payloads, SnsAnnouncer, SqsQueues
from notifier.errors import UnavailableError
from task_schema import Announcement

FAULTS: list[Exception] = [
    ClientError({"Error": {"Code": "InternalError", "Message": "no"}}, "Publish"),
    ReadTimeoutError(endpoint_url="http://x.example"),
    ResponseParserError("invalid XML"),
]
ARN = "arn:aws:sqs:us-east-1:000000000000:dlq"
URL = "https://sqs.us-east-1.amazonaws.com/000000000000/dlq"
TOLD = Announcement("{}", "t", "s", "e", "sdruntime", "text-to-image", result=False, callback=False)

each_fault = pytest.mark.parametrize("error", FAULTS, ids=lambda error: type(error).__name__)


class BrokenClient:
    """A client of any service whose every call fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, _: str) -> Callable[..., Any]:
        def call(**_: Any) -> Any:
            raise self._error

        return call


class Body:
    """What came of an answer's body."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self) -> Iterator[bytes]:
        yield self._data


class Sqs:
    """botocore's client of SQS, whose requests get these answers."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        session = Session()
        session.set_credentials("test", "test")
        self.client = session.create_client("sqs", region_name="us-east-1")
        self.client.meta.events.register("before-send.sqs", self._answer)

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        self.asked.append(request.headers["X-Amz-Target"].decode().partition(".")[2])
        headers = {"Content-Type": "application/x-amz-json-1.0"}
        return AWSResponse(request.url, 200, headers, Body(self.answers.pop(0)))


@each_fault
def test_what_the_sdk_raises_means_unavailable_and_stays_the_cause(error: Exception) -> None:
    client = BrokenClient(error)
    payloads = S3Payloads(client, "payload")
    calls: list[Callable[[], object]] = [
        lambda: SnsAnnouncer(client, "arn").announce(TOLD),
        lambda: payloads.put("s", "fate", "recorded"),
        lambda: payloads.get(payloads.ref("s", "fate"), submission="s", limit=64),
        lambda: S3Kept(client, "payload").keep("dead-letters/dlq/m.json", {}),
        lambda: S3Outputs(client, "outputs").store("output", "t", {}),
    ]
    for call in calls:
        with pytest.raises(UnavailableError) as caught:
            call()
        assert caught.value.__cause__ is error


@each_fault
def test_a_batch_survives_that_a_message_cannot_be_hidden(
    system: Any, record: Any, bare: Any, error: Exception
) -> None:
    system.queues = SqsQueues(BrokenClient(error))
    system.store.available = False
    records = [record(bare(name), message_id=f"m-{name}") for name in "ab"]
    assert system.post(*records) == ["m-a", "m-b"]


@each_fault
def test_a_lost_task_stays_lost_though_its_answer_cannot_be_deleted(
    system: Any, record: Any, message: Any, error: Exception
) -> None:
    task, store = system.record(), system.bucket.store

    def overtaken(prefix: str, task_id: str, document: dict[str, Any]) -> str:
        url: str = store(prefix, task_id, document)
        system.now += 120_000
        until = system.now + 60_000
        system.store.claim("t", task.submission, token="agent", lease_until=until, now=system.now)
        return url

    system.bucket.store = overtaken
    system.bucket.discard = S3Outputs(BrokenClient(error), "bucket").discard
    assert system.post(record(message(task))) == ["m-1"]
    assert system.outcomes == ["later"]


def test_a_queues_url_is_asked_for_once() -> None:
    sqs = Sqs(b'{"QueueUrl": "%s"}' % URL.encode(), b"", b"")
    queues = SqsQueues(sqs.client)
    queues.hide(ARN, "handle", 2)
    queues.hide(ARN, "handle", 2)
    assert sqs.asked == ["GetQueueUrl", "ChangeMessageVisibility", "ChangeMessageVisibility"]


def test_a_queues_url_that_was_cut_off_is_asked_for_again_the_next_time() -> None:
    sqs = Sqs(b'{"QueueUrl": "https://sq', b'{"QueueUrl": "%s"}' % URL.encode(), b"")
    queues = SqsQueues(sqs.client)
    queues.hide(ARN, "handle", 2)
    assert sqs.asked == ["GetQueueUrl"]
    queues.hide(ARN, "handle", 2)
    assert sqs.asked == ["GetQueueUrl", "GetQueueUrl", "ChangeMessageVisibility"]
