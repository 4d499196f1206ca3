"""The real adapters against moto: table, queues, topic, buckets."""

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from notifier import bootstrap
from s3io.claimcheck import ClaimCheck
from task_schema import Status
from task_store import DynamoTaskStore, Task, table_definition
from task_store.testing import new_task

MINUTE = 60_000


class Aws:
    """What the infrastructure makes, and functions that were told of it."""

    def __init__(self) -> None:
        self.s3 = boto3.client("s3")
        self.sqs = boto3.client("sqs")
        sns, dynamodb = boto3.client("sns"), boto3.client("dynamodb")
        dynamodb.create_table(**table_definition("tasks"))
        for bucket in ("payload", "outputs"):
            self.s3.create_bucket(Bucket=bucket)
        topic = sns.create_topic(Name="notifications")["TopicArn"]
        self.ear = self._queue("ear")
        sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=self._arn(self.ear),
            Attributes={"RawMessageDelivery": "true"},
        )
        self.dlq = self._queue("sd-dlq")
        self.store = DynamoTaskStore(dynamodb, "tasks")
        self.env = {
            "TASKS_TABLE": "tasks",
            "NOTIFICATIONS_TOPIC_ARN": topic,
            "PAYLOAD_BUCKET": "payload",
            "OUTPUT_BUCKET": "outputs",
            "LETTERS": "unrouted",
            "RUNTIMES": '["sdruntime"]',
        }
        self.letters = bootstrap.letters(self.env)
        self.sweeper = bootstrap.sweeper(self.env)

    def _queue(self, name: str) -> str:
        url: str = self.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "360"})["QueueUrl"]
        return url

    def _arn(self, url: str) -> str:
        given = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        arn: str = given["QueueArn"]
        return arn

    def deliver(self) -> dict[str, Any]:
        """Receive what is in the dead-letter queue and hand it to the function, as Lambda does."""
        received = self.sqs.receive_message(
            QueueUrl=self.dlq,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        records = [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {
                    name: {"stringValue": value["StringValue"], "dataType": "String"}
                    for name, value in message.get("MessageAttributes", {}).items()
                },
                "eventSourceARN": self._arn(self.dlq),
            }
            for message in received.get("Messages", [])
        ]
        return self.letters({"Records": records}, None)

    def told(self) -> list[dict[str, Any]]:
        received = self.sqs.receive_message(
            QueueUrl=self.ear, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return received.get("Messages", [])  # type: ignore[no-any-return]  # boto3 has no types

    def keys(self, bucket: str) -> list[str]:
        return [entry["Key"] for entry in self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

    def task(self) -> Task:
        task = self.store.get("t")
        assert task is not None
        return task


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Aws()


def test_an_unrouted_message_is_kept_ended_and_told_and_counted_for_cloudwatch(
    aws: Aws, bare: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.sqs.send_message(
        QueueUrl=aws.dlq,
        MessageBody=json.dumps(bare(context={"note": "n" * 2000})),
        MessageAttributes={"runtime": {"DataType": "String", "StringValue": "nowhere"}},
    )
    assert aws.deliver() == {"batchItemFailures": []}
    [message] = aws.told()
    told = json.loads(message["Body"])
    assert (told["error"]["code"], told["context"]) == ("unknown_runtime", {"note": "n" * 2000})
    assert message["MessageAttributes"]["result"]["StringValue"] == "false"
    assert message["MessageAttributes"]["event_id"]["StringValue"] == aws.task().event_id
    assert [f"s3://outputs/{key}" for key in aws.keys("outputs")] == [told["output_url"]]
    assert aws.task().is_finished
    assert [key for key in aws.keys("payload") if key.startswith("dead-letters/sd-dlq/")]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [metric] = [line for line in lines if "_aws" in line]
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Darkroom"
    assert (metric["queue"], metric["reason"], metric["DeadLetters"]) == ("sd-dlq", "unknown_runtime", 1)


def test_a_message_of_a_task_that_runs_stays_in_the_queue_until_after_the_lease(
    aws: Aws, message: Any
) -> None:
    now = bootstrap.now()
    task = aws.store.record(new_task(id="t"), now=now)
    aws.store.claim("t", task.submission, token="agent", lease_until=now + 1000, now=now)
    aws.sqs.send_message(QueueUrl=aws.dlq, MessageBody=json.dumps(message(task)))
    assert len(aws.deliver()["batchItemFailures"]) == 1
    assert aws.deliver() == {"batchItemFailures": []}, "hidden"
    deadline = time.monotonic() + 10
    while aws.task().status is not Status.FAILED:
        assert time.monotonic() < deadline
        aws.deliver()
        time.sleep(0.1)
    assert len(aws.told()) == 1


def test_a_letter_that_was_kept_is_not_written_over(aws: Aws, bare: Any) -> None:
    for body in (bare(), bare()):
        sent = aws.sqs.send_message(QueueUrl=aws.dlq, MessageBody=json.dumps(body))
        key = f"dead-letters/sd-dlq/{sent['MessageId']}.json"
        aws.s3.put_object(Bucket="payload", Key=key, Body=b"before")
        assert aws.deliver() == {"batchItemFailures": []}
        assert aws.s3.get_object(Bucket="payload", Key=key)["Body"].read() == b"before"


def test_the_sweeper_ends_what_was_never_published_and_tells_what_was_not_told(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    now = bootstrap.now()
    aws.store.record(new_task(id="t"), now=now - 16 * MINUTE)
    aws.store.record(new_task(id="young"), now=now - 6 * MINUTE)
    assert aws.sweeper({}, None) == {"done": {"not_published": 1, "postponed": 1}, "finished": True}
    [message] = aws.told()
    assert json.loads(message["Body"])["error"]["code"] == "not_published"
    assert aws.task().is_finished
    assert aws.sweeper({}, None) == {"done": {}, "finished": True}
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [(metric["code"], metric["Swept"]) for metric in metrics] == [("not_published", 1)]


def test_a_context_comes_back_from_the_payload_bucket(aws: Aws) -> None:
    ref = ClaimCheck(aws.s3, "payload").put("s", "context", {"large": True})
    new = new_task(id="t", submission="s", context_ref=ref)
    aws.store.record(new, now=bootstrap.now() - 16 * MINUTE)
    aws.sweeper({}, None)
    assert json.loads(aws.told()[0]["Body"])["context"] == {"large": True}


@pytest.mark.parametrize("missing", ["payload", "outputs"])
def test_without_a_bucket_nothing_is_ended_and_all_comes_again(aws: Aws, bare: Any, missing: str) -> None:
    aws.s3.delete_bucket(Bucket=missing)
    aws.sqs.send_message(QueueUrl=aws.dlq, MessageBody=json.dumps(bare()))
    assert len(aws.deliver()["batchItemFailures"]) == 1
    assert aws.told() == []
    task = aws.store.get("t")
    assert task is None or not task.status.is_terminal
