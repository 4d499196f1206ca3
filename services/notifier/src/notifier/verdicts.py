"""What a task needs that did not move on by itself: rules without any side effect (DESIGN 2, 4.2)."""

from collections.abc import Iterator
from dataclasses import dataclass

from notifier.settings import SweeperSettings
from task_schema import Status, TaskCode, TaskError
from task_store import Task

_DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class Nothing:
    """It has ended and that was told."""


@dataclass(frozen=True, slots=True)
class Tell:
    """It has ended and nobody said so."""


@dataclass(frozen=True, slots=True)
class End:
    """Nobody else will end it."""

    error: TaskError


@dataclass(frozen=True, slots=True)
class Wait:
    """It is in good hands, until a time in ms."""

    until: int


Verdict = Nothing | Tell | End | Wait


class Rules:
    """Judges rows by the clock, with the sweeper's settings."""

    def __init__(self, settings: SweeperSettings) -> None:
        self._quiet = settings.quiet_seconds * 1000
        self._not_published_after = settings.not_published_after_seconds * 1000
        self._retention = settings.retention_seconds * 1000

    @property
    def quiet(self) -> int:
        """For so long after its record or its end a task is left alone, in ms."""
        return self._quiet

    def judge(self, task: Task, now: int, *, held: bool = False) -> Verdict:
        """Say what a task needs.

        Args:
            task: its row.
            now: ms since the epoch.
            held: the lease on it is our own.
        """
        if task.is_finished:
            return Nothing()
        if task.status.is_terminal:
            due = (task.finished_at or 0) + self._quiet
            return Tell() if due <= now else Wait(due)
        limits = list(self._limits(task))
        passed = [error for limit, error in limits if limit <= now]
        if not passed:
            return Wait(min(limit for limit, _ in limits))
        if not held and task.status is Status.RUNNING and (task.lease_until or 0) > now:
            return Wait(task.lease_until or 0)
        return End(passed[0])

    def _limits(self, task: Task) -> Iterator[tuple[int, TaskError]]:
        """Yield by when what must have happened, and what is told where it has not."""
        if task.attempts == 0:
            if task.published_at is None:
                message = (
                    "the task could not be handed to a queue; its sender got a 5xx and did not send it again"
                )
                limit = task.created_at + self._not_published_after
                yield limit, TaskError.of(TaskCode.NOT_PUBLISHED, message)
            if task.deadline is not None:
                yield task.deadline, TaskError.not_started()
        message = f"it was not finished within {_duration(self._retention)}, which its queue keeps a message"
        yield (
            max(task.created_at, task.published_at or 0) + self._retention,
            TaskError.of(TaskCode.EXPIRED, message),
        )


def _duration(ms: int) -> str:
    seconds = ms // 1000
    return f"{seconds // _DAY} days" if seconds >= 2 * _DAY else f"{seconds} seconds"
