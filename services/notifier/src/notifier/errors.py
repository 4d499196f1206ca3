"""What the notifier raises.

NotifierError
 +- SettingsError       a function cannot start
 +- UnavailableError    an AWS service gave no answer: the same again later, which is harmless
 +- LaterError          the task is in other hands for now: again after so many seconds
"""


class NotifierError(Exception):
    """Base of what this package raises."""


class SettingsError(NotifierError):
    """The environment lacks a variable, or has one that makes no sense."""


class UnavailableError(NotifierError):
    """S3, SNS or SQS gave no answer, or refused; the cause is what the SDK raised."""


class LaterError(NotifierError):
    """Somebody else holds the task, or is about to: come back after `seconds`."""

    def __init__(self, seconds: int, why: str) -> None:
        super().__init__(why)
        self.seconds = seconds
