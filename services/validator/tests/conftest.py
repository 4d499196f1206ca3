import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from task_schema import Deployment, RequestRefusedError, RuntimeSpec
from task_store import TableUnavailableError, Task
from task_store.testing import MemoryTaskStore
from telemetry.segments import Segments
from validator.api import Api
from validator.errors import UnavailableError
from validator.invocation import guarded
from validator.submission import Submitter

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


@dataclass
class FakeTopic:
    """Keeps what is published. `lost`: it takes the message and the answer is lost."""

    messages: list[tuple[dict[str, Any], dict[str, str]]] = field(default_factory=list)
    broken: Exception | None = None
    lost: bool = False

    def publish(self, body: str, attributes: Mapping[str, str]) -> None:
        if self.broken is not None:
            raise self.broken
        self.messages.append((json.loads(body), dict(attributes)))
        if self.lost:
            raise UnavailableError("no answer")


@dataclass
class FakePayloads:
    objects: dict[str, Any] = field(default_factory=dict)
    broken: Exception | None = None

    def put(self, submission: str, name: str, value: Any) -> str:
        if self.broken is not None:
            raise self.broken
        uri = f"s3://payload/tasks/{submission}/{name}.json"
        self.objects[uri] = json.loads(json.dumps(value))
        return uri


class FragileStore(MemoryTaskStore):
    """A table whose next `mark_published` does not come through."""

    forgets = False

    def mark_published(self, task_id: str, submission: str, *, now: int) -> None:
        if self.forgets:
            raise TableUnavailableError("no answer")
        super().mark_published(task_id, submission, now=now)


@dataclass
class FakeLog:
    lines: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def info(self, msg: object, /, *, extra: Mapping[str, object]) -> None:
        self.lines.append(("info", dict(extra)))

    def error(self, msg: object, /, *, extra: Mapping[str, object]) -> None:
        self.lines.append(("error", dict(extra)))


@dataclass
class FakeMeter:
    counting: Counter[tuple[str, ...]] = field(default_factory=Counter)
    counted: dict[tuple[str, ...], int] = field(default_factory=dict)

    def count(self, name: str, number: int = 1, /, **dimensions: str) -> None:
        self.counting[name, *(f"{key}={value}" for key, value in sorted(dimensions.items()))] += number

    def flush(self) -> None:
        self.counted = dict(self.counting)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class System:
    """The handler over fakes."""

    store: FragileStore = field(default_factory=FragileStore)
    topic: FakeTopic = field(default_factory=FakeTopic)
    payloads: FakePayloads = field(default_factory=FakePayloads)
    log: FakeLog = field(default_factory=FakeLog)
    meter: FakeMeter = field(default_factory=FakeMeter)
    documents: list[dict[str, Any]] = field(default_factory=list)
    exported: bool = True
    now: int = 1_800_000_000_000
    trace: str | None = TRACE
    insecure_callbacks: bool = False

    def __post_init__(self) -> None:
        submitter = Submitter(
            store=self.store, publisher=self.topic, payloads=self.payloads, clock=lambda: self.now
        )
        api = Api(
            submitter=submitter,
            deployment=Deployment(
                runtimes=(
                    RuntimeSpec(name="sdruntime", type="sdwebui", model_filename="v1-5.safetensors"),
                    RuntimeSpec(name="comfyruntime", type="comfyui"),
                )
            ),
            output_bucket="outputs",
            insecure_callbacks=self.insecure_callbacks,
        )
        segments = Segments(
            self._take if self.exported else None, service="validator", refusals=(RequestRefusedError,)
        )
        self._handler = guarded(
            api.answer,
            log=self.log,
            meter=self.meter,
            segments=segments,
            trace_header=lambda: self.trace,
        )

    def _take(self, datagram: bytes) -> None:
        _, _, document = datagram.partition(b"\n")
        self.documents.append(json.loads(document))

    def send(self, event: Any) -> Answer:
        answer = self._handler(event, None)
        headers = {**answer.get("headers", {})}
        headers |= {name: ",".join(values) for name, values in answer.get("multiValueHeaders", {}).items()}
        return Answer(answer["statusCode"], headers, json.loads(answer["body"]))

    def post(self, body: Any, path: str = "/v1alpha2", **headers: str) -> Answer:
        text = body if isinstance(body, str) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send(event(text, path=path, headers={"Content-Type": "application/json", **named}))

    def spans(self) -> dict[str, dict[str, Any]]:
        """Return the documents that were sent, by name."""
        named = {document["name"]: document for document in self.documents}
        assert len(named) == len(self.documents)
        return named

    def task(self, task_id: str = "t") -> Task:
        task = self.store.get(task_id)
        assert task is not None
        return task


def event(
    body: str | None,
    *,
    path: str = "/v1alpha2",
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    base64: bool = False,
) -> dict[str, Any]:
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": None if headers is None else dict(headers),
        "multiValueHeaders": None,
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"stage": "prod", "path": f"/prod{path}", "httpMethod": method},
        "body": body,
        "isBase64Encoded": base64,
    }


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture(name="event")
def _event() -> Callable[..., dict[str, Any]]:
    return event


@pytest.fixture
def body() -> Callable[..., Any]:
    """Make a v1alpha2 body that is accepted."""

    def make(content: Any = None, **metadata: Any) -> dict[str, Any]:
        given = {"id": "t", "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "/output/"}
        return {"task": {"metadata": {**given, **metadata}, "content": content or {"prompt": "A dog"}}}

    return make


@pytest.fixture
def make_system() -> type[System]:
    return System
