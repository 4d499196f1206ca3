"""What reading a request or a message raises.

TaskSchemaError
 +- RequestRefusedError      the API answers with all faults of the request
 +- UnreadableMessageError   a queue message that is no task
"""

from collections.abc import Sequence

from task_schema._codes import RequestCode
from task_schema._faults import MAX_FAULTS, Fault, Refusal


class TaskSchemaError(Exception):
    """Base of what this package raises."""


class RequestRefusedError(TaskSchemaError):
    """A request that is refused, with every fault found in it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        if not faults:
            raise ValueError("a refusal needs at least one fault")
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{f.code}: {f.message}" for f in self.faults[:MAX_FAULTS]))

    @classmethod
    def of(cls, code: RequestCode, message: str, field: str | None = None) -> "RequestRefusedError":
        """Make the refusal with one fault."""
        return cls([Fault(code=code, message=message, field=field)])

    @property
    def http_status(self) -> int:
        """The status of the first fault, which is the one that `error` in the answer names."""
        return self.faults[0].code.http_status

    def refusal(self) -> Refusal:
        """Return the body of the answer: the first `MAX_FAULTS` faults, and how many more there are."""
        told = [fault.shortened() for fault in self.faults[:MAX_FAULTS]]
        more = len(self.faults) - len(told)
        if more:
            told.append(Fault(code=self.faults[MAX_FAULTS].code, message=f"and {more} more faults"))
        return Refusal(error=told[0], errors=told)


class UnreadableMessageError(TaskSchemaError):
    """A queue message that cannot be read as a task; `task_id` where one can be made out."""

    def __init__(self, reason: str, *, task_id: str | None = None, submission: str | None = None) -> None:
        self.reason = reason
        self.task_id = task_id
        self.submission = submission
        super().__init__(reason)
