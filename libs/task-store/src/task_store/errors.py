"""What the store raises.

TaskStoreError
 +- ConflictError           record: the id is taken by a task that has not finished
 +- NotClaimableError       claim, seize: the row is not free, or not of this submission
 +- LostError               renew, give back, commit: the caller does not hold the task (any more)
 +- AlreadyEndedError       cancel: too late
 +- NotEndedError           mark notified: too early
 +- StaleError              mark published, cancel: the row is of another submission, or gone
 +- TaskNotFoundError       cancel: no such task
 +- RowTooLargeError        the row would not stay under its limit
 +- BadCursorError          list: not a cursor that this store gave out
 +- UnreadableRowError      a row that this release does not understand
 +- TableUnavailableError   no answer from the table; the write may or may not have happened

Those that carry a `task` carry the row as it was when the write was refused, so that callers can decide
without reading it again; `None` stands for no row at all.
"""

from task_store._task import Task


class TaskStoreError(Exception):
    """Base of what this package raises."""


class ConflictError(TaskStoreError):
    """The id belongs to a task with another body that has not finished (409 `conflict`, DESIGN 4.1)."""

    def __init__(self, existing: Task) -> None:
        super().__init__(f"task {existing.id} is {existing.status} with another body")
        self.existing = existing


class _RefusedError(TaskStoreError):
    """A write that the row did not allow."""

    def __init__(self, message: str, task: Task | None) -> None:
        row = "there is no row" if task is None else f"the row is {task.status}, of {task.submission}"
        super().__init__(f"{message}: {row}")
        self.task = task


class NotClaimableError(_RefusedError):
    """The task cannot be claimed: ended, under a live lease, of another submission, or gone."""


class LostError(_RefusedError):
    """The caller does not hold the task: another attempt claimed it, or it has ended."""


class StaleError(_RefusedError):
    """The row is of another submission, or gone."""


class AlreadyEndedError(TaskStoreError):
    """The task has ended and cannot be cancelled (409 `conflict`, DESIGN 4.1)."""

    def __init__(self, task: Task) -> None:
        super().__init__(f"task {task.id} is {task.status} already")
        self.task = task


class NotEndedError(TaskStoreError):
    """The task has not ended, so there is nothing that anybody could have been told."""

    def __init__(self, task: Task) -> None:
        super().__init__(f"task {task.id} is {task.status}, not ended")
        self.task = task


class TaskNotFoundError(TaskStoreError):
    """There is no task of that id (404 `not_found`)."""

    def __init__(self, task_id: str) -> None:
        super().__init__(f"there is no task {task_id}")
        self.task_id = task_id


class RowTooLargeError(TaskStoreError):
    """The row would not stay under its limit; what is large belongs into S3 (DESIGN 4.2)."""


class BadCursorError(TaskStoreError):
    """Not a cursor that this store gave out."""


class UnreadableRowError(TaskStoreError):
    """A row that this release does not understand."""


class TableUnavailableError(TaskStoreError):
    """The table gave no answer: the write may or may not have happened, and is safe to repeat as it was."""
