"""The real adapters against moto: table, topic with a subscribed queue, payload bucket."""

import gc
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from moto import mock_aws

from s3io.claimcheck import ClaimCheck
from task_schema import read_message, upload_key
from task_store import DynamoTaskStore, table_definition
from validator.bootstrap import TRACE_HEADER, bootstrap

type Body = Callable[..., Any]

RUNTIMES = [{"name": "sdruntime", "type": "sdwebui", "modelFilename": "m.safetensors"}]
HEADERS = {"Content-Type": "application/json"}


class Aws:
    """What the infrastructure makes, and a handler that was told of it."""

    def __init__(self) -> None:
        self.dynamodb = boto3.client("dynamodb")
        self.s3 = boto3.client("s3")
        self.sns = boto3.client("sns")
        self.sqs = boto3.client("sqs")
        self.dynamodb.create_table(**table_definition("tasks"))
        self.s3.create_bucket(Bucket="payload")
        topic = self.sns.create_topic(Name="requests")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="sdruntime")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]
        self.sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=arn["QueueArn"],
            Attributes={
                "RawMessageDelivery": "true",
                "FilterPolicy": json.dumps({"runtime": ["sdruntime"]}),
            },
        )
        self.store = DynamoTaskStore(self.dynamodb, "tasks")
        self.env = {
            "TASKS_TABLE": "tasks",
            "REQUESTS_TOPIC_ARN": topic,
            "PAYLOAD_BUCKET": "payload",
            "OUTPUT_BUCKET": "outputs",
            "RUNTIMES": json.dumps(RUNTIMES),
            TRACE_HEADER: "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
        }
        self.handler = bootstrap(self.env)

    def messages(self) -> list[dict[str, Any]]:
        received = self.sqs.receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        messages: list[dict[str, Any]] = received.get("Messages", [])
        return messages


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Aws()


def test_a_task_reaches_the_queue_of_its_runtime(aws: Aws, event: Any, body: Body) -> None:
    answer = aws.handler(event(json.dumps(body()), headers=HEADERS), None)
    assert answer["statusCode"] == 200
    (message,) = aws.messages()
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes == {
        "runtime": "sdruntime",
        "traceparent": "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
    }
    task = aws.store.get("t")
    assert task is not None
    assert task.published_at is not None
    received = read_message(message["Body"], message_id=message["MessageId"])
    assert received.message.submission == task.submission
    assert received.message.content == {"prompt": "A dog"}


def test_four_megabytes_travel_by_claim_check(aws: Aws, event: Any, body: Body) -> None:
    content = {"prompt": "A dog", "init_images": ["A" * 4_000_000]}
    sent = body(content, tasktype="image-to-image", context={"note": "n" * 1000})
    assert aws.handler(event(json.dumps(sent), headers=HEADERS), None)["statusCode"] == 200
    (message,) = aws.messages()
    received = read_message(message["Body"], message_id="m").message
    claims = ClaimCheck(aws.s3, "payload")
    assert received.content is None
    assert received.content_ref is not None
    assert claims.get(received.content_ref, submission=received.submission, limit=5_000_000) == content
    task = aws.store.get("t")
    assert task is not None
    assert task.context_ref is not None
    assert claims.get(task.context_ref, submission=task.submission, limit=5_000) == {"note": "n" * 1000}


@pytest.mark.parametrize("key_id", ["abc123def4", "an id of a form that is refused \n"])
@pytest.mark.parametrize("fair", ["true", "false"])
def test_a_task_that_came_with_a_key_reaches_its_queue_once(
    aws: Aws, event: Any, body: Body, key_id: str, fair: str
) -> None:
    handler = bootstrap({**aws.env, "FAIR_QUEUES": fair})
    sent = event(json.dumps(body()), headers=HEADERS, api_key_id=key_id)
    assert handler(sent, None)["statusCode"] == 200
    assert len(aws.messages()) == 1


def test_an_upload_is_signed_for_the_place_that_its_name_stands_for(aws: Aws, event: Any) -> None:
    sent = event('{"size": 3}', path="/v1alpha2/uploads", headers=HEADERS)
    answer = aws.handler(sent, None)
    assert answer["statusCode"] == 200
    granted = json.loads(answer["body"])
    url = urlsplit(granted["url"])
    assert (url.netloc, url.path[1:]) == (
        "payload.s3.us-east-1.amazonaws.com",
        upload_key(granted["reference"]),
    )
    assert parse_qs(url.query)["X-Amz-SignedHeaders"] == ["content-length;host"]


def test_sending_again_publishes_once(aws: Aws, event: Any, body: Body) -> None:
    sent = event(json.dumps(body()), headers=HEADERS)
    first, again = aws.handler(sent, None), aws.handler(sent, None)
    assert first == again
    assert len(aws.messages()) == 1
    other = event(json.dumps(body({"prompt": "A cat"})), headers=HEADERS)
    assert aws.handler(other, None)["statusCode"] == 409


def test_the_largest_metadata_fits_the_row_and_the_message(aws: Aws, event: Any, body: Body) -> None:
    sent = body(
        {"prompt": "x" * 199_000},
        id="x" * 128,
        prefix="é" * 256,
        context="é" * (8 * 1024 - 1),
        callback_url="https://x.example/" + "a" * (1024 - 18),
        expires_in=14 * 24 * 3600,
    )
    headers = {**HEADERS, "Idempotency-Key": "k" * 255}
    assert aws.handler(event(json.dumps(sent), headers=headers), None)["statusCode"] == 200
    assert len(aws.messages()) == 1


def test_without_its_table_the_api_is_unavailable(
    aws: Aws, event: Any, body: Body, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.dynamodb.delete_table(TableName="tasks")
    answer = aws.handler(event(json.dumps(body()), headers=HEADERS), None)
    assert answer["statusCode"] == 503
    assert answer["headers"]["Retry-After"]
    assert json.loads(answer["body"])["error"]["code"] == "unavailable"
    assert aws.messages() == []


def test_a_topic_that_is_gone_leaves_a_task_to_publish_later(aws: Aws, event: Any, body: Body) -> None:
    aws.sns.delete_topic(TopicArn=aws.env["REQUESTS_TOPIC_ARN"])
    assert aws.handler(event(json.dumps(body()), headers=HEADERS), None)["statusCode"] == 503
    task = aws.store.get("t")
    assert task is not None
    assert task.published_at is None


def test_the_lambdas_entry_point_reads_its_environment_and_answers(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in aws.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "validator.handler", raising=False)
    from validator.handler import handler

    event = {
        "resource": "/v1alpha2",
        "path": "/v1alpha2",
        "httpMethod": "POST",
        "headers": HEADERS,
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "requestContext": {"stage": "prod", "requestId": "r", "path": "/prod/v1alpha2", "identity": {}},
        "body": "{",
        "isBase64Encoded": False,
    }
    answer = handler(event, None)
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["error"]["code"] == "bad_json"
    assert gc.isenabled()
