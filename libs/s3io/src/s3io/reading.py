import time
from typing import Any

_CHUNK = 256 * 1024  # bytes


def read_at_most(answer: Any, limit: int, *, deadline: float | None = None) -> bytes | None:
    """Return the body of a `get_object` answer, none if it has more than `limit` bytes.

    Stops at the announced length where it is too much, and by count whatever was announced. The connection
    is let go of in every case.

    Args:
        answer: of boto3.
        limit: bytes.
        deadline: of `time.monotonic()`; none for no limit but the client's own.

    Raises:
        TimeoutError: the deadline has passed.
    """
    body = answer["Body"]
    try:
        if answer.get("ContentLength", 0) > limit:
            return None
        chunks, size = [], 0
        while chunk := body.read(min(_CHUNK, limit + 1 - size)):
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                return None
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError
        return b"".join(chunks)
    finally:
        body.close()
