"""What can go wrong with a task in hand, by what the agent does about it (DESIGN 5).

AgentError
 +- TaskFailedError      the task ends as failed; the user is told code and message
 +- RuntimeLostError     the runtime is at fault: the message goes back, the inference was lost
 +- RuntimeRefusedStartError   the runtime could not be asked at all: the message goes back, nothing counts
 +- InterruptedRunError  the run ended because the agent interrupted it
 +- ServiceError         an AWS call failed after the SDK's own retries: the message goes back
 +- SettingsError        the agent cannot start
"""

from typing import Any

from task_schema import TaskCode, TaskError
from task_schema import shorten as shorten  # noqa: PLC0414 - `attempt` takes it from here


class AgentError(Exception):
    """Base of what this package raises."""


class TaskFailedError(AgentError):
    """The task itself is at fault, or its outcome is final: trying again would end the same way.

    `answer` is what the runtime said, for the `.out`, where it said anything.
    """

    def __init__(self, code: TaskCode, message: str, *, answer: Any = None) -> None:
        self.code = code
        self.answer = answer
        super().__init__(shorten(message))

    @property
    def error(self) -> TaskError:
        """What the user is told."""
        return TaskError.of(self.code, str(self))


class RuntimeLostError(AgentError):
    """The runtime broke, vanished or ran out of memory while the task ran: an inference was lost.

    `code` is what the user is told when this was the last attempt. `poisoned`: nothing works in that process
    any more until it is started again (DESIGN 5, restart file).
    """

    def __init__(
        self, reason: str, *, code: TaskCode = TaskCode.ATTEMPTS_EXHAUSTED, poisoned: bool = False
    ) -> None:
        self.code = code
        self.poisoned = poisoned
        super().__init__(shorten(reason))


class RuntimeRefusedStartError(AgentError):
    """The runtime cannot be reached or is not ready: no inference was started."""


class InterruptedRunError(AgentError):
    """The run ended early because the agent asked for it; what it left is nobody's picture."""


class ServiceError(AgentError):
    """An AWS service did not do what it was asked to, after the SDK's own retries."""


class SettingsError(AgentError):
    """The environment does not say what the agent needs to start."""
