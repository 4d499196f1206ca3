"""Errors of the client. No message has the API key, a presigned URL's signature or a webhook's secret.

DarkroomError
├── BadArgumentError          what was given cannot be asked for (also a ValueError)
├── ApiError                  the API said no: status, code, message, field, and all faults
│   ├── UnauthorizedError     401, 403: no or wrong API key
│   ├── NotFoundError         404
│   ├── ConflictError         409: the id is taken by another task, or the task has ended
│   ├── ThrottledError        429, after all tries
│   └── UnavailableError      5xx, after all tries
├── NoAnswerError             no answer came, after all tries
├── UnexpectedAnswerError     what answered is not the API
├── TaskFailedError           the task ended without a result: `task`, `code`
├── WaitTimeoutError          the task has not ended in the time that was given: `task`
├── DownloadError             an output could not be fetched
├── UploadError               the store did not take what was uploaded
└── WebhookVerificationError  a webhook is not of Darkroom, or too old
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from darkroom_client.models import Task


@dataclass(frozen=True)
class Fault:
    """One fault of a request. `code` is text: a newer API may know more of them than this client."""

    code: str
    message: str
    field: str | None = None


class DarkroomError(Exception):
    """Base of all errors of this package."""


class BadArgumentError(DarkroomError, ValueError):
    """An argument cannot be what it is."""


class ApiError(DarkroomError):
    """The API refused; `code`, `message` and `field` are those of the first fault.

    Attributes:
        status: of HTTP.
        faults: all that the API found.
        retry_after: seconds that the API asked to wait, where it did.
    """

    def __init__(self, status: int, faults: Sequence[Fault], *, retry_after: float | None = None) -> None:
        self.status = status
        self.faults = tuple(faults)
        self.code = faults[0].code
        self.message = faults[0].message
        self.field = faults[0].field
        self.retry_after = retry_after
        super().__init__(f"{status} " + "; ".join(f"{fault.code}: {fault.message}" for fault in faults))


class UnauthorizedError(ApiError):
    """No or wrong API key."""


class NotFoundError(ApiError):
    """There is no such task."""


class ConflictError(ApiError):
    """The id belongs to another unfinished task; or what should be cancelled has ended."""


class ThrottledError(ApiError):
    """The API was busy at each try."""


class UnavailableError(ApiError):
    """The API was out of order at each try; what was asked for is safe to send again."""


class NoAnswerError(DarkroomError):
    """No answer came, at no try; what was asked for is safe to send again."""


class UnexpectedAnswerError(DarkroomError):
    """What answered is not the API, or one that this client does not understand."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class TaskFailedError(DarkroomError):
    """The task failed or was cancelled.

    Attributes:
        task: as it ended.
        code: why, as in DESIGN 4.1; `cancelled` if it was.
        retryable: whether the very same request may succeed.
    """

    def __init__(self, task: "Task") -> None:
        self.task = task
        self.code = task.error.code if task.error is not None else str(task.status)
        self.retryable = task.error is not None and task.error.retryable
        why = task.error.message if task.error is not None else "no reason was given"
        super().__init__(f"task {task.id} {task.status} ({self.code}): {why}")


class WaitTimeoutError(DarkroomError):
    """The task goes on, only the waiting has ended; `task` is how it was seen last, if it was."""

    def __init__(self, task_id: str, timeout: float, task: "Task | None") -> None:
        self.task = task
        seen = f"it is {task.status}" if task is not None else "it was never seen"
        super().__init__(f"task {task_id} has not ended in {timeout:g} s: {seen}")


class DownloadError(DarkroomError):
    """An output could not be fetched."""


class UploadError(DarkroomError):
    """The store did not take what was uploaded; nothing refers to it, so it may be uploaded again."""


class WebhookVerificationError(DarkroomError):
    """Do not trust this webhook; answer it with 401."""
