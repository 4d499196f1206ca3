"""The agent as it is put together for real, with moto for AWS and a scripted runtime."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from queue_agent import bootstrap
from queue_agent.settings import Settings
from queue_agent.testing import FakeRuntime, picture
from task_store import table_definition

REGION = "us-east-1"


@pytest.fixture(name="clients")
def _clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", REGION),
    ):
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield {name: boto3.client(name, region_name=REGION) for name in ("s3", "sqs", "sns", "dynamodb")}


async def test_a_bare_message_becomes_a_picture_and_a_notification(clients: dict[str, Any]) -> None:
    for bucket in ("out", "payloads"):
        clients["s3"].create_bucket(Bucket=bucket)
    clients["dynamodb"].create_table(**table_definition("tasks"))
    queue = clients["sqs"].create_queue(QueueName="sdruntime")["QueueUrl"]
    subscriber = clients["sqs"].create_queue(QueueName="subscriber")["QueueUrl"]
    topic = clients["sns"].create_topic(Name="notifications")["TopicArn"]
    clients["sns"].subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{REGION}:123456789012:subscriber",
        Attributes={"RawMessageDelivery": "true"},
    )
    settings = Settings(
        runtime_name="sdruntime",
        runtime_type="sdwebui",
        runtime_url="http://127.0.0.1:9",
        queue_url=queue,
        tasks_table="tasks",
        notifications_topic_arn=topic,
        output_bucket="out",
        payload_bucket="payloads",
        receive_wait_seconds=1,
    )
    metadata = {"id": "t1", "tasktype": "text-to-image", "prefix": "p"}
    body = json.dumps({"metadata": metadata, "content": {"prompt": "a dog"}})
    clients["sqs"].send_message(QueueUrl=queue, MessageBody=body)
    told: list[dict[str, Any]] = []
    async with bootstrap.worker(settings, runtime=FakeRuntime(picture())) as worker, asyncio.timeout(30):
        run = asyncio.create_task(worker.run())
        while not told:
            await asyncio.sleep(0.05)
            told = clients["sqs"].receive_message(QueueUrl=subscriber).get("Messages", [])
        worker.stop()
        await run
    notification = json.loads(told[0]["Body"])
    assert notification["result"] is True
    [url] = notification["image_url"]
    stored = clients["s3"].get_object(Bucket="out", Key=url.removeprefix("s3://out/"))
    assert stored["ContentType"] == "image/png"
    row = clients["dynamodb"].get_item(TableName="tasks", Key={"id": {"S": "t1"}})["Item"]
    assert row["status"]["S"] == "succeeded"
