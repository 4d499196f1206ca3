"""A message in hand, and what is to become of it."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from queue_agent import spans
from queue_agent.ports import Delivery, Job
from queue_agent.stages import Stages
from queue_agent.tasks import Claim
from task_schema import Message
from task_store import Task


@dataclass(frozen=True, slots=True)
class Delete:
    """The task has ended, or the message means nothing any more."""


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Somebody else may have it, after so many seconds."""

    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Leave:
    """It is not ours any more; whatever we did to it now would be wrong."""


Disposition = Delete | GiveBack | Leave

Claiming = asyncio.Task[tuple[Claim, Task]]


@dataclass(slots=True, eq=False)
class Flight:
    """A message in hand, from its receipt to its end.

    Attributes:
        delivery: the receipt.
        stages: what it passes through.
        since: when that was, in seconds of the monotonic clock.
        started: its turn on the GPU has come, or will not come any more.
        settled: nothing has to be done about the message any more.
        job: its prepared job, until it runs.
        claiming: the claim of its task, from shortly before its turn.
        task: the coroutine that carries it.
    """

    delivery: Delivery
    stages: Stages
    since: float
    started: bool = False
    settled: bool = False
    job: Job | None = None
    claiming: Claiming | None = None
    task: asyncio.Task[None] = field(init=False)

    def waiting_job(self) -> Job:
        """Return the job that waits for its turn."""
        assert self.job is not None
        return self.job

    def claimed(self) -> tuple[Claim, Task]:
        """Return the claim of its task, which it has, and the row as it was then."""
        assert self.claiming is not None
        return self.claiming.result()

    def take_job(self) -> Job:
        """Return the job for its run; nobody else holds it then, or the inputs in it."""
        job, self.job = self.waiting_job(), None
        return job


@dataclass(frozen=True, slots=True)
class InHand:
    """A message that was read, with the row of its task.

    `record` is what the `.out` tells of the attempt (`Stages.record`), once there is something to tell.
    """

    delivery: Delivery
    message: Message
    task: Task
    record: Mapping[str, Any] | None = None

    def told(self) -> dict[str, Any]:
        """Return what the `.out` tells beside the answer: the attempt, and the request to run it again.

        The request is as the message has it: links as links, and where it was too large the reference to it.
        """
        message = self.message
        content = (
            {"content": message.content}
            if message.content_ref is None
            else {"content_ref": message.content_ref}
        )
        request = {"tasktype": message.metadata.tasktype, "submission": message.submission, **content}
        return {**(self.record or {}), REQUEST: request}

    @property
    def traceparent(self) -> str | None:
        """Where the trace goes on that the task belongs to; of a message that brought none, a new one's."""
        return self.delivery.traceparent or spans.traceparent()


class Settled(Exception):  # noqa: N818 - it is no error: the message needs nothing more but this
    """Raised where a step finds that a message is done with."""

    is_expected = True  # and no failure of that step

    def __init__(self, disposition: Disposition, why: str, *, unreadable: bool = False) -> None:
        self.disposition = disposition
        self.why = why
        self.unreadable = unreadable
        super().__init__(why)


#: Under which the `.out` tells of the attempt that made it; no runtime's answer has such a key.
RECORD = "darkroom"
#: What the record has the request under.
REQUEST = "request"

# A lease is a minute; a longer one comes from a clock that is off, and SQS hides for twelve hours at most.
_MAX_HIDDEN = 3600  # seconds


def not_free(task: Task | None, submission: str, *, now: int) -> Settled:
    """Say what becomes of the message of a task that somebody else holds or has ended.

    Args:
        task: the row as it was when it was found not to be free; None: there is none.
        submission: of the message.
        now: ms since the epoch.
    """
    if task is None or task.submission != submission:
        return Settled(Delete(), "stale")
    if task.status.is_terminal:
        # Back at once, so that an outcome that nobody was told of gets told.
        return Settled(Delete() if task.is_finished else GiveBack(), "ended meanwhile")
    left = math.ceil(((task.lease_until or 0) - now) / 1000) + 1
    return Settled(GiveBack(min(max(1, left), _MAX_HIDDEN)), "another attempt runs it")
