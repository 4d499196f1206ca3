"""The published client and the command line, against a whole system."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TypedDict

import pytest
from PIL import Image

from darkroom_client import (
    AsyncDarkroom,
    ConflictError,
    Darkroom,
    NotFoundError,
    Status,
    Task,
    TaskFailedError,
)
from tests.e2e.user import HOLD, STATIC, User, eventually, new_id, text_to_image

PATIENCE = 60.0  # seconds


class Where(TypedDict):
    runtime: str
    tasktype: str


TEXT_TO_IMAGE = Where(runtime=STATIC, tasktype="text-to-image")


@pytest.fixture
def client(user: User) -> Iterator[Darkroom]:
    with Darkroom(user.state.endpoint, user.state.api_key) as client:
        yield client


def command(user: User, home: Path, *arguments: str) -> tuple[int, str]:
    """Run the command as somebody who has an endpoint and a key, and no system of their own."""
    said = {"DARKROOM_ENDPOINT": user.state.endpoint, "DARKROOM_API_KEY": user.state.api_key}
    done = subprocess.run(
        [sys.executable, "-m", "darkroom_cli", *arguments],
        env={**os.environ, **said, "DARKROOM_HOME": str(home), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_task_is_submitted_waited_for_and_fetched(client: Darkroom, tmp_path: Path) -> None:
    accepted = client.submit(text_to_image(1), id=new_id("client"), context={"x": 1}, **TEXT_TO_IMAGE)
    task = client.result(accepted.id, timeout=PATIENCE)
    [picture] = client.download(task, tmp_path)
    with Image.open(picture) as image:
        assert image.format == "PNG"
    assert accepted.id in [one.id for one in islice(client.list(runtime=STATIC), 100)]


async def test_the_same_with_asyncio_and_each_change_is_told(user: User) -> None:
    async with AsyncDarkroom(user.state.endpoint, user.state.api_key) as client:
        seen: list[Task] = []
        accepted = await client.submit(text_to_image(1), id=new_id("async"), **TEXT_TO_IMAGE)
        task = await client.wait(accepted.id, timeout=PATIENCE, on_change=seen.append)
    assert task.status is Status.SUCCEEDED
    assert seen[-1] == task


def test_what_is_cancelled_has_no_result_and_is_not_cancelled_twice(client: Darkroom, user: User) -> None:
    user.plan(STATIC, {"kind": "slow", "seconds": HOLD})
    task_id = client.submit(text_to_image(1), id=new_id("cancel"), **TEXT_TO_IMAGE).id
    eventually(lambda: client.get(task_id).status is Status.RUNNING, what="its run")
    client.cancel(task_id)
    with pytest.raises(TaskFailedError) as caught:
        client.result(task_id, timeout=PATIENCE)
    assert caught.value.code == "cancelled"
    with pytest.raises(ConflictError):
        client.cancel(task_id)


def test_an_id_that_nobody_used_is_not_found(client: Darkroom) -> None:
    with pytest.raises(NotFoundError):
        client.get(new_id("nobody"))


def test_the_command_tells_the_same(client: Darkroom, user: User, tmp_path: Path) -> None:
    task_id = client.submit(text_to_image(1), id=new_id("command"), **TEXT_TO_IMAGE).id
    code, said = command(user, tmp_path, "wait", task_id, "-o", str(tmp_path / "out"))
    assert code == 0, said
    assert [path.suffix for path in (tmp_path / "out").iterdir()] == [".png"]
    code, said = command(user, tmp_path, "status", task_id, "--json")
    assert (code, json.loads(said)["status"]) == (0, "succeeded")
    code, said = command(user, tmp_path, "list", "--status", "succeeded", "-n", "100")
    assert code == 0
    assert task_id in said
    assert command(user, tmp_path, "cancel", task_id)[0] == 1
