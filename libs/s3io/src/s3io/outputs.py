"""Outputs of tasks (DESIGN 4.3): their keys, and puts that never overwrite."""

import random
import secrets
import string
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from s3io.errors import KeyTakenError
from s3io.uri import S3Uri

SUFFIX_LENGTH = 4
PUT_TRIES = 5  # while S3 answers that another conditional write is under way
DELETE_BATCH = 1000  # keys in one request, S3's own limit

_SUFFIX_ALPHABET = string.ascii_lowercase + string.digits
_FIRST_PAUSE = 0.05  # seconds
_WRITER = "darkroom-writer"


def new_suffix() -> str:
    """Return four random characters of `a-z0-9`: the same for all outputs of one attempt."""
    return "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(SUFFIX_LENGTH))


def output_key(prefix: str, id: str, suffix: str, n: int, ext: str) -> str:  # noqa: A002 - the contract's word
    """Return the key of output number `n`, counted from 1: `<prefix>/<id>/<id>-<suffix>-<n>.<ext>`."""
    if n < 1:
        raise ValueError("outputs are numbered from 1")
    return f"{_folder(prefix, id)}/{id}-{suffix}-{n}.{ext.removeprefix('.')}"


def answer_key(prefix: str, id: str, suffix: str) -> str:  # noqa: A002 - the contract's word
    """Return the key of the runtime's whole answer: `<prefix>/<id>/<id>-<suffix>.out`."""
    return f"{_folder(prefix, id)}/{id}-{suffix}.out"


def put_new(client: Any, bucket: str, key: str, data: bytes, content_type: str) -> str:
    """Store an object under a key that has none, and return its `s3://` URL.

    Safe to call from several threads.

    Raises:
        KeyTakenError: there is an object, which is left as it is.
        botocore.exceptions.ClientError: S3 refused for another reason.
    """
    # The SDK sends a put again whose answer got lost; if the first had worked, the second meets an object
    # of its own, which is told by this mark.
    writer = uuid.uuid4().hex
    for pause in _pauses():
        try:
            client.put_object(
                Bucket=bucket,
                Key=key,
                Body=data,
                ContentType=content_type,
                IfNoneMatch="*",
                Metadata={_WRITER: writer},
            )
        except ClientError as exc:
            status = _status(exc)
            if status == 412:
                if _is_ours(client, bucket, key, writer):
                    break
                raise KeyTakenError(bucket, key) from exc
            if status != 409 or pause is None:
                raise
            time.sleep(pause)
        else:
            break
    return str(S3Uri(bucket, key))


def delete_all(client: Any, bucket: str, keys: Sequence[str]) -> Sequence[str]:
    """Delete objects, as an attempt does that has lost its task; return the keys that could not be deleted.

    Keys without an object count as deleted. Safe to call from several threads.

    Raises:
        botocore.exceptions.ClientError: S3 refused a whole request.
    """
    kept: list[str] = []
    for start in range(0, len(keys), DELETE_BATCH):
        batch = [{"Key": key} for key in keys[start : start + DELETE_BATCH]]
        answer = client.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        kept.extend(error["Key"] for error in answer.get("Errors", ()))
    return kept


def _folder(prefix: str, task_id: str) -> str:
    return f"{prefix}/{task_id}" if prefix else task_id


def _pauses() -> Iterator[float | None]:
    """Yield how long to pause after each try, none after the last."""
    for n in range(PUT_TRIES - 1):
        yield _FIRST_PAUSE * 2**n * random.uniform(0.5, 1.5)
    yield None


def _is_ours(client: Any, bucket: str, key: str, writer: str) -> bool:
    try:
        head = client.head_object(Bucket=bucket, Key=key)
    except ClientError:
        return False
    return bool(head.get("Metadata", {}).get(_WRITER) == writer)


def _status(exc: ClientError) -> int:
    return int(exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
