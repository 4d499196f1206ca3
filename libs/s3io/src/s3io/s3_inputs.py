from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from s3io.errors import (
    SDK_ERRORS,
    BadS3UriError,
    InputRefusedError,
    InputTooLargeError,
    InputUnreachableError,
)
from s3io.limits import InputLimits
from s3io.reading import read_at_most
from s3io.uri import SCHEME, S3Uri
from task_schema import UPLOAD_FORM, upload_key

_DENIED = frozenset({"AccessDenied", "AllAccessDisabled", "AccountProblem"})
_MISSING = frozenset({"NoSuchKey", "NoSuchBucket", "NoSuchVersion", "404"})
# Errors with a status of the client's that are the deployment's or the moment's.
_RETRYABLE = frozenset(
    {"ExpiredToken", "InvalidToken", "RequestTimeout", "RequestTimeTooSkewed", "SlowDown", "Throttling"}
)


class _MissingError(InputUnreachableError):
    """S3 says that there is no such object."""


class AllowedPlaces:
    """The buckets and folders that `s3://` links may name (DESIGN 4.4).

    Each entry is `bucket` or `bucket/prefix`, a prefix being a folder: `inputs/cats` covers
    `inputs/cats/1.png` and not `inputs/cats-of-others/1.png`.

    Raises:
        ValueError: an entry is neither.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self._places = tuple(_place(entry) for entry in entries)

    def cover(self, uri: S3Uri) -> bool:
        """Tell whether an object may be read."""
        return any(
            uri.bucket == bucket and (not folder or uri.key.startswith(f"{folder}/"))
            for bucket, folder in self._places
        )


def _place(entry: str) -> tuple[str, str]:
    bucket, _, folder = entry.partition("/")
    folder = folder.strip("/")
    if "*" in folder:
        raise ValueError(f"{entry!r} has a wildcard: a prefix covers all that is below it anyway")
    try:
        S3Uri.parse(f"{SCHEME}{bucket}/{folder or 'any'}")
    except BadS3UriError as exc:
        raise ValueError(f"{entry!r} is not `bucket` or `bucket/prefix`") from exc
    return bucket, folder


def parse_link(url: str, shown: str, allowed: AllowedPlaces) -> S3Uri:
    """Return the object that a link names.

    Raises:
        InputRefusedError: it is not an S3 URI, or not in an allowed place.
    """
    try:
        uri = S3Uri.parse(SCHEME + url[len(SCHEME) :])
    except BadS3UriError as exc:
        raise InputRefusedError(shown, f"cannot be fetched: {exc}") from exc
    if not allowed.cover(uri):
        raise InputRefusedError(shown, "is in no bucket and prefix that inputs may come from")
    return uri


def parse_upload(reference: str, shown: str, bucket: str | None) -> S3Uri:
    """Return the object that the name of an upload stands for.

    Args:
        reference: as it stands in the request.
        shown: it, as it may be told.
        bucket: where uploads are; None: nowhere.

    Raises:
        InputRefusedError: it is malformed, or there are no uploads here.
    """
    key = upload_key(reference)
    if key is None:
        raise InputRefusedError(shown, f"cannot be fetched: {UPLOAD_FORM}")
    if bucket is None:
        raise InputRefusedError(shown, "cannot be fetched: there are no uploads here")
    return S3Uri(bucket, key)


def read_upload(client: Any, uri: S3Uri, shown: str, limits: InputLimits, *, deadline: float) -> bytes:
    """Return the bytes of an upload, as `read_object` does those of any object.

    Raises:
        InputError: nothing was uploaded, or it is there no longer, is too large or comes too slowly.
    """
    try:
        return read_object(client, uri, shown, limits, deadline=deadline)
    except (InputRefusedError, _MissingError) as exc:
        # Its folder may be read: it is for what is not there that S3 denies whoever may not list the bucket.
        reason = "was not uploaded, or has expired: upload the file (again) before the task is sent"
        raise InputUnreachableError(shown, reason, retryable=False) from exc


def read_object(client: Any, uri: S3Uri, shown: str, limits: InputLimits, *, deadline: float) -> bytes:
    """Return the bytes of an object, within the limit and until the deadline of `time.monotonic()`.

    Raises:
        InputError: there is no such object, it may not be read, is too large or comes too slowly.
    """
    try:
        answer = client.get_object(Bucket=uri.bucket, Key=uri.key)
        data = read_at_most(answer, limits.max_bytes, deadline=deadline)
    except ClientError as exc:
        raise _translated(exc, shown) from exc
    # A body that breaks off comes as an error of the connection, whichever library raised it.
    except (*SDK_ERRORS, OSError) as exc:
        reason = "did not come in time" if isinstance(exc, TimeoutError) else "could not be read from S3"
        raise InputUnreachableError(shown, reason, retryable=True) from exc
    if data is None:
        raise InputTooLargeError(shown, f"has more than {limits.max_bytes} bytes")
    return data


def _translated(exc: ClientError, shown: str) -> InputRefusedError | InputUnreachableError:
    code = str(exc.response.get("Error", {}).get("Code", "unknown"))
    status = int(exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _DENIED:
        # S3 says the same of what does not exist to whom may not list the bucket.
        return InputRefusedError(shown, "does not exist or may not be read by this deployment")
    if code in _MISSING:
        return _MissingError(shown, "does not exist", retryable=False, status=status)
    retryable = status >= 500 or status == 429 or code in _RETRYABLE
    return InputUnreachableError(shown, f"could not be read: {code}", retryable=retryable, status=status)
