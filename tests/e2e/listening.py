"""Ears at a topic: a queue of one's own, and a thread that keeps whatever comes."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local.clients import Clients

LONG_POLL = 1  # seconds
PATIENCE = 60.0  # seconds until a test gives up on something that must come


@dataclass(frozen=True)
class Heard:
    """One message: body as text, attributes, and the monotonic time in seconds at which it was here."""

    body: str
    attributes: dict[str, str]
    at: float

    @property
    def json(self) -> dict[str, Any]:
        """The body."""
        data: dict[str, Any] = json.loads(self.body)
        return data

    @property
    def id(self) -> str:
        """The id of the task that a notification is about."""
        return self.attributes.get("id", "")


class Ear:
    """All that a topic has said since it was opened."""

    def __init__(self, clients: Clients, queue_url: str) -> None:
        self._sqs = clients.client("sqs")
        self._queue_url = queue_url
        self._heard: list[Heard] = []
        self._news = threading.Condition()
        self._ended = False

    def listen(self) -> None:
        """Keep what comes until `end`; for a thread."""
        while not self._ended:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=LONG_POLL,
                MessageAttributeNames=["All"],
            )
            at = time.monotonic()
            for message in answer.get("Messages", []):
                given = message.get("MessageAttributes", {})
                attributes = {name: value["StringValue"] for name, value in given.items()}
                with self._news:
                    self._heard.append(Heard(message["Body"], attributes, at))
                    self._news.notify_all()
                try:
                    self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])
                except ClientError:
                    continue

    def end(self) -> None:
        """Let `listen` return."""
        self._ended = True

    def all(self, matches: Callable[[Heard], bool]) -> list[Heard]:
        """Return all that has come and matches."""
        with self._news:
            return [heard for heard in self._heard if matches(heard)]

    def wait(self, matches: Callable[[Heard], bool], *, what: str, count: int = 1) -> Heard:
        """Return the `count`-th message that matches, waiting for it if it has not come yet."""
        deadline = time.monotonic() + PATIENCE
        with self._news:
            while len(found := [heard for heard in self._heard if matches(heard)]) < count:
                left = deadline - time.monotonic()
                assert left > 0, f"nothing was heard of {what} in {PATIENCE:g} s"
                self._news.wait(left)
        return found[count - 1]


@contextmanager
def listening(clients: Clients, topic: str) -> Iterator[Ear]:
    """Subscribe a new queue to a topic, with raw delivery, and listen to it."""
    sqs, sns = clients.client("sqs"), clients.client("sns")
    url = sqs.create_queue(QueueName=f"e2e-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    subscription = sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"RawMessageDelivery": "true"},
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    ear = Ear(clients, url)
    thread = threading.Thread(target=ear.listen, name=f"ear at {topic}")
    thread.start()
    try:
        yield ear
    finally:
        ear.end()
        thread.join()
        sns.unsubscribe(SubscriptionArn=subscription)
        sqs.delete_queue(QueueUrl=url)
