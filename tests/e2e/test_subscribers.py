"""Subscribers of the notifications topic as the guide knows them: a queue, and a URL that has to confirm."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from local.clients import Clients
from tests.e2e.receiving import Receiver, receiving
from tests.e2e.user import COMFY, STATIC, Json, User, eventually, new_id, request, text_to_image, workflow

ENVELOPE = {"Type", "MessageId", "TopicArn", "Message", "Timestamp", "MessageAttributes"}


def submitted(user: User, version: str) -> str:
    """Submit a task in one of the API's versions, the newer one to the other kind of runtime."""
    task_id = new_id("subscribed")
    if version == "v1alpha1":
        scripts = {
            "task": "text-to-image",
            "sd_model_checkpoint": "v1-5-pruned-emaonly.safetensors",
            "id_task": task_id,
            "save_dir": "e2e",
        }
        user.submit({"alwayson_scripts": scripts, **text_to_image(1)}, version=version)
    else:
        user.submit(request(task_id, workflow(1), runtime=COMFY, tasktype="pipeline"))
    return task_id


@contextmanager
def subscribed(clients: Clients, topic: str, protocol: str, endpoint: str, **more: str) -> Iterator[str]:
    """Subscribe to a topic; yield what SNS says of it at once."""
    sns = clients.client("sns")
    arn = sns.subscribe(
        TopicArn=topic, Protocol=protocol, Endpoint=endpoint, Attributes=more, ReturnSubscriptionArn=True
    )["SubscriptionArn"]
    try:
        yield arn
    finally:
        sns.unsubscribe(SubscriptionArn=arn)


@contextmanager
def queue(clients: Clients) -> Iterator[tuple[str, str]]:
    """Make a queue; yield its URL and ARN."""
    sqs = clients.client("sqs")
    url = sqs.create_queue(QueueName=new_id("subscriber"))["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    try:
        yield url, found["Attributes"]["QueueArn"]
    finally:
        sqs.delete_queue(QueueUrl=url)


def received(clients: Clients, url: str, task_id: str) -> Json:
    """Receive until there is a message about a task."""

    def look() -> Json | None:
        answer = clients.client("sqs").receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"]
        )
        return next((each for each in answer.get("Messages", []) if task_id in each["Body"]), None)

    return eventually(look, what=f"a message about {task_id}")


def kinds(receiver: Receiver) -> list[str]:
    return [got.headers["x-amz-sns-message-type"] for got in receiver.got]


def confirm(receiver: Receiver) -> Json:
    """Confirm a subscription as its endpoint has to: by asking for the URL that came."""
    [asked] = eventually(lambda: receiver.got or None, what="the request to confirm")
    assert asked.headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    said: Json = json.loads(asked.body)
    answer = httpx.get(said["SubscribeURL"], trust_env=False)
    assert answer.status_code == 200, answer.text
    return said


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2"])
def test_a_queue_without_raw_delivery_gets_the_notification_in_an_envelope(user: User, version: str) -> None:
    topic = user.state.notifications_topic
    with queue(user.clients) as (url, arn), subscribed(user.clients, topic, "sqs", arn):
        task_id = submitted(user, version)
        envelope: dict[str, Any] = json.loads(received(user.clients, url, task_id)["Body"])
    told = user.hears(task_id)
    assert set(envelope) >= ENVELOPE
    assert (envelope["Type"], envelope["TopicArn"]) == ("Notification", topic)
    assert envelope["Message"] == told.body
    assert json.loads(envelope["Message"])["result"] is True
    attributes = {name: each["Value"] for name, each in envelope["MessageAttributes"].items()}
    assert attributes == told.attributes


def test_a_queue_may_ask_for_failures_only(user: User) -> None:
    topic = user.state.notifications_topic
    policy = json.dumps({"result": ["false"]})
    with (
        queue(user.clients) as (url, arn),
        subscribed(user.clients, topic, "sqs", arn, RawMessageDelivery="true", FilterPolicy=policy),
    ):
        good, bad = new_id("good"), new_id("bad")
        user.submit(request(good, text_to_image(1)))
        assert user.hears(good).json["result"]
        user.publish(json.dumps(request(bad, text_to_image(1, steps=-4))["task"]), {"runtime": STATIC})
        message = received(user.clients, url, bad)
    assert json.loads(message["Body"]) == user.hears(bad).json
    assert good not in message["Body"]


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2"])
def test_a_url_that_has_confirmed_is_told_of_each_end(user: User, version: str) -> None:
    topic = user.state.notifications_topic
    with receiving() as receiver, subscribed(user.clients, topic, "http", receiver.url):
        said = confirm(receiver)
        assert (said["TopicArn"], bool(said["Token"])) == (topic, True)
        task_id = submitted(user, version)
        [got] = eventually(
            lambda: [each for each in receiver.got if task_id.encode() in each.body] or None,
            what="the notification",
        )
    assert kinds(receiver)[:2] == ["SubscriptionConfirmation", "Notification"]
    envelope = json.loads(got.body)
    assert set(envelope) >= ENVELOPE - {"MessageAttributes"}
    assert envelope["Message"] == user.hears(task_id).body
