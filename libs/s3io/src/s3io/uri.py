import re
from dataclasses import dataclass
from typing import Self

from s3io.errors import BadS3UriError

SCHEME = "s3://"
MAX_KEY_BYTES = 1024  # S3's own

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class S3Uri:
    """Where an object is. `str` of it is `s3://<bucket>/<key>`; `parse` reads that back."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `s3://<bucket>/<key>`; the key is taken as it stands, without percent-decoding.

        Keys with the segments `.` and `..` are legal in S3 and refused here: HTTP libraries resolve them on
        the way, so that another object than the one that was checked would be asked for.

        Raises:
            BadS3UriError: it is anything else.
        """
        if not text.startswith(SCHEME):
            raise BadS3UriError("an S3 URI starts with s3://")
        bucket, _, key = text.removeprefix(SCHEME).partition("/")
        if _BUCKET.fullmatch(bucket) is None or ".." in bucket:
            raise BadS3UriError("the S3 URI has no valid bucket name")
        if not key or _encoded_length(key) > MAX_KEY_BYTES:
            raise BadS3UriError(f"the key of an S3 URI has 1 to {MAX_KEY_BYTES} bytes")
        if _CONTROL.search(key) or not {".", ".."}.isdisjoint(key.split("/")):
            raise BadS3UriError("the key of the S3 URI has a control character or a segment `.` or `..`")
        return cls(bucket, key)

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}"


def _encoded_length(key: str) -> int:
    try:
        return len(key.encode())
    except UnicodeEncodeError as exc:
        raise BadS3UriError("the key of the S3 URI is not UTF-8") from exc
