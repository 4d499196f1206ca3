"""What the status function raises besides `task_schema.RequestRefusedError`.

StatusError
 +- SettingsError        the function cannot start
 +- UnavailableError     a service gave no answer: 503, safe to send again
"""


class StatusError(Exception):
    """Base of what this package raises."""


class SettingsError(StatusError):
    """The environment lacks a variable, or has one that makes no sense."""


class UnavailableError(StatusError):
    """SNS or S3 gave no answer, or refused; or the row changed under our hands."""
