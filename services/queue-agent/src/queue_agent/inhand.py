"""A message in hand, and what is to become of it."""

from dataclasses import dataclass

from task_schema import Message
from task_store import Task

from queue_agent.ports import Delivery


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


@dataclass(frozen=True, slots=True)
class InHand:
    """A message that was read, with the row of its task."""

    delivery: Delivery
    message: Message
    task: Task

    @property
    def traceparent(self) -> str | None:
        """The trace that the task belongs to."""
        return self.delivery.attributes.get("traceparent")


class Settled(Exception):  # noqa: N818 - it is no error: the message needs nothing more but this
    """Raised where a step finds that a message is done with."""

    def __init__(self, disposition: Disposition, why: str) -> None:
        self.disposition = disposition
        self.why = why
        super().__init__(why)
