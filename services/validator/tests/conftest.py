import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from lambda_api.testing import TRACE, Answer, FakeDaemon, FakeLog, FakeMeter, rest_event
from s3io.presigning import PresignedPut
from task_schema import Deployment, RuntimeSpec
from task_store import TableUnavailableError, Task
from task_store.testing import MemoryTaskStore
from validator.api import Api
from validator.errors import UnavailableError
from validator.invocation import guarded
from validator.submission import Submitter


@dataclass
class FakeTopic:
    """Keeps what is published. `lost`: it takes the message and the answer is lost."""

    messages: list[tuple[dict[str, Any], dict[str, str]]] = field(default_factory=list)
    tenants: list[str | None] = field(default_factory=list)
    broken: Exception | None = None
    lost: bool = False

    def publish(self, body: str, attributes: Mapping[str, str], *, tenant: str | None = None) -> None:
        self.tenants.append(tenant)
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


@dataclass
class FakeUploads:
    """Grants uploads, and remembers which."""

    granted: list[tuple[str, int, str | None]] = field(default_factory=list)
    broken: Exception | None = None

    def grant(self, upload_id: str, *, size: int, content_type: str | None) -> PresignedPut:
        if self.broken is not None:
            raise self.broken
        self.granted.append((upload_id, size, content_type))
        expires_at = datetime.fromtimestamp(1_800_000_900, UTC)
        return PresignedPut(f"https://s3/{upload_id}", {"content-length": str(size)}, expires_at)


class FragileStore(MemoryTaskStore):
    """A table whose next `mark_published` does not come through."""

    forgets = False

    def mark_published(self, task_id: str, submission: str, *, now: int) -> None:
        if self.forgets:
            raise TableUnavailableError("no answer")
        super().mark_published(task_id, submission, now=now)


@dataclass
class System:
    """The handler over fakes."""

    store: FragileStore = field(default_factory=FragileStore)
    topic: FakeTopic = field(default_factory=FakeTopic)
    payloads: FakePayloads = field(default_factory=FakePayloads)
    uploads: FakeUploads = field(default_factory=FakeUploads)
    log: FakeLog = field(default_factory=FakeLog)
    meter: FakeMeter = field(default_factory=FakeMeter)
    daemon: FakeDaemon = field(default_factory=FakeDaemon)
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
                    RuntimeSpec(name="sddynamic", type="sdwebui", dynamic_model=True),
                    RuntimeSpec(name="comfyruntime", type="comfyui"),
                )
            ),
            output_bucket="outputs",
            insecure_callbacks=self.insecure_callbacks,
            uploads=self.uploads,
            input_max=1000,
        )
        self._handler = guarded(
            api.answer,
            log=self.log,
            meter=self.meter,
            segments=self.daemon.segments("validator", exported=self.exported),
            trace_header=lambda: self.trace,
        )

    @property
    def documents(self) -> list[dict[str, Any]]:
        return self.daemon.documents

    def send(self, event: Any) -> Answer:
        return Answer.of(self._handler(event, None))

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
    api_key_id: str | None = None,
) -> dict[str, Any]:
    return rest_event(method, path, body=body, headers=headers, base64=base64, api_key_id=api_key_id)


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
