"""Errors of this package, and the exit codes that scripts can rely on.

PlanningError               1
├── OptionError             2   an option or a file is not what it should be; the message names it
└── RecordsError            1   the records of real tasks could not be read

0 is success, 130 means that the user interrupted.
"""

FAILED = 1
USAGE = 2


class PlanningError(Exception):
    """Base of all errors of this package; its message is for the user."""

    exit_code = FAILED


class OptionError(PlanningError):
    """An option, or a file that it names, is wrong."""

    exit_code = USAGE


class RecordsError(PlanningError):
    """The records of real tasks could not be read."""
