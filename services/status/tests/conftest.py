import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from lambda_api.testing import TRACE, Answer, FakeDaemon, FakeLog, FakeMeter, rest_event
from s3io.errors import ClaimMissingError
from status.api import Api
from status.cancelling import Canceller
from status.errors import UnavailableError
from status.invocation import guarded
from status.reading import Reader
from status.viewing import Views
from task_schema import Announcement
from task_store import Task
from task_store.testing import MemoryTaskStore, new_task


@dataclass
class FakeTopic:
    """Keeps what is announced; `broken`: takes nothing."""

    heard: list[Announcement] = field(default_factory=list)
    broken: bool = False

    def announce(self, announcement: Announcement) -> None:
        if self.broken:
            raise UnavailableError("no answer")
        self.heard.append(announcement)


@dataclass
class FakePayloads:
    objects: dict[str, Any] = field(default_factory=dict)
    broken: bool = False

    def put(self, submission: str, name: str, value: Any) -> str:
        if self.broken:
            raise UnavailableError("no answer")
        ref = f"s3://payloads/tasks/{submission}/{name}.json"
        self.objects[ref] = json.loads(json.dumps(value))
        return ref

    def get(self, ref: str, *, submission: str, limit: int) -> Any:
        if self.broken:
            raise UnavailableError("no answer")
        if ref not in self.objects:
            raise ClaimMissingError(ref)
        assert submission in ref
        assert len(json.dumps(self.objects[ref])) <= limit
        return self.objects[ref]


class FakeLinks:
    def to(self, s3_url: str) -> str:
        return f"https://signed.example/{s3_url.removeprefix('s3://')}"


@dataclass
class FakeQueues:
    lengths: dict[str, int] = field(default_factory=lambda: {"sdruntime": 7})

    def waiting(self, runtime: str) -> int | None:
        return self.lengths.get(runtime)


@dataclass
class System:
    """The handler over fakes. While it sleeps, what `meanwhile` has for that second happens."""

    store: MemoryTaskStore = field(default_factory=MemoryTaskStore)
    topic: FakeTopic = field(default_factory=FakeTopic)
    payloads: FakePayloads = field(default_factory=FakePayloads)
    queues: FakeQueues = field(default_factory=FakeQueues)
    log: FakeLog = field(default_factory=FakeLog)
    meter: FakeMeter = field(default_factory=FakeMeter)
    daemon: FakeDaemon = field(default_factory=FakeDaemon)
    meanwhile: dict[int, Any] = field(default_factory=dict)
    now: int = 1_800_000_000_000
    slept: float = 0.0

    def __post_init__(self) -> None:
        views = Views(output_bucket="outputs", payloads=self.payloads, links=FakeLinks())
        api = Api(
            reader=Reader(
                store=self.store,
                queues=self.queues,
                tag=views.tag,
                clock=lambda: self.now,
                sleep=self._sleep,
            ),
            canceller=Canceller(
                store=self.store, announcer=self.topic, payloads=self.payloads, clock=lambda: self.now
            ),
            views=views,
            store=self.store,
            runtimes=("sdruntime", "comfyruntime"),
            clock=lambda: self.now,
        )
        self._handler = guarded(
            api.answer,
            log=self.log,
            meter=self.meter,
            segments=self.daemon.segments("status"),
            trace_header=lambda: TRACE,
        )

    def _sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.now += int(seconds * 1000)
        if (happens := self.meanwhile.pop(round(self.slept), None)) is not None:
            happens()

    @property
    def documents(self) -> list[dict[str, Any]]:
        return self.daemon.documents

    def send(
        self, method: str, task_id: str | None = None, *, known: str | None = None, **query: Any
    ) -> Answer:
        event = rest_event(
            method,
            "/v1alpha2/tasks" + ("" if task_id is None else f"/{task_id}"),
            resource="/v1alpha2/tasks" + ("" if task_id is None else "/{id}"),
            headers={"if-none-match": known} if known is not None else None,
            query={name: str(value) for name, value in query.items()},
            parameters=None if task_id is None else {"id": task_id},
        )
        return Answer.of(self._handler(event, None))

    def record(self, task_id: str = "t", **fields: Any) -> Task:
        return self.store.record(new_task(id=task_id, **fields), now=self.now)

    def claim(self, task: Task, token: str = "mine") -> Task:
        return self.store.claim(
            task.id, task.submission, token=token, lease_until=self.now + 60_000, now=self.now
        )

    def task(self, task_id: str = "t") -> Task:
        task = self.store.get(task_id)
        assert task is not None
        return task


@pytest.fixture
def system() -> System:
    return System()
