"""Where a message goes, and where it ends up when it cannot go there."""

import json
from typing import Any

import pytest

from infra.testing import Template, resolved

QUEUE = "AWS::SQS::Queue"
FOURTEEN_DAYS = 14 * 24 * 3600
# The queues of sdruntime, sddynamic, comfy-runtime, and of what goes to none of them.
WAYS = ["Runtimessdruntime", "Runtimessddynamic", "Runtimescomfyruntime", "Unrouted"]


def subscription(template: Template, way: str) -> dict[str, Any]:
    found: dict[str, Any] = resolved(template.only("AWS::SNS::Subscription", starting=way)[1])
    return found


@pytest.mark.parametrize(("way", "hidden"), [(way, 360 if way == "Unrouted" else 60) for way in WAYS])
def test_a_queue_keeps_messages_for_14_days_and_hides_them_for_as_long_as_its_reader_needs(
    template: Template, way: str, hidden: int
) -> None:
    _, queue = template.only(QUEUE, starting=f"{way}Queue")
    assert queue["MessageRetentionPeriod"] == FOURTEEN_DAYS
    assert queue["VisibilityTimeout"] == hidden
    assert queue["ReceiveMessageWaitTimeSeconds"] == 20


@pytest.mark.parametrize("way", WAYS)
def test_a_message_that_is_received_50_times_goes_to_the_dead_letters_of_its_queue(
    template: Template, way: str
) -> None:
    dead_letters, properties = template.only(QUEUE, starting=f"{way}DeadLetters")
    _, queue = template.only(QUEUE, starting=f"{way}Queue")
    assert resolved(queue["RedrivePolicy"]) == {
        "deadLetterTargetArn": f"<{dead_letters}.Arn>",
        "maxReceiveCount": 50,
    }
    assert properties["MessageRetentionPeriod"] == FOURTEEN_DAYS


@pytest.mark.parametrize("way", WAYS)
def test_what_the_topic_cannot_deliver_goes_to_a_queue_of_the_subscriptions_own(
    template: Template, way: str
) -> None:
    undelivered, properties = template.only(QUEUE, starting=f"{way}Undelivered")
    assert subscription(template, way)["RedrivePolicy"] == {"deadLetterTargetArn": f"<{undelivered}.Arn>"}
    assert properties["MessageRetentionPeriod"] == FOURTEEN_DAYS


@pytest.mark.parametrize("way", WAYS)
def test_messages_are_delivered_raw_from_the_requests_topic(template: Template, way: str) -> None:
    queue, _ = template.only(QUEUE, starting=f"{way}Queue")
    topic, _ = template.only("AWS::SNS::Topic", starting="Requests")
    found = subscription(template, way)
    assert found["RawMessageDelivery"] is True
    assert (found["Protocol"], found["Endpoint"]) == ("sqs", f"<{queue}.Arn>")
    assert found["TopicArn"] == f"<{topic}>"


@pytest.mark.parametrize(
    ("way", "policy"),
    [
        ("Runtimessdruntime", {"runtime": ["sdruntime"]}),
        ("Runtimessddynamic", {"runtime": ["sddynamic"]}),
        ("Runtimescomfyruntime", {"runtime": ["comfy-runtime"]}),
        (
            "Unrouted",
            {
                "$or": [
                    {"runtime": [{"anything-but": ["sdruntime", "sddynamic", "comfy-runtime"]}]},
                    {"runtime": [{"exists": False}]},
                ]
            },
        ),
    ],
)
def test_each_message_matches_one_queue(template: Template, way: str, policy: dict[str, Any]) -> None:
    assert subscription(template, way)["FilterPolicy"] == policy


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("end", ["Queue", "Undelivered"])
def test_only_the_requests_topic_may_send_to_a_queue(template: Template, way: str, end: str) -> None:
    topic, _ = template.only("AWS::SNS::Topic", starting="Requests")
    queue, _ = template.only(QUEUE, starting=f"{way}{end}")
    _, policy = template.only("AWS::SQS::QueuePolicy", starting=f"{way}{end}Policy")
    allowed = [s for s in resolved(policy["PolicyDocument"]["Statement"]) if s["Effect"] == "Allow"]
    assert allowed == [
        {
            "Sid": "DeliveryFromTopic",
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": f"<{queue}.Arn>",
            "Condition": {"ArnEquals": {"aws:SourceArn": f"<{topic}>"}},
        }
    ]


@pytest.mark.parametrize("way", WAYS)
def test_a_subscription_starts_when_its_topic_may_deliver(template: Template, way: str) -> None:
    name, _ = template.only("AWS::SNS::Subscription", starting=way)
    waits_for = template.body["Resources"][name]["DependsOn"]
    policies = [
        template.only("AWS::SQS::QueuePolicy", starting=f"{way}{end}")[0] for end in ("QueueP", "Undelivered")
    ]
    assert set(policies) <= set(waits_for)


def test_every_queue_is_encrypted_and_goes_with_the_stack(template: Template) -> None:
    queues = template.resources(QUEUE)
    assert len(queues) == 3 * len([*WAYS, "webhooks"]) + len(["webhooks' retries"])
    assert all(queue["Properties"]["SqsManagedSseEnabled"] is True for queue in queues.values())
    assert {queue["DeletionPolicy"] for queue in queues.values()} == {"Delete"}


def test_the_urls_of_the_queues_are_an_output_in_json(template: Template) -> None:
    urls = json.loads(resolved(template.outputs["RuntimeQueues"]))
    assert list(urls) == ["sdruntime", "sddynamic", "comfy-runtime"]
    assert urls["comfy-runtime"] == f"<{template.only(QUEUE, starting='RuntimescomfyruntimeQueue')[0]}>"


@pytest.mark.parametrize("name", ["Requests", "Notifications"])
def test_a_topic_is_encrypted_and_carries_traces(template: Template, name: str) -> None:
    _, topic = template.only("AWS::SNS::Topic", starting=name)
    assert topic["TracingConfig"] == "Active"
    assert topic["KmsMasterKeyId"] == "alias/aws/sns"
