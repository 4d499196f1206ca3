"""Errors of this package, and the exit codes that scripts can rely on.

SnapshotsError              1
├── OptionError             2   an option is not what it should be; its message names the option
├── StepError               1   AWS or a registry refused a step, or did not answer
│   └── StepTimeoutError    1   a step took longer than it may
├── CommandFailedError      1   a command on the instance failed
└── LeftBehindError         1   all else went well, but something that was made could not be removed

0 is success, 130 means that the user interrupted.
"""

OK = 0
FAILED = 1
USAGE = 2
INTERRUPTED = 130


class SnapshotsError(Exception):
    """Base of all errors of this package; its message is for the user."""

    exit_code = FAILED


class OptionError(SnapshotsError):
    """An option is wrong; nothing has been made."""

    exit_code = USAGE


class StepError(SnapshotsError):
    """A step failed."""


class StepTimeoutError(StepError):
    """A step took longer than it may."""


class CommandFailedError(SnapshotsError):
    """A command on the instance did not succeed; the message ends with the last of what it printed."""


class LeftBehindError(SnapshotsError):
    """Something that was made is still there."""
