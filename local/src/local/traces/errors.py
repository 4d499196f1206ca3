"""Errors of the local trace store.

TracesError
├── MalformedError       what was sent is not what it says it is
├── TooLargeError        what was sent is larger than the store takes
├── BusyError            more comes in than can be written; the sender is to come back
└── UnreachableError     the store did not answer, or with something else
"""


class TracesError(Exception):
    """Base of all errors of this package."""


class MalformedError(TracesError):
    """What was sent cannot be read."""


class TooLargeError(TracesError):
    """What was sent is too large."""


class BusyError(TracesError):
    """The store has more to write than it takes on."""


class UnreachableError(TracesError):
    """No answer of the store."""
