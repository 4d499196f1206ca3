"""The states of a task (DESIGN 4.1)."""

from enum import StrEnum


class Status(StrEnum):
    """State of a task; exactly one of the terminal ones is ever reached."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether the task has ended: a terminal state is never left."""
        return self not in {Status.QUEUED, Status.RUNNING}
