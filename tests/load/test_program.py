"""The load test as a program, on an API that accepts all and a topic of the emulator that tells ends."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from darkroom_client.testing import Say, Seen, Server
from ministack_testing import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, client, ministack_url

PROGRAM_VARIABLE = "DARKROOM_LOAD_TEST"  # a developer's own, else what was built
PEX = "load-test.pex"
TIMEOUT = 120.0  # seconds


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    with ministack_url() as url:
        yield url


@pytest.fixture
def topic(emulator: str) -> str:
    arn: str = client("sns", emulator).create_topic(Name="notifications")["TopicArn"]
    return arn


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def program() -> list[str]:
    named = os.environ.get(PROGRAM_VARIABLE)
    if named:
        return shlex.split(named)
    found = next(path for path in (Path(PEX), Path("dist") / PEX) if path.is_file())
    return [sys.executable, str(found)]


def load(
    server: Server, emulator: str, *options: str, key: str = "a-key"
) -> tuple[int, list[dict[str, Any]], str]:
    aws = {
        "AWS_ENDPOINT_URL": emulator,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": REGION,
        "DARKROOM_API_KEY": key,
    }
    command = [*program(), "--headless", "--users", "2", "--spawn-rate", "2", "--run-time", "5s", "--json"]
    done = subprocess.run(
        [*command, "--host", f"{server.url}/prod/", *options],
        env={**os.environ, **aws},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout.strip() else [], done.stderr


def queues(emulator: str) -> list[str]:
    found: list[str] = (
        client("sqs", emulator).list_queues(QueueNamePrefix="darkroom-load").get("QueueUrls", [])
    )
    return found


def test_each_task_counts_from_its_post_to_its_notification(
    server: Server, emulator: str, topic: str
) -> None:
    sns = client("sns", emulator)

    def accept(seen: Seen) -> Say:
        task_id = seen.body["task"]["metadata"]["id"]
        told = {"id": task_id, "result": True, "image_url": [], "output_url": None, "context": {}}
        sns.publish(TopicArn=topic, Message=json.dumps(told))
        return Say(200, {"id": task_id})

    server.script = accept
    code, lines, said = load(server, emulator, "--topic", topic, "--drain", "20")
    assert code == 0, said
    counts = {line["method"]: (line["num_requests"], line["num_failures"]) for line in lines}
    posted = len([seen for seen in server.seen if seen.method == "POST"])
    assert posted > 0
    assert counts == {"POST": (posted, 0), "END": (posted, 0)}
    assert {seen.headers["x-api-key"] for seen in server.seen} == {"a-key"}
    assert {seen.path for seen in server.seen} == {"/prod/v1alpha2"}
    assert queues(emulator) == []


def test_tasks_that_nobody_hears_of_and_refusals_are_failures(
    server: Server, emulator: str, topic: str
) -> None:
    def accept_some(_: Seen) -> Say:
        return Say(200, {}) if len(server.seen) % 2 else Say(429, {"error": {"code": "throttled"}})

    server.script = accept_some
    code, lines, said = load(server, emulator, "--topic", topic, "--drain", "0.5")
    assert code == 1, said
    failures = {line["method"]: line["num_failures"] for line in lines}
    assert failures["POST"] == len(server.seen) // 2
    assert failures["END"] == len(server.seen) - len(server.seen) // 2
    assert queues(emulator) == []


def test_without_a_key_nothing_is_sent(server: Server, emulator: str) -> None:
    code, _, said = load(server, emulator, key="")
    assert code == 2
    assert "DARKROOM_API_KEY is missing" in said
    assert server.seen == []
