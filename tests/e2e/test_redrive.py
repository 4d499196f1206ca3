"""`redrive` on the system under test: what was given up begins anew, and a dead letter is kept no longer."""

import json

from local.home import Home
from task_schema import Status
from task_store import Task
from tests.e2e.receiving import outputs, receiving
from tests.e2e.test_command_line import darkroom
from tests.e2e.user import STATIC, User, eventually, new_id, request, text_to_image

LETTERS = "dead-letters/"


def given_up(user: User, task_id: str) -> Task:
    """Put the message of a task where those land that were received too often; return its row."""
    sqs = user.clients.client("sqs")
    policy = sqs.get_queue_attributes(
        QueueUrl=user.state.runtimes[STATIC].queue_url, AttributeNames=["RedrivePolicy"]
    )["Attributes"]["RedrivePolicy"]
    name = json.loads(policy)["deadLetterTargetArn"].rpartition(":")[2]
    message = request(task_id, text_to_image(1))["task"]
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"], MessageBody=json.dumps(message))
    user.hears(task_id)
    return user.settled_row(task_id)


def letters(user: User, task_id: str) -> list[str]:
    """Return the keys of the dead letters of a task."""
    bucket = user.state.payload_bucket
    keys = user.keys(LETTERS, bucket=bucket)
    return [key for key in keys if task_id.encode() in user.fetch(f"s3://{bucket}/{key}")]


def test_a_dead_letter_becomes_a_picture_under_its_id_and_is_kept_no_longer(user: User, home: Home) -> None:
    task_id = new_id("redrive")
    failed = given_up(user, task_id)
    assert failed.status is Status.FAILED
    assert len(letters(user, task_id)) == 1
    sent = darkroom(home, "redrive", task_id, "--yes")
    assert sent.returncode == 0, sent.stderr
    again = user.hears(task_id, count=2)
    assert json.loads(again.body)["result"] is True
    assert user.settled_row(task_id).submission != failed.submission
    assert letters(user, task_id) == []


def test_a_webhook_that_was_given_up_reaches_its_receiver_with_the_same_event(user: User, home: Home) -> None:
    task_id = new_id("redrive-webhook")
    with receiving() as receiver:
        told = {
            "id": task_id,
            "submission": "8a4c2b0e-0000-4000-8000-000000000001",
            "event_id": f"event-{task_id}",
            "runtime": STATIC,
            "url": receiver.url,
            "reason": "exhausted",
            "tries": "9",
        }
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in told.items()}
        body = json.dumps({"id": task_id})
        user.clients.client("sqs").send_message(
            QueueUrl=outputs(user.clients)["WebhookDeadLettersUrl"],
            MessageBody=body,
            MessageAttributes=attributes,
        )
        done = darkroom(home, "redrive", task_id, "--webhooks", "--yes")
        assert done.returncode == 0, done.stderr
        [got] = eventually(lambda: receiver.of(task_id) or None, what="the webhook")
    assert (got.body.decode(), got.headers["webhook-id"]) == (body, f"event-{task_id}")
