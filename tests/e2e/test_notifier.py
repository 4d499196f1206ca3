"""What no agent brings to an end: unrouted messages, dead letters, and tasks that got stuck (DESIGN 2)."""

import json
import time
import uuid

import pytest

from task_schema import Message, Metadata, Status
from task_store import DynamoTaskStore, NewTask, Task
from tests.e2e.user import (
    ATTRIBUTES,
    STATIC,
    Json,
    User,
    eventually,
    new_id,
    request,
    text_to_image,
)

MINUTE = 60_000  # ms


def table(user: User) -> DynamoTaskStore:
    return DynamoTaskStore(user.clients.client("dynamodb"), user.state.tasks_table)


def recorded(user: User, task_id: str, *, minutes_ago: int) -> Task:
    """Record a task as the validator does that dies before it publishes."""
    new = NewTask(
        id=task_id,
        submission=str(uuid.uuid4()),
        runtime=STATIC,
        tasktype="text-to-image",
        prefix="e2e",
        api_version="v1alpha2",
        body_hash="0" * 64,
        context={"of": task_id},
    )
    return table(user).record(new, now=time.time_ns() // 1_000_000 - minutes_ago * MINUTE)


def message_of(task: Task) -> str:
    metadata = Metadata(
        id=task.id, runtime=task.runtime, tasktype=task.tasktype, prefix=task.prefix, context=task.context
    )
    return Message(
        submission=task.submission,
        metadata=metadata,
        content=text_to_image(1),
        submitted_at="2026-11-23T00:00:00Z",  # type: ignore[arg-type]  # pydantic reads it
        api_version="v1alpha2",
    ).to_json()


def dead_letters(user: User, queue_url: str) -> str:
    """Return the URL of a queue's dead-letter queue."""
    sqs = user.clients.client("sqs")
    given = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["RedrivePolicy"])["Attributes"]
    name = json.loads(given["RedrivePolicy"])["deadLetterTargetArn"].rpartition(":")[2]
    url: str = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    return url


def kept(user: User, about: str) -> Json:
    """Return the letter about a task as it is kept for a human."""
    bucket = user.state.payload_bucket

    def look() -> Json | None:
        letters = (
            json.loads(user.fetch(f"s3://{bucket}/{key}"))
            for key in user.keys("dead-letters/", bucket=bucket)
        )
        return next((letter for letter in letters if about in letter["body"]), None)

    return eventually(look, what=f"the letter of {about}")


def sweep(user: User) -> Json:
    """Run the sweeper now, instead of within five minutes."""
    outputs = user.clients.client("cloudformation").describe_stacks()["Stacks"]
    [name] = [
        output["OutputValue"]
        for stack in outputs
        for output in stack.get("Outputs", [])
        if output["OutputKey"] == "SweeperFunctionName"
    ]
    answer = user.clients.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    text = answer["Payload"].read()
    assert "FunctionError" not in answer, text
    swept: Json = json.loads(text)
    return swept


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"runtime": "nowhere"}, "there is no runtime 'nowhere'"),
        # Something else stands beside it: the emulator matches no policy against no attribute.
        ({"lane": "slow"}, 'the message attribute "runtime" is missing'),
    ],
    ids=["unknown", "missing"],
)
def test_a_task_that_no_runtime_takes_is_kept_and_told_as_failed(
    user: User, attributes: dict[str, str], words: str
) -> None:
    task_id = new_id("unrouted")
    text = json.dumps(request(task_id, text_to_image(6))["task"])
    user.publish(text, attributes)
    heard = user.hears(task_id)
    told = heard.json
    assert (told["result"], told["status"], told["image_url"]) == (False, "failed", [])
    assert told["error"]["code"] == "unknown_runtime"
    assert words in told["error"]["message"]
    assert all(runtime in told["error"]["message"] for runtime in user.state.runtimes)
    assert told["context"] == {"of": task_id}
    assert set(heard.attributes) == ATTRIBUTES  # a message without a trace has begun one
    assert json.loads(user.fetch(told["output_url"]))["error"] == told["error"]
    row = user.settled_row(task_id)
    assert (row.status, row.submission) == (Status.FAILED, told["submission"])
    letter = kept(user, task_id)
    assert letter["body"] == text
    assert {name: value["stringValue"] for name, value in letter["message_attributes"].items()} == attributes
    eventually(lambda: not user.queued(user.state.unrouted_queue_url), what="an empty unrouted queue")


def test_an_unreadable_message_for_no_runtime_is_kept(user: User) -> None:
    text = f"{{this is not JSON {new_id('unrouted')}"
    user.clients.client("sqs").send_message(QueueUrl=user.state.unrouted_queue_url, MessageBody=text)
    letter = kept(user, text)
    assert "not JSON" in letter["reason"]
    eventually(lambda: not user.queued(user.state.unrouted_queue_url), what="an empty unrouted queue")


def test_a_dead_letter_ends_its_task(user: User) -> None:
    """As when whoever receives the message is killed by it, fifty times."""
    task = recorded(user, new_id("dead"), minutes_ago=1)
    dlq = dead_letters(user, user.state.runtimes[STATIC].queue_url)
    user.clients.client("sqs").send_message(QueueUrl=dlq, MessageBody=message_of(task))
    told = user.hears(task.id).json
    assert (told["result"], told["error"]["code"]) == (False, "attempts_exhausted")
    assert (told["submission"], told["context"]) == (task.submission, {"of": task.id})
    assert user.settled_row(task.id).status is Status.FAILED
    assert kept(user, task.id)["body"] == message_of(task)
    eventually(lambda: not user.queued(dlq), what="an empty dead-letter queue")


def test_a_dead_letter_of_a_task_that_runs_waits_for_its_lease(user: User) -> None:
    task = recorded(user, new_id("dead-live"), minutes_ago=1)
    now = time.time_ns() // 1_000_000
    store = table(user)
    store.claim(task.id, task.submission, token="agent", lease_until=now + 4_000, now=now)
    dlq = dead_letters(user, user.state.runtimes[STATIC].queue_url)
    user.clients.client("sqs").send_message(QueueUrl=dlq, MessageBody=message_of(task))
    assert user.hears(task.id).json["error"]["code"] == "attempts_exhausted"
    row = user.settled_row(task.id)
    assert row.finished_at is not None
    assert row.finished_at >= now + 4_000


def test_the_sweeper_ends_what_was_recorded_and_never_published(user: User) -> None:
    old, young = (recorded(user, new_id("stuck"), minutes_ago=minutes) for minutes in (16, 10))
    assert sweep(user)["done"]["not_published"] == 1
    told = user.hears(old.id).json
    assert (told["result"], told["error"]["code"], told["error"]["retryable"]) == (
        False,
        "not_published",
        True,
    )
    assert told["submission"] == old.submission
    assert user.settled_row(old.id).status is Status.FAILED
    left = user.row(young.id)
    assert left is not None
    assert left.status is Status.QUEUED
    # Its client may send it again.
    table(user).record(
        NewTask(
            id=old.id,
            submission="next",
            runtime=STATIC,
            tasktype="text-to-image",
            prefix="e2e",
            api_version="v1alpha2",
            body_hash="1" * 64,
        ),
        now=time.time_ns() // 1_000_000,
    )


def test_the_sweeper_leaves_finished_tasks_alone(user: User) -> None:
    task_id = new_id("finished")
    user.submit(request(task_id, text_to_image(2)))
    assert user.hears(task_id).json["result"]
    before = user.settled_row(task_id)
    assert sweep(user)["finished"]
    assert user.row(task_id) == before
