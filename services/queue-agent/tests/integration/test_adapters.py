"""The agent's AWS adapters against moto's SQS, SNS, S3 and DynamoDB."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from queue_agent import spans
from queue_agent.announcer import SnsAnnouncer
from queue_agent.aws import AwsCalls, Persistence
from queue_agent.ending import Ending
from queue_agent.errors import ServiceError
from queue_agent.fates import Fates
from queue_agent.outputs import S3Outputs
from queue_agent.ports import Announcement, Delivery, Output, Result
from queue_agent.sqs import SqsQueue
from queue_agent.tasks import Tasks, now_ms
from queue_agent.unreadable import Unreadable
from s3io.claimcheck import ClaimCheck
from task_schema import Status, UnreadableMessageError, read_message
from task_store import DynamoTaskStore, Fate, NewTask, table_definition
from telemetry.testing import record

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100
REGION = "us-east-1"


@dataclass
class Aws:
    s3: Any
    sqs: Any
    sns: Any
    dynamodb: Any
    queue_url: str
    topic_arn: str
    subscriber_url: str

    def told(self) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=self.subscriber_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return list(answer.get("Messages", []))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        s3, sqs, sns, dynamodb = (
            boto3.client(name, region_name=REGION) for name in ("s3", "sqs", "sns", "dynamodb")
        )
        for bucket in ("out", "payloads"):
            s3.create_bucket(Bucket=bucket)
        dynamodb.create_table(**table_definition("tasks"))
        queue_url = sqs.create_queue(QueueName="sdruntime")["QueueUrl"]
        subscriber_url = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
        topic_arn = sns.create_topic(Name="notifications")["TopicArn"]
        sns.subscribe(
            TopicArn=topic_arn,
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:{REGION}:123456789012:subscriber",
            Attributes={"RawMessageDelivery": "true"},
        )
        yield Aws(s3, sqs, sns, dynamodb, queue_url, topic_arn, subscriber_url)


def _queue(aws: Aws) -> SqsQueue:
    return SqsQueue(aws.sqs, aws.queue_url, AwsCalls(), visibility=60)


async def test_a_message_is_received_with_its_attributes_and_hidden(aws: Aws) -> None:
    aws.sqs.send_message(
        QueueUrl=aws.queue_url,
        MessageBody="body",
        MessageAttributes={"traceparent": {"DataType": "String", "StringValue": "00-x"}},
    )
    queue = _queue(aws)
    delivery = await queue.receive(wait_seconds=1)
    assert delivery is not None
    assert (delivery.body, delivery.receive_count, delivery.attributes["traceparent"]) == ("body", 1, "00-x")
    assert abs((delivery.sent_at - datetime.now(UTC)).total_seconds()) < 60
    assert await queue.receive(wait_seconds=0) is None


async def test_a_message_given_back_comes_again_and_its_old_receipt_is_not_ours(aws: Aws) -> None:
    aws.sqs.send_message(QueueUrl=aws.queue_url, MessageBody="body")
    queue = _queue(aws)
    first = await queue.receive(wait_seconds=1)
    assert first is not None
    assert await queue.hide(first, 0)
    second = await queue.receive(wait_seconds=1)
    assert second is not None
    assert second.receive_count == 2
    assert await queue.delete(second)
    assert await queue.hide(second, 10) is False


async def test_an_sns_envelope_gives_its_attributes(aws: Aws) -> None:
    envelope = {
        "Type": "Notification",
        "MessageId": "m",
        "Message": "{}",
        "MessageAttributes": {"traceparent": {"Type": "String", "Value": "00-y"}},
    }
    aws.sqs.send_message(QueueUrl=aws.queue_url, MessageBody=json.dumps(envelope))
    delivery = await _queue(aws).receive(wait_seconds=1)
    assert delivery is not None
    assert delivery.attributes == {"traceparent": "00-y"}


async def test_a_queue_that_is_gone_is_a_service_error(aws: Aws) -> None:
    queue = SqsQueue(aws.sqs, aws.queue_url + "-gone", AwsCalls(), visibility=60)
    with pytest.raises(ServiceError, match="ReceiveMessage failed"):
        await queue.receive(wait_seconds=0)


async def test_outputs_are_named_numbered_typed_and_stand_in_the_answer(aws: Aws) -> None:
    outputs = S3Outputs(aws.s3, "out", AwsCalls())
    result = Result(
        answer={"images": [None, None], "info": {"seed": 7}},
        outputs=[Output(PNG, ("images", 0)), Output(b"GIF89a" + b"0" * 20, ("images", 1))],
    )
    stored = await outputs.store("a/b", "t1", result)
    suffix = stored.output_url.removeprefix("s3://out/a/b/t1/t1-").removesuffix(".out")
    assert len(suffix) == 4
    base = f"s3://out/a/b/t1/t1-{suffix}"
    assert list(stored.images) == [f"{base}-1.png", f"{base}-2.gif"]
    answer = json.loads(aws.s3.get_object(Bucket="out", Key=f"a/b/t1/t1-{suffix}.out")["Body"].read())
    assert answer == {"images": list(stored.images), "info": {"seed": 7}}
    first = aws.s3.get_object(Bucket="out", Key=f"a/b/t1/t1-{suffix}-1.png")
    assert (first["ContentType"], first["Body"].read()) == ("image/png", PNG)


async def test_discarded_outputs_are_gone(aws: Aws) -> None:
    outputs = S3Outputs(aws.s3, "out", AwsCalls())
    stored = await outputs.store("p", "t1", Result(answer={"a": None}, outputs=[Output(PNG, ("a",))]))
    await outputs.discard(stored)
    assert aws.s3.list_objects_v2(Bucket="out")["KeyCount"] == 0


async def test_two_tasks_with_one_id_never_mix(aws: Aws) -> None:
    outputs = S3Outputs(aws.s3, "out", AwsCalls())
    results = [Result(answer={"a": None}, outputs=[Output(PNG + bytes([n]), ("a",))]) for n in range(2)]
    one, other = [await outputs.store("p", "t1", result) for result in results]
    assert set(one.keys).isdisjoint(other.keys)


async def test_a_bucket_that_is_gone_is_a_service_error_and_leaves_nothing(aws: Aws) -> None:
    outputs = S3Outputs(aws.s3, "no-such-bucket", AwsCalls())
    with pytest.raises(ServiceError):
        await outputs.store("p", "t1", Result(answer={}, outputs=[]))


def announcement(*, traceparent: str | None) -> Announcement:
    return Announcement(
        text='{"id": "t1"}',
        id="t1",
        submission="s",
        event_id="e",
        runtime="sdruntime",
        tasktype="text-to-image",
        result=True,
        callback=False,
        traceparent=traceparent,
    )


async def test_subscribers_get_body_and_attributes(aws: Aws) -> None:
    told = announcement(traceparent="00-z")
    await SnsAnnouncer(aws.sns, aws.topic_arn, AwsCalls()).announce(told)
    [message] = aws.told()
    assert message["Body"] == '{"id": "t1"}'
    values = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert values == told.attributes()


async def test_subscribers_and_sns_are_told_where_the_trace_goes_on(aws: Aws) -> None:
    recorded = record()
    headers: list[bytes | None] = []
    aws.sns.meta.events.register(
        "before-send.sns.Publish",
        lambda request, **_: headers.append(request.headers.get("X-Amzn-Trace-Id")),
    )
    announcer = SnsAnnouncer(aws.sns, aws.topic_arn, AwsCalls())
    with spans.step("work"):
        await announcer.announce(announcement(traceparent="00-from-the-message"))
        await announcer.announce(announcement(traceparent=None))
    first, second = aws.told(), aws.told()
    messages = {**{each["MessageId"]: each for each in [*first, *second]}}.values()
    carried = [each["MessageAttributes"].get("traceparent", {}).get("StringValue") for each in messages]
    publishes = recorded.all("publish notifications")
    places = [
        f"{span.context.trace_id:032x}-{span.context.span_id:016x}" for span in publishes if span.context
    ]
    assert sorted(carried, key=str) == sorted([f"00-{places[0]}-01", None], key=str)
    root = f"Root=1-{places[0][:8]}-{places[0][8:32]}"
    assert headers == [f"{root};Parent={places[0][33:]};Sampled=1".encode(), None]


@pytest.fixture
def unreadable(aws: Aws) -> Unreadable:
    calls = AwsCalls()
    tasks = Tasks(DynamoTaskStore(aws.dynamodb, "tasks"), calls, lease_seconds=60)
    payloads = ClaimCheck(aws.s3, "payloads")
    ending = Ending(
        tasks=tasks,
        outputs=S3Outputs(aws.s3, "out", calls),
        announcer=SnsAnnouncer(aws.sns, aws.topic_arn, calls),
        payloads=payloads,
        calls=calls,
        persistently=Persistence(),
    )
    return Unreadable(
        client=aws.s3,
        bucket="payloads",
        runtime="sdruntime",
        tasks=tasks,
        ending=ending,
        fates=Fates(payloads, calls),
        calls=calls,
    )


async def _keep(unreadable: Unreadable, body: str) -> None:
    delivery = Delivery("m1", "h", body, 1, datetime.now(UTC))
    with pytest.raises(UnreadableMessageError) as caught:
        read_message(body, message_id="m1")
    await unreadable.keep(delivery, caught.value)


async def test_a_fate_is_remembered_and_one_that_was_never_decided_is_none(aws: Aws) -> None:
    fates = Fates(ClaimCheck(aws.s3, "payloads"), AwsCalls())
    assert await fates.recall("one") is None
    await fates.remember("one", Fate.CONFLICT)
    assert (await fates.recall("one"), await fates.recall("two")) == (Fate.CONFLICT, None)


async def test_an_unreadable_message_is_kept_word_for_word(aws: Aws, unreadable: Unreadable) -> None:
    await _keep(unreadable, "{oops")
    kept = json.loads(aws.s3.get_object(Bucket="payloads", Key="unreadable/sdruntime/m1.json")["Body"].read())
    assert kept["body"] == "{oops"
    assert "not JSON" in kept["reason"]
    assert aws.told() == []


@pytest.mark.parametrize("recorded", [True, False])
async def test_the_task_of_an_unreadable_message_fails_once(
    aws: Aws, unreadable: Unreadable, recorded: bool
) -> None:
    submission = str(uuid.uuid4())
    store = DynamoTaskStore(aws.dynamodb, "tasks")
    if recorded:
        new = NewTask(
            id="t9",
            submission=submission,
            runtime="sdruntime",
            tasktype="text-to-image",
            prefix="p",
            api_version="v1alpha2",
            body_hash="h",
        )
        store.record(new, now=now_ms())
    body = json.dumps({"schema": 2, "submission": submission, "metadata": {"id": "t9"}, "content": {}})
    await _keep(unreadable, body)
    await _keep(unreadable, body)
    row = store.get("t9")
    assert row is not None
    assert (row.status, row.notified_at is not None) == (Status.FAILED, True)
    [message] = aws.told()
    told = json.loads(message["Body"])
    assert (told["id"], told["error"]["code"], told["submission"]) == ("t9", "unreadable_message", submission)
