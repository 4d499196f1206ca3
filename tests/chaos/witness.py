"""Sees everything that happens to tasks: each write of the table, each notification, each run of a GPU."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from local.clients import Clients
from tests.chaos.stage import Pod

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
LOOK_SECONDS = 0.3
STATS_SECONDS = 0.5


@dataclass(frozen=True)
class Write:
    """A row after one write; times are ms since the epoch."""

    id: str
    submission: str
    status: str
    attempts: int
    token: str | None
    event_id: str | None
    code: str | None
    published_at: int | None
    notified_at: int | None

    @classmethod
    def read(cls, image: dict[str, dict[str, Any]]) -> "Write":
        """Read a row as the table's stream has it."""
        row = {name: next(iter(value.values())) for name, value in image.items()}

        def number(name: str) -> int | None:
            return int(row[name]) if name in row else None

        return cls(
            id=row["id"],
            submission=row["submission"],
            status=row["status"],
            attempts=number("attempts") or 0,
            token=row.get("token"),
            event_id=row.get("event_id"),
            code=row.get("error_code"),
            published_at=number("published_at"),
            notified_at=number("notified_at"),
        )

    @property
    def ended(self) -> bool:
        """Whether the task has ended."""
        return self.status in TERMINAL

    @property
    def finished(self) -> bool:
        """Whether that was told, too."""
        return self.ended and self.notified_at is not None


class History:
    """Every write of the tasks table, in order, from the table's stream."""

    def __init__(self, clients: Clients, table: str) -> None:
        dynamodb = clients.client("dynamodb")
        described = dynamodb.update_table(
            TableName=table, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
        )
        self._streams = clients.client("dynamodbstreams")
        arn = described["TableDescription"]["LatestStreamArn"]
        [shard] = self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        self._iterator: str | None = self._streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        self._writes: dict[str, list[Write]] = defaultdict(list)
        self._latest: dict[str, Write] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def watch(self) -> None:
        """Read until `end`; for a thread."""
        while not self._ended.wait(LOOK_SECONDS):
            self.catch_up()

    def catch_up(self) -> None:
        """Read what has been written by now."""
        with self._lock:
            while self._iterator is not None:
                answer = self._streams.get_records(ShardIterator=self._iterator)
                self._iterator = answer.get("NextShardIterator")
                for record in answer["Records"]:
                    if image := record["dynamodb"].get("NewImage"):
                        write = Write.read(image)
                        self._writes[write.submission].append(write)
                        self._latest[write.id] = write
                if not answer["Records"]:
                    return

    def end(self) -> None:
        """Let `watch` return."""
        self._ended.set()

    def latest(self, task_id: str) -> Write | None:
        """Return the row of a task as it was last seen."""
        with self._lock:
            return self._latest.get(task_id)

    def submissions(self) -> dict[str, list[Write]]:
        """Return the writes of each submission."""
        with self._lock:
            return {submission: list(writes) for submission, writes in self._writes.items()}


@contextmanager
def history_of(clients: Clients, table: str) -> Iterator[History]:
    """Watch a table from now on."""
    history = History(clients, table)
    thread = threading.Thread(target=history.watch, name="history")
    thread.start()
    try:
        yield history
    finally:
        history.end()
        thread.join()


@dataclass(frozen=True)
class GpuRun:
    """One job that had a GPU; times in seconds since the epoch."""

    kind: str
    outcome: str
    started_at: float
    finished_at: float

    @property
    def seconds(self) -> float:
        """How long it had the GPU."""
        return self.finished_at - self.started_at


class Gpus:
    """What the GPUs of all pods have done, also of those whose process is gone, as far as it was seen."""

    def __init__(self, pods: list[Pod]) -> None:
        self._pods = pods
        self._jobs: dict[tuple[str, int], list[dict[str, Any]]] = {}

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(STATS_SECONDS)

    async def look(self) -> None:
        """Look once at all of them."""
        async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
            await asyncio.gather(*(self._look(http, pod) for pod in self._pods))

    async def _look(self, http: httpx.AsyncClient, pod: Pod) -> None:
        pid = pod.sketch.pid
        try:
            jobs = (await http.get(f"{pod.url}/_sketch/stats")).json()["jobs"]
        except (httpx.HTTPError, ValueError):
            return  # killed or frozen: what it did since the last look is not seen
        if pid is not None and pid == pod.sketch.pid:
            self._jobs[pod.name, pid] = jobs

    def runs(self) -> list[GpuRun]:
        """Return all that was seen; of a run that nobody saw end, no time is known."""
        return [
            GpuRun(
                kind=job["kind"],
                outcome=job["outcome"],
                started_at=job["started_at"] / 1000,
                finished_at=(job["finished_at"] or job["started_at"]) / 1000,
            )
            for jobs in self._jobs.values()
            for job in jobs
            if job["kind"] != "load"
        ]
