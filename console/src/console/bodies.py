"""Bodies of requests, up to a limit: nothing larger is ever held in memory."""

from starlette.requests import ClientDisconnect, Request

from console.errors import RefusedError


async def read_body(request: Request, limit: int, *, hint: str = "") -> bytes:
    """Return the body of a request.

    Args:
        request: whose body nobody has read.
        limit: bytes that it may have.
        hint: what to do where it has more, for people.

    Raises:
        RefusedError: 413 `too_large`; 400 where it ends too early.
    """
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and (len(declared) > 18 or int(declared) > limit):
        raise _too_large(limit, hint)
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise _too_large(limit, hint)
            parts.append(part)
    except ClientDisconnect:
        raise RefusedError.of(400, "bad_value", "the body ended too early") from None
    return b"".join(parts)


def _too_large(limit: int, hint: str) -> RefusedError:
    message = f"the body may have {limit} bytes" + (f"; {hint}" if hint else "")
    return RefusedError.of(413, "too_large", message)
