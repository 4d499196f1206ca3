import itertools
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from notifier.causes import cause
from notifier.ending import Ending
from notifier.errors import LaterError, UnavailableError
from notifier.letterbox import Letterbox
from notifier.settings import Kind, SweeperSettings
from notifier.sweeper import Sweeper
from notifier.traced import Tracing
from notifier.undertaker import Undertaker
from notifier.verdicts import Rules
from s3io.errors import ClaimMissingError
from task_schema import Announcement
from task_store import NewTask, Task
from task_store.testing import MemoryTaskStore, new_task
from telemetry.segments import Segments

NOW = 1_800_000_000_000
ARN = "arn:aws:sqs:us-east-1:000000000000:{}"
RUNTIMES = ("sdruntime", "comfyruntime")


@dataclass
class FakeTopic:
    """Keeps what is announced. `lost`: it takes the message and the answer is lost."""

    told: list[Announcement] = field(default_factory=list)
    broken: bool = False
    lost: bool = False

    def announce(self, announcement: Announcement) -> None:
        if not self.broken:
            self.told.append(announcement)
        if self.broken or self.lost:
            raise UnavailableError("no answer")


@dataclass
class FakeBucket:
    """Payloads, kept letters and outputs."""

    objects: dict[str, Any] = field(default_factory=dict)
    broken: bool = False
    suffixes: Any = field(default_factory=lambda: itertools.count(1000))

    def ref(self, submission: str, name: str) -> str:
        return f"s3://bucket/tasks/{submission}/{name}.json"

    def put(self, submission: str, name: str, value: Any) -> str:
        return self._put(self.ref(submission, name), value)

    def get(self, ref: str, *, submission: str, limit: int) -> Any:
        self._check()
        if ref not in self.objects:
            raise ClaimMissingError(ref)
        return self.objects[ref]

    def keep(self, key: str, document: Mapping[str, Any]) -> bool:
        self._check()
        if key in self.objects:
            return False
        self._put(key, dict(document))
        return True

    def store(self, prefix: str, task_id: str, document: Mapping[str, Any]) -> str:
        return self._put(f"s3://bucket/{prefix}/{task_id}/{task_id}-{next(self.suffixes)}.out", document)

    def discard(self, url: str) -> None:
        del self.objects[url]

    def outs(self) -> list[str]:
        return [key for key in self.objects if key.endswith(".out")]

    def _put(self, key: str, value: Any) -> str:
        self._check()
        self.objects[key] = json.loads(json.dumps(value))
        return key

    def _check(self) -> None:
        if self.broken:
            raise UnavailableError("no answer")


@dataclass
class FakeQueues:
    hidden: list[tuple[str, str, int]] = field(default_factory=list)

    def hide(self, queue_arn: str, receipt_handle: str, seconds: int) -> None:
        self.hidden.append((queue_arn, receipt_handle, seconds))


@dataclass
class FakeMeter:
    counting: Counter[tuple[str, ...]] = field(default_factory=Counter)
    counted: dict[tuple[str, ...], int] = field(default_factory=dict)

    def count(self, name: str, number: int = 1, /, **dimensions: str) -> None:
        self.counting[name, *(f"{key}={value}" for key, value in sorted(dimensions.items()))] += number

    def flush(self) -> None:
        self.counted = dict(self.counting)


@dataclass
class FakeLog:
    lines: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def info(self, msg: object, /, *, extra: Mapping[str, object]) -> None:
        self.lines.append(("info", str(msg), dict(extra)))

    def error(self, msg: object, /, *, extra: Mapping[str, object]) -> None:
        self.lines.append(("error", str(msg), dict(extra)))


@dataclass
class Context:
    """Lambda's; `left` has the milliseconds left at each look, the last one for ever."""

    left: list[int]

    def get_remaining_time_in_millis(self) -> int:
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


@dataclass
class System:
    """The functions over fakes."""

    store: MemoryTaskStore = field(default_factory=MemoryTaskStore)
    topic: FakeTopic = field(default_factory=FakeTopic)
    bucket: FakeBucket = field(default_factory=FakeBucket)
    queues: FakeQueues = field(default_factory=FakeQueues)
    meter: FakeMeter = field(default_factory=FakeMeter)
    log: FakeLog = field(default_factory=FakeLog)
    documents: list[dict[str, Any]] = field(default_factory=list)
    exported: bool = True
    trace: str | None = None
    now: int = NOW

    def __post_init__(self) -> None:
        take = self._take if self.exported else None
        self.tracing = Tracing(Segments(take, service="notifier", refusals=(LaterError,)), lambda: self.trace)
        self.ending = Ending(
            store=self.store,
            announcer=self.topic,
            payloads=self.bucket,
            outputs=self.bucket,
            clock=lambda: self.now,
        )

    def post(self, *records: Mapping[str, Any], kind: Kind = Kind.DEAD, context: Any = None) -> list[str]:
        """Bring messages to the function of a kind; return the ids of those that have to come again."""
        undertaker = Undertaker(
            store=self.store,
            kept=self.bucket,
            payloads=self.bucket,
            ending=self.ending,
            cause=cause(kind, RUNTIMES),
            clock=lambda: self.now,
        )
        letterbox = Letterbox(
            kind=kind,
            settles=undertaker,
            queues=self.queues,
            meter=self.meter,
            log=self.log,
            tracing=self.tracing,
        )
        answer = letterbox({"Records": list(records)}, context)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def sweep(self, context: Any = None) -> dict[str, Any]:
        """Let the sweeper run."""
        settings = SweeperSettings.model_validate(
            {
                "TASKS_TABLE": "t",
                "NOTIFICATIONS_TOPIC_ARN": "n",
                "PAYLOAD_BUCKET": "p",
                "OUTPUT_BUCKET": "o",
            }
        )
        sweeper = Sweeper(
            store=self.store,
            ending=self.ending,
            rules=Rules(settings),
            clock=lambda: self.now,
            meter=self.meter,
            log=self.log,
            tracing=self.tracing,
        )
        return sweeper({}, context)

    def _take(self, datagram: bytes) -> None:
        _, _, document = datagram.partition(b"\n")
        self.documents.append(json.loads(document))

    def record(self, task_id: str = "t", *, ago: int = 0, **fields: Any) -> Task:
        """Record a task so many seconds ago."""
        made: NewTask = new_task(id=task_id, **fields)
        return self.store.record(made, now=self.now - ago * 1000)

    def task(self, task_id: str = "t") -> Task:
        task = self.store.get(task_id)
        assert task is not None
        return task

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(announcement.text) for announcement in self.topic.told]

    @property
    def outcomes(self) -> list[str]:
        return [extra["outcome"] for _, message, extra in self.log.lines if message == "letter"]


def record(
    body: Any,
    *,
    message_id: str = "m-1",
    queue: str = "dlq",
    attributes: Mapping[str, str] | None = None,
    receives: int = 1,
) -> dict[str, Any]:
    """Return one of the records of Lambda's event."""
    given = {"runtime": "sdruntime"} if attributes is None else attributes
    return {
        "messageId": message_id,
        "receiptHandle": f"handle-of-{message_id}",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {"ApproximateReceiveCount": str(receives), "SentTimestamp": str(NOW - 1000)},
        "messageAttributes": {
            name: {"stringValue": value, "dataType": "String"} for name, value in given.items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN.format(queue),
        "awsRegion": "us-east-1",
    }


def bare(task_id: str = "t", **metadata: Any) -> dict[str, Any]:
    """Return the guide's message."""
    given = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "output"}
    return {"metadata": given | metadata, "content": {"prompt": "A secret dog"}}


def message(task: Task) -> dict[str, Any]:
    """Return the message that the validator publishes for a task."""
    return {
        "schema": 1,
        "submission": task.submission,
        "submitted_at": "2026-11-23T00:00:00Z",
        "api_version": "v1alpha2",
        "content_ref": None,
        **bare(task.id),
    }


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture(scope="session", name="record")
def _record() -> Callable[..., dict[str, Any]]:
    return record


@pytest.fixture(name="bare")
def _bare() -> Callable[..., dict[str, Any]]:
    return bare


@pytest.fixture(name="message")
def _message() -> Callable[[Task], dict[str, Any]]:
    return message


@pytest.fixture(name="context")
def _context() -> type[Context]:
    return Context


@pytest.fixture(scope="session")
def make_system() -> type[System]:
    return System
