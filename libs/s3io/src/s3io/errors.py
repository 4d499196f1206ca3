"""Errors of this package. What else S3 says comes as the SDK's own, one of `SDK_ERRORS`.

S3IOError
├── BadS3UriError             not an S3 URI (also a ValueError)
├── KeyTakenError             the key of an output has an object already
├── ClaimCheckError           what a reference stands for cannot be had
│   ├── ClaimRefusedError     it is outside the folder of its submission
│   ├── ClaimMissingError     there is nothing (any more)
│   ├── ClaimTooLargeError    it is larger than the reader takes
│   └── ClaimUnreadableError  it is not JSON
└── InputError                a link in a request cannot be fetched
    ├── InputUnreachableError
    ├── InputRefusedError
    └── InputTooLargeError
"""

from typing import ClassVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

#: What a call of the AWS SDK raises: for a refusal, for no answer, and for an answer that was cut off.
SDK_ERRORS = (BotoCoreError, ClientError, ResponseParserError)


class S3IOError(Exception):
    """Base of all errors of this package."""


class BadS3UriError(S3IOError, ValueError):
    """The text is not `s3://<bucket>/<key>`."""


class KeyTakenError(S3IOError):
    """An object exists under a key that was to be new; it was left as it is."""

    def __init__(self, bucket: str, key: str) -> None:
        super().__init__(f"s3://{bucket}/{key} exists already")
        self.bucket = bucket
        self.key = key


class ClaimCheckError(S3IOError):
    """What a reference stands for cannot be had; trying again does not help."""


class ClaimRefusedError(ClaimCheckError):
    """The reference is outside the folder of its submission."""


class ClaimMissingError(ClaimCheckError):
    """There is no object under the reference."""


class ClaimTooLargeError(ClaimCheckError):
    """The object is larger than the reader takes."""


class ClaimUnreadableError(ClaimCheckError):
    """The object is not JSON."""


class InputError(S3IOError):
    """A link cannot be fetched. The message names it without query and credentials.

    `code` is the code of the failed task (DESIGN 4.1), `url` the link as it may be shown, and `retryable`
    tells whether the same link may work later.
    """

    code: ClassVar[str]

    def __init__(self, url: str, reason: str, *, retryable: bool = False) -> None:
        super().__init__(f"{url} {reason}")
        self.url = url
        self.retryable = retryable


class InputUnreachableError(InputError):
    """There was no whole answer, or one that says that there is nothing; `status` is that of HTTP, if any."""

    code = "input_unreachable"

    def __init__(self, url: str, reason: str, *, retryable: bool, status: int | None = None) -> None:
        super().__init__(url, reason, retryable=retryable)
        self.status = status


class InputRefusedError(InputError):
    """The link leads where it must not, or to what is not taken."""

    code = "input_refused"


class InputTooLargeError(InputError):
    """What the link leads to has too many bytes or pixels."""

    code = "input_too_large"
