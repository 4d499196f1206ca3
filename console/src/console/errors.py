"""Errors of the console, and the answers that they become.

ConsoleError
├── SettingsError    what it was started with cannot be (the process says so and ends)
│   └── NoStackError the stack that was named is none of Darkroom's
├── PageMissingError the page was not built
└── RefusedError     a request is answered with a `Refusal`
    └── UnavailableError   something behind the console does not answer: 502
"""

from collections.abc import Sequence
from typing import Self

from console.models import Fault, Refusal
from darkroom_client import ApiError, BadArgumentError, DarkroomError, UnauthorizedError


class ConsoleError(Exception):
    """Base of all errors of this package."""


class SettingsError(ConsoleError):
    """What the console was started with cannot be; no message has a value of it."""


class NoStackError(SettingsError):
    """There is no stack of that name, or it is no dispatch stack."""


class PageMissingError(ConsoleError):
    """The page was not built."""


class RefusedError(ConsoleError):
    """A request that is answered with a refusal. Raise it anywhere below a route.

    Attributes:
        status: of HTTP.
        faults: one at least.
    """

    def __init__(self, status: int, faults: Sequence[Fault]) -> None:
        self.status = status
        self.faults = tuple(faults)
        super().__init__(f"{status} " + "; ".join(f"{fault.code}: {fault.message}" for fault in faults))

    @classmethod
    def of(cls, status: int, code: str, message: str, field: str | None = None) -> Self:
        """Make one of a single fault: `RefusedError.of(404, "not_found", "there is no trace of it yet")`."""
        return cls(status, [Fault(code=code, message=message, field=field)])

    def refusal(self) -> Refusal:
        """Return the body of the answer."""
        return Refusal(error=self.faults[0], errors=list(self.faults))


class UnavailableError(RefusedError):
    """Something behind the console does not answer, or not what it should: 502, code `unavailable`."""

    def __init__(self, message: str) -> None:
        super().__init__(502, [Fault(code="unavailable", message=message)])


KEY_REFUSED = "the API refuses this console's API key"


def refused(error: DarkroomError) -> RefusedError:
    """Return what an error of the client is answered with: a refusal of the API in its own words and status.

    A 401 or 403 of the API is a 502 here, as it is the console's key that is wrong and not the page's cookie.
    """
    if isinstance(error, UnauthorizedError):
        return UnavailableError(f"{KEY_REFUSED}: {error.message}")
    if isinstance(error, ApiError):
        faults = [Fault(code=one.code, message=one.message, field=one.field) for one in error.faults]
        return RefusedError(error.status, faults)
    if isinstance(error, BadArgumentError):
        return RefusedError.of(400, "bad_value", str(error))
    return UnavailableError(str(error))
