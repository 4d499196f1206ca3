import json
from typing import Any

import pytest

from console import glance
from console.aws import AwsClients
from console.glance.letters import Letters
from console.glance.queues import Queues
from console.settings import AwsSource
from task_store.testing_states import NOW, claimed, ended, recorded


async def test_a_queue_tells_what_waits_and_what_is_in_hand(cloud: Any) -> None:
    url = cloud.queue()
    cloud.fill(url, 5)
    cloud.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2)
    depth = await Queues(lambda: cloud.sqs).depth(url)
    assert depth is not None
    assert (depth.waiting, depth.in_flight) == (3, 2)


async def test_a_queue_that_there_is_not_tells_nothing_and_is_logged_once(
    cloud: Any, caplog: pytest.LogCaptureFixture
) -> None:
    queues = Queues(lambda: cloud.sqs)
    for _ in range(3):
        assert await queues.depth(f"{cloud.queue()[:-5]}gone") is None
    gone = cloud.queue() + "-gone"
    for _ in range(3):
        assert await queues.depth(gone) is None
        assert await queues.dead_letters(gone) is None
    assert sum(gone.rpartition("/")[2] in record.getMessage() for record in caplog.records) == 1


async def test_dead_letters_are_found_behind_a_queue(cloud: Any) -> None:
    dead = cloud.queue()
    url = cloud.queue(dead_letters=dead)
    cloud.fill(dead, 2)
    queues = Queues(lambda: cloud.sqs)
    assert await queues.dead_letters(url) == 2
    cloud.fill(dead, 1)
    assert await queues.dead_letters(url) == 3


async def test_dead_letters_that_the_notifier_keeps_are_counted_too(cloud: Any, bucket: str) -> None:
    dead = cloud.queue()
    url = cloud.queue(dead_letters=dead)
    cloud.fill(dead, 1)
    name = dead.rpartition("/")[2]
    for key in (
        f"dead-letters/{name}/1.json",
        f"dead-letters/{name}/2.json",
        f"dead-letters/{name}-x/3.json",
    ):
        cloud.s3.put_object(Bucket=bucket, Key=key, Body=b"{}")
    context = cloud.context(
        runtimes=[{"name": "r", "type": "sdwebui", "queue_url": url}], payload_bucket=bucket
    )
    seen = await glance.create(context).read()
    assert seen is not None
    assert seen.runtimes[0].dead_letters == 3


async def test_dead_letters_are_not_counted_at_each_look(cloud: Any, bucket: str) -> None:
    now = 100.0
    letters = Letters(lambda: cloud.s3, bucket, lambda: now)
    assert letters.count("q") == 0
    cloud.s3.put_object(Bucket=bucket, Key="dead-letters/q/1.json", Body=b"{}")
    assert letters.count("q") == 0
    now += 20
    assert letters.count("q") == 1


async def test_a_bucket_that_there_is_not_leaves_what_is_in_the_queue(
    cloud: Any, caplog: pytest.LogCaptureFixture
) -> None:
    dead = cloud.queue()
    url = cloud.queue(dead_letters=dead)
    cloud.fill(dead, 1)
    letters = Letters(lambda: cloud.s3, "gone-bucket", lambda: 0.0)
    queues = Queues(lambda: cloud.sqs, letters.count)
    assert [await queues.dead_letters(url) for _ in range(3)] == [1, 1, 1]
    assert sum("cannot be counted" in record.getMessage() for record in caplog.records) == 1


async def test_a_queue_without_dead_letters_tells_none(cloud: Any) -> None:
    assert await Queues(lambda: cloud.sqs).dead_letters(cloud.queue()) is None


async def test_an_emulator_that_is_gone_tells_nothing() -> None:
    clients = AwsClients(AwsSource(region="us-east-1", endpoint_url="http://127.0.0.1:9"))
    queues = Queues(lambda: clients("sqs"))
    assert await queues.depth("http://127.0.0.1:9/000000000000/q") is None
    assert await queues.dead_letters("http://127.0.0.1:9/000000000000/q") is None


@pytest.mark.parametrize("name", ["dynamodb", "sqs", "s3"])
def test_an_emulator_never_sees_the_users_own_credentials(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAMINE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "mine")
    local = AwsClients(AwsSource(region="us-east-1", endpoint_url="http://127.0.0.1:9"))(name)
    cloud = AwsClients(AwsSource(region="eu-central-1"))(name)
    keys = [client._request_signer._credentials.access_key for client in (local, cloud)]
    assert keys == ["test", "AKIAMINE"]
    assert cloud.meta.region_name == "eu-central-1"


async def test_a_glance_of_a_local_system_has_queues_and_the_age_of_the_oldest(
    cloud: Any, table: Any
) -> None:
    dead, unrouted = cloud.queue(), cloud.queue()
    busy, idle = cloud.queue(dead_letters=dead), cloud.queue()
    cloud.fill(busy, 2)
    cloud.fill(dead, 1)
    cloud.fill(unrouted, 4)
    for number in range(3):
        recorded(table, id=f"q{number}", runtime="busy")
    claimed(table, id="r", runtime="busy")
    ended(table, id="e", runtime="idle")
    context = cloud.context(
        runtimes=[
            {"name": "busy", "type": "sdwebui", "queue_url": busy},
            {"name": "idle", "type": "comfyui", "queue_url": idle},
        ],
        unrouted_queue_url=unrouted,
        tasks_table=table.name,
    )
    seen = await glance.create(context).read()
    assert seen is not None
    told = json.loads(seen.model_dump_json())
    assert told["unrouted"] == 4
    assert [(one["queued"], one["dead_letters"], one["agents"]) for one in told["runtimes"]] == [
        (2, 1, []),
        (0, None, []),
    ]
    assert [one["oldest_seconds"] for one in told["runtimes"]] == [60.0, None]
    assert told["at"] == NOW + 60_000
    assert told["history"] == [
        {"at": NOW + 60_000, "queued": 2, "busy_fraction": None, "ended_per_minute": None}
    ]


async def test_a_table_that_there_is_not_leaves_the_rest(cloud: Any) -> None:
    queue = cloud.queue()
    context = cloud.context(
        runtimes=[{"name": "r", "type": "sdwebui", "queue_url": queue}], tasks_table="gone"
    )
    seen = await glance.create(context).read()
    assert seen is not None
    assert (seen.runtimes[0].queued, seen.runtimes[0].oldest_seconds) == (0, None)


async def test_a_system_of_which_nothing_can_be_seen_has_no_glance(cloud: Any) -> None:
    context = cloud.context(mode="api", aws=None, runtimes=[{"name": "r", "type": "sdwebui"}])
    assert await glance.create(context).read() is None
