"""The function of the webhooks against moto: topic, queues, table, secret; the receiver is a real server."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from moto import mock_aws
from standardwebhooks import Webhook as Published

from notifier import bootstrap
from notifier.webhook_bootstrap import webhooks
from s3io.claimcheck import ClaimCheck
from task_schema import Notification, TaskCode, TaskError
from task_store import CALLBACK, DynamoTaskStore, Outcome, Task, announcement_of, table_definition
from task_store.testing import new_task

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


class Listener:
    """A receiver that gives these answers."""

    def __init__(self, *statuses: int) -> None:
        got: list[tuple[dict[str, str], bytes]] = []
        left = list(statuses)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(left.pop(0) if left else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.got = got
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Aws:
    """What the infrastructure makes."""

    def __init__(self) -> None:
        self.sqs, self.sns = boto3.client("sqs"), boto3.client("sns")
        dynamodb = boto3.client("dynamodb")
        dynamodb.create_table(**table_definition("tasks"))
        boto3.client("s3").create_bucket(Bucket="payload")
        boto3.client("secretsmanager").create_secret(Name="hooks", SecretString=json.dumps([SECRET]))
        self.topic = self.sns.create_topic(Name="notifications")["TopicArn"]
        self.urls = {
            name: self.sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("first", "retry", "dead")
        }
        self.sns.subscribe(
            TopicArn=self.topic,
            Protocol="sqs",
            Endpoint=self._arn("first"),
            Attributes={
                "RawMessageDelivery": "true",
                "FilterPolicy": json.dumps({"callback": ["true"]}),
            },
        )
        self.store = DynamoTaskStore(dynamodb, "tasks")
        self.handler: Any = None

    def start(self, **settings: str) -> None:
        """Start the function anew."""
        if self.handler is not None:
            self.handler.close()
        self.handler = webhooks(
            {
                "TASKS_TABLE": "tasks",
                "WEBHOOK_RETRY_QUEUE_URL": self.urls["retry"],
                "WEBHOOK_DEAD_LETTERS_URL": self.urls["dead"],
                "WEBHOOK_SECRET": "hooks",
                "PAYLOAD_BUCKET": "payload",
                "WEBHOOK_DELAYS": "[1]",
                **settings,
            }
        )

    def _arn(self, name: str) -> str:
        found = self.sqs.get_queue_attributes(QueueUrl=self.urls[name], AttributeNames=["QueueArn"])
        return str(found["Attributes"]["QueueArn"])

    def end(self, url: str | None) -> str:
        """Fail a task and tell it as the notifier does; return what was told."""
        now = bootstrap.now()
        task = self.store.record(new_task(id="t", callback_url=url, context={"note": "é"}), now=now)
        self.store.seize("t", task.submission, token="x", lease_until=now + 60_000, now=now)
        notification = Notification.ended_without_result(
            task_id="t",
            submission=task.submission,
            runtime=task.runtime,
            context={"note": "é"},
            error=TaskError.of(TaskCode.INTERNAL, "it broke"),
        )
        ended = self.store.commit(
            "t", task.submission, "x", Outcome.of(notification, event_id="event"), now=now
        )
        announced = announcement_of(ended)
        self.sns.publish(
            TopicArn=self.topic,
            Message=announced.text,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in announced.attributes().items()
            },
        )
        return announced.text

    def received(self, name: str) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=self.urls[name],
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    def deliver(self, name: str) -> int:
        """Hand what is in a queue to the function, as Lambda does; return how many messages that were."""
        messages = self.received(name)
        records = [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {
                    key: {"stringValue": value["StringValue"], "dataType": "String"}
                    for key, value in message.get("MessageAttributes", {}).items()
                },
                "eventSourceARN": self._arn(name),
            }
            for message in messages
        ]
        assert self.handler({"Records": records}, None) == {"batchItemFailures": []}
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.urls[name], ReceiptHandle=message["ReceiptHandle"])
        return len(messages)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        made = Aws()
        made.start(INSECURE_CALLBACKS="true")
        yield made
        made.handler.close()


@pytest.fixture
def listener(request: pytest.FixtureRequest) -> Iterator[Listener]:
    made = Listener(*getattr(request, "param", ()))
    yield made
    made.close()


def test_what_the_topic_told_is_posted_byte_for_byte(
    aws: Aws, listener: Listener, capsys: pytest.CaptureFixture[str]
) -> None:
    told = aws.end(listener.url)
    assert aws.deliver("first") == 1
    [(headers, body)] = listener.got
    assert body == told.encode()
    assert Published(SECRET).verify(body, headers)["error"]["code"] == "internal"
    assert headers["webhook-id"] == "event"
    assert [aws.received(name) for name in ("retry", "dead")] == [[], []]
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [(each["outcome"], each["Webhooks"]) for each in metrics if "Webhooks" in each] == [
        ("delivered", 1)
    ]
    assert [(each["answer"], each["WebhookTries"]) for each in metrics if "WebhookTries" in each] == [
        ("2xx", 1)
    ]


@pytest.mark.parametrize("listener", [[500]], indirect=True)
def test_what_failed_waits_in_the_queue_of_tries_to_come(aws: Aws, listener: Listener) -> None:
    aws.end(listener.url)
    aws.deliver("first")
    assert aws.deliver("retry") == 0, "not yet"
    deadline = time.monotonic() + 20
    while len(listener.got) < 2:
        assert time.monotonic() < deadline
        aws.deliver("retry")
        time.sleep(0.1)
    (first, body), (second, again) = listener.got
    assert body == again
    assert first["webhook-id"] == second["webhook-id"] == "event"
    Published(SECRET).verify(again, second)


@pytest.mark.parametrize("listener", [[500, 500, 500]], indirect=True)
def test_after_the_last_try_it_is_a_dead_letter_with_all_that_it_takes_to_begin_anew(
    aws: Aws, listener: Listener
) -> None:
    told = aws.end(listener.url)
    aws.deliver("first")
    deadline = time.monotonic() + 20
    dead: list[dict[str, Any]] = []
    while not (dead := aws.received("dead")):
        assert time.monotonic() < deadline
        aws.deliver("retry")
        time.sleep(0.1)
    [letter] = dead
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert letter["Body"] == told
    assert (attributes["reason"], attributes["tries"]) == ("exhausted", "2")
    assert (attributes["url"], attributes["event_id"]) == (listener.url, "event")


def test_the_receiver_is_known_though_the_id_was_used_again_before_the_first_try(
    aws: Aws, listener: Listener
) -> None:
    told = aws.end(listener.url)
    finished = aws.store.get("t")
    assert finished is not None
    assert aws.store.mark_notified("t", finished.submission, now=bootstrap.now())
    claims = ClaimCheck(boto3.client("s3"), "payload")

    def keep(task: Task) -> None:
        claims.put(task.submission, CALLBACK, task.callback_url)

    assert aws.store.record(new_task(id="t"), now=bootstrap.now(), replacing=keep).callback_url is None
    assert aws.deliver("first") == 1
    assert [body.decode() for _, body in listener.got] == [told]


def test_a_webhook_whose_receiver_nobody_knows_is_kept(aws: Aws, listener: Listener) -> None:
    aws.end(listener.url)
    finished = aws.store.get("t")
    assert finished is not None
    aws.store.mark_notified("t", finished.submission, now=bootstrap.now())
    aws.store.record(new_task(id="t"), now=bootstrap.now())
    aws.deliver("first")
    [letter] = aws.received("dead")
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "unaddressed"
    assert listener.got == []


def test_a_task_without_a_callback_brings_no_webhook(aws: Aws) -> None:
    aws.end(None)
    assert aws.deliver("first") == 0


@pytest.mark.parametrize("hosts", ["[]", '["127.0.0.0/8"]'])
def test_this_machine_is_no_receiver_unless_a_setting_says_so(
    aws: Aws, listener: Listener, hosts: str, caplog: pytest.LogCaptureFixture
) -> None:
    aws.start(WEBHOOK_HOSTS=hosts)
    aws.end(listener.url.replace("http:", "https:"))
    aws.deliver("first")
    [told] = [vars(line) for line in caplog.records if line.message == "webhook"]
    # With plain HTTP behind the address, TLS is as far as it gets.
    assert told["error"] == ("AddressRefusedError" if hosts == "[]" else "ConnectError")


def test_plain_http_is_refused_unless_a_setting_says_so(aws: Aws, listener: Listener) -> None:
    aws.start(WEBHOOK_HOSTS='["127.0.0.0/8"]')
    aws.end(listener.url)
    aws.deliver("first")
    [dead] = aws.received("dead")
    assert dead["MessageAttributes"]["reason"]["StringValue"] == "refused"
    assert listener.got == []
