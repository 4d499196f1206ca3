"""Why a task ended without a result: in the same words whoever ends it (DESIGN 4.1, 4.3)."""

from pydantic import BaseModel, ConfigDict

from task_schema._codes import TaskCode

#: Longest message of an error, in characters: what a row of the tasks table and a notification can hold.
MAX_MESSAGE_CHARS = 500


class TaskError(BaseModel):
    """Why a task did not succeed. `retryable`: the same request may succeed when it is sent again."""

    model_config = ConfigDict(frozen=True)

    code: TaskCode
    message: str
    retryable: bool

    @classmethod
    def of(cls, code: TaskCode, message: str) -> "TaskError":
        """Make the error with the code's usual `retryable`."""
        return cls(code=code, message=message, retryable=code.retryable)

    @classmethod
    def cancelled(cls) -> "TaskError":
        """Make the error of a task whose user did not want it any more."""
        return cls.of(TaskCode.CANCELLED, "cancelled by the user")

    @classmethod
    def not_started(cls) -> "TaskError":
        """Make the error of a task that its `expires_in` ended before anybody ran it."""
        return cls.of(TaskCode.EXPIRED, "it did not start within expires_in")

    @classmethod
    def conflict(cls, task_id: str) -> "TaskError":
        """Make the error of a bare message whose id belongs to a task that is not finished (DESIGN 4.2)."""
        message = f"another task with the id {task_id} is not finished; this one was not started"
        return cls.of(TaskCode.CONFLICT, message)

    @classmethod
    def unreadable(cls, reason: str) -> "TaskError":
        """Make the error of a task whose message cannot be read; `reason` may quote it, so it is cut."""
        return cls.of(TaskCode.UNREADABLE_MESSAGE, shorten(f"the message cannot be read: {reason}"))


def shorten(message: str) -> str:
    """Cut a message to `MAX_MESSAGE_CHARS`; an ellipsis stands for the rest."""
    return message if len(message) <= MAX_MESSAGE_CHARS else message[: MAX_MESSAGE_CHARS - 1] + "…"
