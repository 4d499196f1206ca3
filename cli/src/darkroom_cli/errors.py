"""Errors of the command, and the exit codes that scripts can rely on.

CliError                    1
├── BadRequestOptionError   2   options that do not go together, a file that is not what it should be
├── RefusedError            1   the API refused the request
├── TaskFailedError         1   the task ended without a result
├── NoTraceError            1   there is no such trace
├── NoConsoleError          1   the system that is up has no console
└── NoAnswerError           1   nothing was heard in time

0 is success, 3 means that the local system is not up, 130 that the user interrupted.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # pydantic takes a while to load, and --help needs none of it
    from task_schema import Fault

OK = 0
FAILED = 1
USAGE = 2
NOT_UP = 3
INTERRUPTED = 130


class CliError(Exception):
    """Base of all errors of this package; its message is for the user."""

    exit_code = FAILED


class BadRequestOptionError(CliError):
    """The options do not make a request."""

    exit_code = USAGE


class RefusedError(CliError):
    """The API refused a request; `faults` are all that it found."""

    def __init__(self, status: int, faults: "list[Fault]") -> None:
        shown = "\n".join(f"  {fault.code}: {fault.message}" for fault in faults)
        super().__init__(f"the API refused the request ({status}):\n{shown}")
        self.status = status
        self.faults = faults


class TaskFailedError(CliError):
    """The task ended without a result."""


class NoTraceError(CliError):
    """There is no such trace, or nothing is traced."""


class NoConsoleError(CliError):
    """The system that is up was started without a console."""


class NoAnswerError(CliError):
    """The API gave no usable answer, or no notification came in time."""
