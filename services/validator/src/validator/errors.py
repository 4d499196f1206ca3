"""What the validator raises besides `task_schema.RequestRefusedError`.

ValidatorError
 +- SettingsError        the function cannot start
 +- UnavailableError     a service that the task needs gave no answer: 503, safe to send again
 +- EndingError          the task of this id is about to end: 503, the id is free in a moment
"""


class ValidatorError(Exception):
    """Base of what this package raises."""


class SettingsError(ValidatorError):
    """The environment lacks a variable, or has one that makes no sense."""


class UnavailableError(ValidatorError):
    """SNS or S3 gave no answer, or refused; the cause is what the SDK raised."""


class EndingError(ValidatorError):
    """A task that was never published has ended, but nobody was told yet; then its id is free again."""
