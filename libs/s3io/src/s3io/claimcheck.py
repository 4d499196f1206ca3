"""The claim check: what is too large for a message or a row waits in S3 (DESIGN 4.2).

This module must stay light: the validator's Lambda imports it, and neither httpx nor Pillow.
"""

import json
import re
from typing import Any

from botocore.exceptions import ClientError

from s3io.errors import (
    BadS3UriError,
    ClaimMissingError,
    ClaimRefusedError,
    ClaimTooLargeError,
    ClaimUnreadableError,
)
from s3io.reading import read_at_most
from s3io.uri import S3Uri

FOLDER = "tasks"

_SUBMISSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,127}")
_FILE = re.compile(_NAME.pattern + r"\.json")
_MISSING = frozenset({"NoSuchKey", "NoSuchBucket", "404"})


class ClaimCheck:
    """Keeps JSON values of tasks under `tasks/<submission>/` of one bucket; safe to use from several threads.

    `client` is a boto3 S3 client. Its own errors (`SDK_ERRORS`) pass through where they are not named below:
    the service is in trouble, not the value.
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, submission: str, name: str, value: Any) -> str:
        """Keep a JSON value and return its reference, `s3://<bucket>/tasks/<submission>/<name>.json`.

        A value of the same name is replaced: where two attempts may put different values, the name must tell
        them apart.

        Raises:
            ValueError: the submission or the name could not be a part of a key.
        """
        uri = self._uri(submission, name)
        body = _encoded(value)
        self._client.put_object(Bucket=uri.bucket, Key=uri.key, Body=body, ContentType="application/json")
        return str(uri)

    def ref(self, submission: str, name: str) -> str:
        """Return the reference that `put` gives a value, without asking anybody whether there is one.

        Raises:
            ValueError: the submission or the name could not be a part of a key.
        """
        return str(self._uri(submission, name))

    def get(self, ref: str, *, submission: str, limit: int) -> Any:
        """Return the value that `ref` stands for.

        Messages may come from whoever may publish to the topic, so the reference is trusted only inside the
        folder of its own submission (DESIGN 4.4).

        Args:
            ref: what `put` returned.
            submission: of the task that the reference came with.
            limit: bytes that the stored value may have.

        Raises:
            ClaimRefusedError: the reference is not in that folder of this bucket.
            ClaimMissingError: there is no such object.
            ClaimTooLargeError: it is larger than `limit`.
            ClaimUnreadableError: it is not JSON.
        """
        uri = self._own(ref, submission)
        try:
            answer = self._client.get_object(Bucket=uri.bucket, Key=uri.key)
        except ClientError as exc:
            if exc.response.get("Error", {}).get("Code") in _MISSING:
                raise ClaimMissingError(f"there is no {uri}") from exc
            raise
        body = read_at_most(answer, limit)
        if body is None:
            raise ClaimTooLargeError(f"{uri} has more than {limit} bytes")
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as exc:
            raise ClaimUnreadableError(f"{uri} is not JSON") from exc

    def _uri(self, submission: str, name: str) -> S3Uri:
        if _SUBMISSION.fullmatch(submission) is None or _NAME.fullmatch(name) is None:
            raise ValueError(f"no part of a key: {submission!r}, {name!r}")
        return S3Uri(self._bucket, f"{FOLDER}/{submission}/{name}.json")

    def _own(self, ref: str, submission: str) -> S3Uri:
        try:
            uri = S3Uri.parse(ref)
        except BadS3UriError as exc:
            raise ClaimRefusedError(f"the reference is not an S3 URI: {exc}") from exc
        folder, _, file = uri.key.rpartition("/")
        own = _SUBMISSION.fullmatch(submission) is not None and folder == f"{FOLDER}/{submission}"
        if uri.bucket != self._bucket or not own or _FILE.fullmatch(file) is None:
            raise ClaimRefusedError(f"{uri} is not in the folder of submission {submission}")
        return uri


def _encoded(value: Any) -> bytes:
    # Readers have the limits of requests, where a character takes three bytes that takes six in ASCII.
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        # A lone surrogate is good JSON and no UTF-8.
        return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")
