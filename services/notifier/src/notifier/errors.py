"""What the notifier raises.

NotifierError
 +- SettingsError       a function cannot start
 +- UnavailableError    an AWS service gave no answer: the same again later, which is harmless
 |   +- BadSecretError  what webhooks are signed with is of no use, until somebody mends it
 +- LaterError          the task is in other hands for now: again after so many seconds
 +- NoTimeError         a function ends too soon for it: the same again in the next one
 +- UnreadableWebhookError   a message of a queue of webhooks lacks what a webhook needs
"""


class NotifierError(Exception):
    """Base of what this package raises."""


class SettingsError(NotifierError):
    """The environment lacks a variable, or has one that makes no sense."""


class UnavailableError(NotifierError):
    """An AWS service gave no answer, or refused; the cause is what the SDK raised."""


class BadSecretError(UnavailableError):
    """The secret of the webhooks does not have the form that it must have; the message never quotes it."""


class LaterError(NotifierError):
    """Somebody else holds the task, or is about to: come back after `seconds`."""

    def __init__(self, seconds: int, why: str) -> None:
        super().__init__(why)
        self.seconds = seconds


class NoTimeError(NotifierError):
    """The invocation has too little time left to begin something with."""


class UnreadableWebhookError(NotifierError):
    """A message does not say which event it is, or for which task."""
