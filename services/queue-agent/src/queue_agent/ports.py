"""What the agent needs of the world; adapters are in the modules beside, fakes in `queue_agent.testing`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from s3io.inputs import FetchedInput
from task_schema import Announcement as Announcement  # noqa: PLC0414 - part of the port `Announcer`
from telemetry.context import read_traceparent

#: Where a value stands in a JSON document: keys and list indexes from the root.
JsonPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at a task, as a runtime gets it.

    `content` has no routing keys any more; after `Runtime.prepare` it has no links either. `model` is the
    checkpoint asked for, None for the one loaded. `attempt` is unique to this attempt: a run that finds
    traces of another attempt must not take them for its own. `prepared` is what `Runtime.prepare` leaves for
    `Runtime.run` of the same adapter, so that nothing is left to do while the GPU waits.
    """

    id: str
    submission: str
    attempt: str
    tasktype: str
    content: dict[str, Any]
    model: str | None = None
    prepared: Any = None


@dataclass(frozen=True, slots=True)
class InputLink:
    """A link in a job's content that the agent fetches."""

    url: str
    path: JsonPath


@dataclass(frozen=True, slots=True)
class Output:
    """One file that a run made. Its S3 URL is put into the answer at `path` (made where it is missing)."""

    data: bytes
    path: JsonPath


@dataclass(frozen=True, slots=True)
class Result:
    """What a run gave: the runtime's whole answer without the files' bytes, and the files in their order."""

    answer: dict[str, Any]
    outputs: Sequence[Output] = field(default_factory=tuple)


#: Told how far a run is, 0 to 1.
Progress = Callable[[float], None]

#: Told that the runtime could start another job now, though the answer of this one is still on its way.
Freed = Callable[[], None]


def unheard() -> None:
    """Take no notice of being told."""


class Runtime(Protocol):
    """An adapter to one runtime (DESIGN 5). All calls come from one event loop.

    One job at a time has the GPU: from the call of `run` until it calls `freed`, or ends. Meanwhile the next
    job may be prepared, and what the runs before have still to do after `freed` goes on.
    """

    @property
    def task_types(self) -> frozenset[str]:
        """The task types that it runs."""
        ...

    def links(self, job: Job) -> Sequence[InputLink]:
        """Find the links in a job's content that have to be fetched before it can run (DESIGN 4.4)."""
        ...

    async def prepare(self, job: Job, inputs: Mapping[InputLink, FetchedInput]) -> Job:
        """Put the fetched inputs in the place of their links; may upload them to the runtime.

        Raises:
            TaskFailedError: the runtime does not take an input.
            RuntimeRefusedStartError: the runtime cannot be reached.
        """
        ...

    async def ready(self) -> bool:
        """Whether the runtime answers, has its model, and could start a job now."""
        ...

    def has_loaded(self, job: Job) -> bool:
        """Whether the job could start without switching the model, as far as is known without asking."""
        ...

    async def run(self, job: Job, progress: Progress, freed: Freed = unheard) -> Result:
        """Run a prepared job to its end.

        Args:
            job: what `prepare` returned.
            progress: told how far it is.
            freed: called once the runtime can take the next job, at the latest when this returns or raises:
                everything that the next job must not meet (settings to restore, a run that has not stopped)
                is over by then. Decoding the answer and checking it come after. An adapter that never calls
                it is correct, and only slower.

        Raises:
            TaskFailedError: the job is at fault, or it made nothing where something was due.
            RuntimeLostError: the runtime is at fault and the inference is lost.
            RuntimeRefusedStartError: nothing was started.
            InterruptedRunError: `interrupt` ended it.
        """
        ...

    async def interrupt(self, job: Job) -> bool:
        """Stop a job that has the GPU; return whether the runtime was seen idle afterwards.

        Never called for a job that has called `freed`.
        """
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """One receipt of one message."""

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int
    sent_at: datetime
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def traceparent(self) -> str | None:
        """The trace that it belongs to: it is sent on, so nothing that is no `traceparent` may pass."""
        value = self.attributes.get("traceparent", "")
        return value if read_traceparent(value) is not None else None

    def as_json(self) -> dict[str, Any]:
        """Return what a human needs to see of a message that could not be read."""
        return {
            "message_id": self.message_id,
            "body": self.body,
            "attributes": self.attributes,
            "receive_count": self.receive_count,
            "sent_at": self.sent_at.isoformat(),
        }


class Queue(Protocol):
    """The queue of one runtime; every method raises `ServiceError` where it is not reached."""

    async def receive(self, *, wait_seconds: int) -> Delivery | None:
        """Wait for one message; None when none came in time."""
        ...

    async def hide(self, delivery: Delivery, seconds: int) -> bool:
        """Keep a message hidden for so long from now, 0 for not at all; False if it is not ours any more."""
        ...

    async def delete(self, delivery: Delivery) -> bool:
        """Delete a message; False if it is not ours any more."""
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """What one attempt put into the output bucket."""

    images: Sequence[str]
    output_url: str
    keys: Sequence[str]


class Outputs(Protocol):
    """Where outputs go."""

    async def store(self, prefix: str, task_id: str, result: Result) -> Stored:
        """Store the files of a run, and the answer with their URLs in it.

        Raises:
            ServiceError: not all of it was stored; nothing is left of it that could be deleted.
        """
        ...

    async def discard(self, stored: Stored) -> None:
        """Delete what an attempt stored that has lost its claim, as far as that works."""
        ...


class Announcer(Protocol):
    """Who tells subscribers."""

    async def announce(self, announcement: Announcement) -> None:
        """Publish once.

        Raises:
            ServiceError: nobody knows whether it was published.
        """
        ...


class Payloads(Protocol):
    """The claim check for what is too large for a message or a row; in threads, but for `ref`."""

    def put(self, submission: str, name: str, value: Any) -> str:
        """Keep a JSON value; return its S3 URL."""
        ...

    def ref(self, submission: str, name: str) -> str:
        """Return the S3 URL that `put` gives a value."""
        ...

    def get(self, ref: str, *, submission: str, limit: int) -> Any:
        """Bring back a value of that very submission, of at most `limit` bytes."""
        ...


class Fetcher(Protocol):
    """Who fetches inputs by link."""

    async def fetch(self, url: str) -> FetchedInput:
        """Fetch one link.

        Raises:
            s3io.errors.InputError: it cannot be had; the message is fit for the user.
        """
        ...
