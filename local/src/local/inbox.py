"""A queue of one's own at the notifications topic: how a command hears that its tasks have ended."""

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from pydantic import ValidationError

from local.clients import Clients
from task_schema import Notification

LONG_POLL = 2  # seconds; short enough for Ctrl-C to be prompt
MAX_IDS = 150  # values that one filter policy takes


@dataclass(frozen=True)
class Heard:
    """A notification, and the monotonic time in seconds at which it was here."""

    notification: Notification
    at: float


class Inbox:
    """Receives notifications; each is handed out once, whatever the queue delivers."""

    def __init__(self, clients: Clients, queue_url: str) -> None:
        self._sqs = clients.client("sqs")
        self._queue_url = queue_url
        self._seen: set[str] = set()

    def receive(self, *, wait: int = LONG_POLL) -> list[Heard]:
        """Return what has come, after waiting at most `wait` seconds for something."""
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=wait,
            MessageAttributeNames=["All"],
        )
        at = time.monotonic()
        heard = []
        for message in answer.get("Messages", []):
            self._delete(message["ReceiptHandle"])
            event = message.get("MessageAttributes", {}).get("event_id", {}).get("StringValue")
            notification = _read(message["Body"])
            if notification is None or (event is not None and event in self._seen):
                continue
            if event is not None:
                self._seen.add(event)
            heard.append(Heard(notification, at))
        return heard

    def _delete(self, receipt: str) -> None:
        try:
            self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=receipt)
        except ClientError:
            return  # it was delivered again meanwhile, and is recognised then


@contextmanager
def open_inbox(clients: Clients, topic: str, *, ids: Sequence[str] = ()) -> Iterator[Inbox]:
    """Subscribe a new queue to the notifications topic, for these task ids or all; remove both in the end.

    Open it before the first POST: a topic keeps nothing for those who come later.
    """
    sqs, sns = clients.client("sqs"), clients.client("sns")
    url = sqs.create_queue(QueueName=f"darkroom-inbox-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    subscription: str | None = None
    try:
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": _policy(attributes["QueueArn"], topic)})
        options = {"RawMessageDelivery": "true"}
        if 0 < len(ids) <= MAX_IDS:
            options["FilterPolicy"] = json.dumps({"id": list(ids)})
        subscription = sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=attributes["QueueArn"],
            Attributes=options,
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        yield Inbox(clients, url)
    finally:
        if subscription is not None:
            sns.unsubscribe(SubscriptionArn=subscription)
        sqs.delete_queue(QueueUrl=url)


def _read(body: str) -> Notification | None:
    try:
        return Notification.model_validate_json(body)
    except ValidationError:
        return None


def _policy(queue: str, topic: str) -> str:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
