import json
from typing import Any

import pytest

from local.clients import Clients
from local.inbox import Inbox, open_inbox


@pytest.fixture
def topic(emulator: Clients) -> str:
    return str(emulator.client("sns").create_topic(Name="notifications")["TopicArn"])


def tell(emulator: Clients, topic: str, task: str, event: str, body: Any = None) -> None:
    notification = {
        "id": task,
        "result": True,
        "image_url": [],
        "output_url": None,
        "context": {},
        "runtime": "sdruntime",
        "status": "succeeded",
        "submission": "s",
    }
    attributes = {"id": task, "event_id": event}
    emulator.client("sns").publish(
        TopicArn=topic,
        Message=body or json.dumps(notification),
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    )


def drain(inbox: Inbox) -> list[str]:
    heard: list[str] = []
    while more := inbox.receive(wait=1):
        heard += [one.notification.id for one in more]
    return heard


def test_only_the_tasks_that_were_asked_for_are_heard_of(emulator: Clients, topic: str) -> None:
    with open_inbox(emulator, topic, ids=["a", "b"]) as inbox:
        for task in ("a", "other", "b"):
            tell(emulator, topic, task, event=task)
        assert sorted(drain(inbox)) == ["a", "b"]


def test_a_notification_that_comes_twice_is_handed_out_once(emulator: Clients, topic: str) -> None:
    with open_inbox(emulator, topic) as inbox:
        for _ in range(2):
            tell(emulator, topic, "a", event="same")
        assert drain(inbox) == ["a"]


def test_what_is_no_notification_is_passed_over(emulator: Clients, topic: str) -> None:
    with open_inbox(emulator, topic) as inbox:
        tell(emulator, topic, "odd", event="1", body="not a notification")
        tell(emulator, topic, "a", event="2")
        assert "a" in drain(inbox) + drain(inbox)


def test_nothing_is_left_behind(emulator: Clients, topic: str) -> None:
    before = emulator.client("sqs").list_queues().get("QueueUrls", [])
    with pytest.raises(KeyError), open_inbox(emulator, topic):
        raise KeyError
    assert emulator.client("sqs").list_queues().get("QueueUrls", []) == before
    assert emulator.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
