"""Hears how tasks end: a queue of one's own at the notifications topic, made before and removed after.

In the load test's own resolve, so it takes nothing from the rest of Darkroom.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

LONG_POLL = 5  # seconds
RAW = {"RawMessageDelivery": "true"}


@dataclass(frozen=True)
class Ended:
    """A task that ended: its id, whether it succeeded, the code where not; `at` is in monotonic seconds."""

    task_id: str
    succeeded: bool
    code: str | None
    at: float


type Heard = Callable[[Ended], None]


@contextmanager
def listening(sqs: Any, sns: Any, topic: str, heard: Heard) -> Iterator[None]:
    """Tell `heard` of each notification, from a thread, once for each event; leave nothing behind."""
    stopped = threading.Event()
    with ExitStack() as undoing:
        url = sqs.create_queue(
            QueueName=f"darkroom-load-{uuid.uuid4().hex[:12]}", Attributes={"MessageRetentionPeriod": "3600"}
        )["QueueUrl"]
        undoing.callback(sqs.delete_queue, QueueUrl=url)
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": _policy(arn, topic)})
        subscription = sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=RAW, ReturnSubscriptionArn=True
        )["SubscriptionArn"]
        undoing.callback(sns.unsubscribe, SubscriptionArn=subscription)
        ear = threading.Thread(target=_hear, args=(sqs, url, heard, stopped), daemon=True)
        ear.start()
        undoing.callback(ear.join)
        undoing.callback(stopped.set)
        yield


def read(message: dict[str, Any], at: float) -> tuple[str, Ended] | None:
    """Return the event's id and what a message says; None where it is no notification."""
    attributes = message.get("MessageAttributes", {})
    try:
        told = json.loads(message["Body"])
        task_id, result = told["id"], told["result"]
    except (ValueError, TypeError, KeyError):
        return None
    code = (told.get("error") or {}).get("code")
    event = attributes.get("event_id", {}).get("StringValue") or message["MessageId"]
    return event, Ended(str(task_id), bool(result), code, at)


def _hear(sqs: Any, url: str, heard: Heard, stopped: threading.Event) -> None:
    seen: set[str] = set()
    while not stopped.is_set():
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=LONG_POLL, MessageAttributeNames=["All"]
        )
        at = time.monotonic()
        messages = answer.get("Messages", [])
        for message in messages:
            found = read(message, at)
            if found is not None and found[0] not in seen:
                seen.add(found[0])
                heard(found[1])
        if messages:
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ]
            sqs.delete_message_batch(QueueUrl=url, Entries=entries)


def _policy(queue: str, topic: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
