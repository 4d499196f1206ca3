import json
import uuid
from typing import Any

import boto3
import pytest
from moto import mock_aws

from planning.cost.actual import read_usage, reader
from planning.errors import RecordsError
from task_schema import Status, TaskCode, TaskError
from task_store import NewTask, Outcome
from task_store.testing import MemoryTaskStore

NOW = 1_800_000_000_000
DAY = 24 * 3600 * 1000


class World:
    """A tasks table and outputs."""

    def __init__(self) -> None:
        self.store = MemoryTaskStore()
        self.outputs: dict[str, bytes] = {}

    def task(
        self, name: str, *, at: int = NOW, attempts: int = 1, outcome: Status | None = None, out: Any = None
    ) -> None:
        submission = str(uuid.uuid4())
        self.store.record(
            NewTask(
                id=name, submission=submission, runtime="sdruntime", tasktype="text-to-image", prefix="p",
                api_version="v1alpha2", body_hash=submission, published_at=at,
            ),
            now=at,
        )  # fmt: skip
        if outcome is None:
            return
        for attempt in range(attempts):
            claimed = self.store.claim(
                name, submission, token=f"t{attempt}", lease_until=at + attempt + 1, now=at + 2 * attempt
            )
        url = f"s3://bucket/{name}.out"
        if out is not None:
            self.outputs[url] = out if isinstance(out, bytes) else json.dumps(out).encode()
        error = (
            None
            if outcome is Status.SUCCEEDED
            else TaskError(code=TaskCode.TIMEOUT, message="m", retryable=True)
        )
        ended = Outcome(
            status=outcome, event_id=str(uuid.uuid4()), notification="{}", error=error, output_url=url
        )
        self.store.commit(name, submission, claimed.token or "", ended, now=at + 10)

    def read(self, url: str) -> bytes:
        return self.outputs[url]


@pytest.fixture
def world() -> World:
    return World()


def made(seconds: float, images: int = 1) -> dict[str, Any]:
    return {"images": ["s3://b/k"] * images, "darkroom": {"gpu_seconds": seconds}}


def test_gpu_seconds_and_images_of_real_tasks_are_summed(world: World) -> None:
    world.task("a", outcome=Status.SUCCEEDED, out=made(1.5))
    world.task("b", outcome=Status.SUCCEEDED, out=made(4.5, images=3), attempts=2)
    world.task("c", outcome=Status.FAILED)
    world.task("d")
    found = read_usage(world.store, world.read, ["sdruntime"], now=NOW + 100, since=NOW - DAY, sample=10)
    assert found.statuses == {Status.SUCCEEDED: 2, Status.FAILED: 1, Status.QUEUED: 1}
    assert (found.gpu_seconds, found.images, found.measured, found.lost) == (6.0, 4, 2, 1)
    assert found.seconds_per_task == 3.0


def test_what_is_older_is_left_out(world: World) -> None:
    world.task("old", at=NOW - 3 * DAY, outcome=Status.SUCCEEDED, out=made(9))
    world.task("new", outcome=Status.SUCCEEDED, out=made(1))
    found = read_usage(world.store, world.read, ["sdruntime"], now=NOW + 100, since=NOW - DAY, sample=10)
    assert (found.tasks, found.gpu_seconds) == (1, 1.0)


def test_only_a_sample_of_outputs_is_read(world: World) -> None:
    for number in range(8):
        world.task(f"t{number}", outcome=Status.SUCCEEDED, out=made(2))
    found = read_usage(world.store, world.read, ["sdruntime"], now=NOW + 100, since=NOW - DAY, sample=3)
    assert (found.succeeded, found.measured, found.seconds_per_task) == (8, 3, 2.0)


@pytest.mark.parametrize("out", [b"no json", {}, {"darkroom": {}}, {"darkroom": None}, [], None])
def test_outputs_that_do_not_tell_are_counted_as_unread(world: World, out: Any) -> None:
    world.task("a", outcome=Status.SUCCEEDED, out=b"" if out is None else out)
    found = read_usage(world.store, world.read, ["sdruntime"], now=NOW + 100, since=NOW - DAY, sample=10)
    assert (found.measured, found.unread, found.seconds_per_task) == (0, 1, None)


def test_a_table_that_does_not_answer_is_told(world: World) -> None:
    world.store.available = False
    with pytest.raises(RecordsError, match="no answer"):
        read_usage(world.store, world.read, ["sdruntime"], now=NOW, since=NOW - DAY, sample=1)


def test_outputs_are_read_from_s3_and_missing_ones_are_no_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    world.task("a", outcome=Status.SUCCEEDED, out=made(2))
    world.task("b", outcome=Status.SUCCEEDED)
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="a.out", Body=json.dumps(made(2)))
        found = read_usage(world.store, reader(s3), ["sdruntime"], now=NOW + 100, since=NOW - DAY, sample=9)
    assert (found.measured, found.unread, found.gpu_seconds) == (1, 1, 2.0)
