"""In-memory stand-ins for the agent's ports, with the semantics that the agent relies on."""

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from queue_agent.errors import ServiceError
from queue_agent.ports import (
    Announcement,
    Delivery,
    Freed,
    InputLink,
    Job,
    Output,
    Progress,
    Result,
    Runtime,
    Stored,
    unheard,
)
from s3io.errors import ClaimMissingError, ClaimRefusedError, ClaimTooLargeError
from s3io.inputs import FetchedInput
from s3io.media import sniff


@dataclass
class _Queued:
    body: str
    attributes: dict[str, str]
    sent_at: datetime
    visible_at: float = 0
    receives: int = 0
    handle: str = ""


class MemoryQueue:
    """A standard queue: at-least-once, visibility timeouts, receipt handles that go stale."""

    def __init__(self, *, visibility: float = 60) -> None:
        self._visibility = visibility
        self._messages: dict[str, _Queued] = {}
        self._ids = itertools.count(1)
        self.hidden: list[tuple[str, int]] = []
        self.failing: set[str] = set()

    def send(self, body: str, **attributes: str) -> str:
        """Put a message into the queue; return its id."""
        message_id = f"message-{next(self._ids)}"
        self._messages[message_id] = _Queued(body, attributes, datetime.now(UTC))
        return message_id

    @property
    def visible(self) -> list[str]:
        """Ids of the messages that a receive would get now."""
        now = time.monotonic()
        return [message_id for message_id, m in self._messages.items() if m.visible_at <= now]

    def __len__(self) -> int:
        return len(self._messages)

    def reappear(self) -> None:
        """Let every hidden message be visible again, as after its timeout."""
        for message in self._messages.values():
            message.visible_at = 0

    async def receive(self, *, wait_seconds: int) -> Delivery | None:
        """Wait for one message."""
        self._check("receive")
        deadline = time.monotonic() + wait_seconds
        while not (visible := self.visible):
            if time.monotonic() >= deadline:
                return None
            await asyncio.sleep(0.005)
        message = self._messages[visible[0]]
        message.receives += 1
        message.handle = f"{visible[0]}-{message.receives}"
        message.visible_at = time.monotonic() + self._visibility
        return Delivery(
            visible[0],
            message.handle,
            message.body,
            message.receives,
            message.sent_at,
            dict(message.attributes),
        )

    async def hide(self, delivery: Delivery, seconds: int) -> bool:
        """Change a message's visibility."""
        self._check("hide")
        message = self._ours(delivery)
        if message is None:
            return False
        message.visible_at = time.monotonic() + seconds if seconds else 0
        self.hidden.append((delivery.message_id, seconds))
        return True

    async def delete(self, delivery: Delivery) -> bool:
        """Delete a message."""
        self._check("delete")
        if self._ours(delivery) is None:
            return False
        del self._messages[delivery.message_id]
        return True

    def _ours(self, delivery: Delivery) -> _Queued | None:
        message = self._messages.get(delivery.message_id)
        return message if message is not None and message.handle == delivery.receipt_handle else None

    def _check(self, call: str) -> None:
        if call in self.failing:
            raise ServiceError(f"{call} failed: InternalError")


@dataclass
class MemoryOutputs:
    """A bucket."""

    objects: dict[str, bytes] = field(default_factory=dict)
    failures: int = 0
    _stored: int = 0

    async def store(self, prefix: str, task_id: str, result: Result) -> Stored:
        """Store outputs."""
        if self.failures:
            self.failures -= 1
            raise ServiceError("PutObject failed: SlowDown")
        self._stored += 1
        suffix = f"{self._stored:04d}"
        base = f"{prefix}/{task_id}/{task_id}-{suffix}"
        keys = []
        for n, output in enumerate(result.outputs, 1):
            keys.append(f"{base}-{n}.{sniff(output.data).extension}")
            self.objects[keys[-1]] = output.data
        self.objects[f"{base}.out"] = json.dumps(result.answer).encode()
        return Stored([f"s3://out/{key}" for key in keys], f"s3://out/{base}.out", [*keys, f"{base}.out"])

    async def discard(self, stored: Stored) -> None:
        """Delete outputs."""
        for key in stored.keys:
            self.objects.pop(key, None)


class SlowOutputs(MemoryOutputs):
    """A bucket that takes nothing until it is opened; `waiting` has the tasks that it let wait."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()
        self.waiting: list[str] = []

    async def store(self, prefix: str, task_id: str, result: Result) -> Stored:
        """Wait, then store outputs."""
        self.waiting.append(task_id)
        await self.open.wait()
        return await super().store(prefix, task_id, result)


@dataclass
class MemoryAnnouncer:
    """A topic that remembers."""

    announced: list[Announcement] = field(default_factory=list)
    failures: int = 0

    async def announce(self, announcement: Announcement) -> None:
        """Publish."""
        if self.failures:
            self.failures -= 1
            raise ServiceError("Publish failed: InternalError")
        self.announced.append(announcement)

    @property
    def told(self) -> list[dict[str, Any]]:
        """The notifications' bodies."""
        return [json.loads(a.text) for a in self.announced]


class DeafTopic(MemoryAnnouncer):
    """A topic that hears nothing until it is opened; `asked` once somebody wanted to tell it something."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()
        self.asked = False

    async def announce(self, announcement: Announcement) -> None:
        """Wait, then publish."""
        self.asked = True
        await self.open.wait()
        await super().announce(announcement)


@dataclass
class MemoryPayloads:
    """A payload bucket."""

    values: dict[str, Any] = field(default_factory=dict)

    def put(self, submission: str, name: str, value: Any) -> str:
        """Keep a value."""
        ref = self.ref(submission, name)
        self.values[ref] = value
        return ref

    def ref(self, submission: str, name: str) -> str:
        """Return what `put` returns."""
        return f"s3://payloads/tasks/{submission}/{name}.json"

    def get(self, ref: str, *, submission: str, limit: int) -> Any:
        """Bring a value back."""
        if f"/tasks/{submission}/" not in ref:
            raise ClaimRefusedError(f"{ref} is not of submission {submission}")
        if ref not in self.values:
            raise ClaimMissingError(f"there is nothing under {ref}")
        if len(json.dumps(self.values[ref])) > limit:
            raise ClaimTooLargeError(f"{ref} is larger than {limit} bytes")
        return self.values[ref]


@dataclass
class MemoryFetcher:
    """Links and what they lead to: an exception is raised, and once only where something comes `later`."""

    links: dict[str, bytes | Exception] = field(default_factory=dict)
    later: dict[str, bytes] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    async def fetch(self, url: str) -> FetchedInput:
        """Fetch one link."""
        self.fetched.append(url)
        found = self.links[url]
        if url in self.later:
            self.links[url] = self.later[url]
        if isinstance(found, Exception):
            raise found
        return FetchedInput(url=url, data=found, media=sniff(found))


#: What one run of a `FakeRuntime` does.
Script = Callable[[Job, Progress], Awaitable[Result]]


class FakeRuntime:
    """A runtime whose runs are scripted; the last script repeats."""

    def __init__(self, *scripts: Script, task_types: frozenset[str] = frozenset({"text-to-image"})) -> None:
        self._scripts = list(scripts)
        self.task_types = task_types
        self.jobs: list[Job] = []
        self.interrupted: list[str] = []
        self.freed: dict[str, Freed] = {}  # by attempt: what a script calls to give the GPU away early
        self.is_ready = True

    def links(self, job: Job) -> Sequence[InputLink]:
        """Take every text of `init_images` that looks like a link."""
        images = job.content.get("init_images", [])
        return [InputLink(url, ("init_images", n)) for n, url in enumerate(images) if "://" in url]

    async def prepare(self, job: Job, inputs: Mapping[InputLink, FetchedInput]) -> Job:
        """Put the size of an input into its place."""
        for link, fetched in inputs.items():
            job.content["init_images"][link.path[1]] = str(len(fetched.data))
        return job

    async def ready(self) -> bool:
        """Say so."""
        return self.is_ready

    def has_loaded(self, job: Job) -> bool:
        """Whether its model is the one of the job that ran last."""
        return not self.jobs or job.model in (None, self.jobs[-1].model)

    async def run(self, job: Job, progress: Progress, freed: Freed = unheard) -> Result:
        """Run the next script."""
        self.jobs.append(job)
        self.freed[job.attempt] = freed
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        return await script(job, progress)

    async def interrupt(self, job: Job) -> bool:
        """Note it."""
        self.interrupted.append(job.id)
        return True

    async def aclose(self) -> None:
        """Do nothing."""


def picture(data: bytes = b"\x89PNG\r\n\x1a\n-a-picture") -> Script:
    """Make a script that answers with one picture at once."""

    async def run(job: Job, progress: Progress) -> Result:
        progress(1.0)
        return Result(
            answer={"images": [None], "prompt": job.content.get("prompt")},
            outputs=[Output(data, ("images", 0))],
        )

    return run


def failing(error: Exception) -> Script:
    """Make a script that raises."""

    async def run(job: Job, progress: Progress) -> Result:  # noqa: ARG001 - the port's signature
        raise error

    return run


def hanging() -> Script:
    """Make a script that never ends by itself."""

    async def run(job: Job, progress: Progress) -> Result:  # noqa: ARG001 - the port's signature
        await asyncio.Event().wait()
        raise AssertionError

    return run


class SlowCall:
    """A call in a thread that comes late: `asked` is set when somebody waits for it."""

    def __init__(self, call: Callable[..., Any], seconds: float = 0.4) -> None:
        self._call = call
        self._seconds = seconds
        self.asked = threading.Event()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Wait, then make the call."""
        self.asked.set()
        time.sleep(self._seconds)
        return self._call(*args, **kwargs)


@dataclass
class FakeClock:
    """A clock that stands still until it is set; in seconds."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


async def run(adapter: Runtime, job: Job) -> Result:
    """Run a job while nobody listens how far it is."""
    return await adapter.run(job, lambda _: None)


async def until(condition: Callable[[], object]) -> None:
    """Look again and again until a condition holds.

    Raises:
        TimeoutError: it does not within five seconds.
    """
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the world that it looks at tells nobody of its changes
            await asyncio.sleep(0.002)
