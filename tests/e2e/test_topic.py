"""Messages that did not come through the API: straight from the topic, or straight into a queue."""

import json

from task_schema import Status
from tests.e2e.user import (
    COMFY,
    STATIC,
    Json,
    User,
    eventually,
    made_from,
    new_id,
    request,
    text_to_image,
    workflow,
)


def bare(task_id: str, content: Json, **metadata: str) -> str:
    """Return the guide's message: a task without anything around it."""
    task = request(task_id, content)["task"]
    task["metadata"] |= metadata
    return json.dumps(task)


def test_a_task_published_straight_to_the_topic_becomes_a_picture(user: User) -> None:
    task_id = new_id("straight")
    user.publish(bare(task_id, text_to_image(3)), {"runtime": STATIC})
    told = user.hears(task_id).json
    assert told["result"], told
    assert told["context"] == {"of": task_id}
    assert made_from(user.picture(told["image_url"][0]))[:2] == ("a lighthouse, number 3", 3)
    row = user.settled_row(task_id)
    assert (row.status, row.submission) == (Status.SUCCEEDED, told["submission"])


def test_so_does_one_for_the_other_runtime(user: User) -> None:
    task_id = new_id("straight-comfy")
    user.publish(bare(task_id, workflow(4), runtime=COMFY, tasktype="pipeline"), {"runtime": COMFY})
    told = user.hears(task_id).json
    assert told["result"], told
    assert made_from(user.picture(told["image_url"][0]))[:2] == ("a lighthouse, number 4", 4)


def test_a_task_inside_an_sns_envelope_becomes_a_picture(user: User) -> None:
    """A topic of the user's own in front of the queue, subscribed without raw delivery."""
    sns, sqs = user.clients.client("sns"), user.clients.client("sqs")
    url = user.state.runtimes[STATIC].queue_url
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="of-the-users-own")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    task_id = new_id("enveloped")
    user.publish(bare(task_id, text_to_image(5)), {"runtime": STATIC}, topic=topic)
    told = user.hears(task_id).json
    sns.delete_topic(TopicArn=topic)
    assert told["result"], told
    assert made_from(user.picture(told["image_url"][0]))[1] == 5


def test_a_task_published_with_a_bad_request_in_it_is_told_as_failed(user: User) -> None:
    task_id = new_id("bad")
    jobs = len(user.jobs(STATIC))
    user.publish(bare(task_id, text_to_image(1, steps=-4)), {"runtime": STATIC})
    told = user.hears(task_id).json
    assert (told["result"], told["error"]["code"]) == (False, "runtime_refused")
    assert "steps" in told["error"]["message"]
    assert len(user.jobs(STATIC)) == jobs, "the GPU was not woken"


def test_a_task_with_the_id_of_an_unfinished_one_is_told_as_a_conflict(user: User) -> None:
    """At another runtime: in the same queue it would wait until the id is free."""
    task_id = new_id("clash")
    with user.holding(STATIC):
        user.submit(request(task_id, text_to_image(1)))
        user.publish(bare(task_id, workflow(2), runtime=COMFY, tasktype="pipeline"), {"runtime": COMFY})
        conflict = user.hears(task_id).json
    success = user.hears(task_id, count=2).json
    assert (conflict["result"], conflict["error"]["code"]) == (False, "conflict")
    assert conflict["submission"] != success["submission"]
    assert success["result"], success
    assert made_from(user.picture(success["image_url"][0]))[1] == 1
    assert user.settled_row(task_id).submission == success["submission"]


def test_an_unreadable_message_is_kept_and_the_queue_goes_on(user: User) -> None:
    message_id = user.send_to_queue(STATIC, "{this is not JSON")
    key = f"unreadable/{STATIC}/{message_id}.json"
    bucket = user.state.payload_bucket
    eventually(lambda: user.keys(key, bucket=bucket), what=key)
    kept = json.loads(user.fetch(f"s3://{bucket}/{key}"))
    assert "not JSON" in kept["reason"]
    assert "{this is not JSON" in kept.values()
    task_id = new_id("after-unreadable")
    user.submit(request(task_id, text_to_image(1)))
    assert user.hears(task_id).json["result"]
    eventually(lambda: user.queued(user.state.runtimes[STATIC].queue_url) == 0, what="an empty queue")


def test_an_unreadable_message_with_an_id_ends_the_task_and_tells_it(user: User) -> None:
    task_id = new_id("garbled")
    message_id = user.send_to_queue(STATIC, json.dumps({"metadata": {"id": task_id}, "content": "no object"}))
    told = user.hears(task_id).json
    assert (told["result"], told["image_url"]) == (False, [])
    assert told["error"]["code"] == "unreadable_message"
    row = user.settled_row(task_id)
    assert (row.status, row.submission) == (Status.FAILED, told["submission"])
    assert user.keys(f"unreadable/{STATIC}/{message_id}.json", bucket=user.state.payload_bucket)
