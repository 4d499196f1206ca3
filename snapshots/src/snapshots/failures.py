"""What errors of AWS mean: to the user, and for whether to try again."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)

from snapshots.errors import StepError

AWS_ERRORS = (BotoCoreError, ClientError)

_PASSING = frozenset(
    {
        "EC2ThrottledException",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "Unavailable",
    }
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_HINTS = {
    "ExpiredToken": "the credentials have expired",
    "ExpiredTokenException": "the credentials have expired",
    "InsufficientInstanceCapacity": "try --instance-type with another type, or --subnet in another zone",
    "RequestExpired": "the credentials have expired, or this machine's clock is wrong",
    "Unsupported": "try --instance-type with another type, or --subnet in another zone",
    "VcpuLimitExceeded": "the account's quota of running instances is used up",
}


def code_of(error: BaseException) -> str:
    """Return AWS' code of an error, or nothing for one that has none."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def is_passing(error: BaseException) -> bool:
    """Whether the same call may well succeed later: throttling, a lost answer, trouble of the service."""
    if isinstance(error, ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return code_of(error) in _PASSING or status >= 500
    return isinstance(error, BotoConnectionError | HTTPClientError)


def is_denied(error: BaseException) -> bool:
    """Whether the caller lacks a right: to ask again changes nothing."""
    return code_of(error) in _DENIED


def described(error: BaseException) -> str:
    """Return what happened, for the user."""
    if isinstance(error, NoCredentialsError):
        return "there are no AWS credentials; --profile names those of a profile"
    if not isinstance(error, ClientError):
        return str(error) or type(error).__name__
    code = code_of(error)
    message = error.response.get("Error", {}).get("Message") or "no message"
    hint = f"; {_HINTS[code]}" if code in _HINTS else ""
    return f"{error.operation_name}: {code}: {message}{hint}"


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say in what step an error of AWS happened.

    Raises:
        StepError: instead of what botocore raises.
    """
    try:
        yield
    except AWS_ERRORS as exc:
        raise StepError(f"{what}: {described(exc)}") from exc
