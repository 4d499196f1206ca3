import ssl

import httpx

from netguard import (
    GuardedTransport,
    HostUnresolvedError,
    NetguardError,
    TooManyRedirectsError,
    safe_url,
    stream_following,
)
from s3io.decoding import DecodingError, decoder_of
from s3io.errors import InputRefusedError, InputTooLargeError, InputUnreachableError
from s3io.limits import InputLimits

# Encodings save nothing on pictures, and a small answer could become a large one.
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "darkroom"}

# Of the client errors these say "not now".
_RETRYABLE_STATUS = frozenset({408, 425, 429})


async def read_web(transport: GuardedTransport, url: str, limits: InputLimits) -> bytes:
    """Return what an http(s) URL answers, within the limits except the total time.

    Raises:
        InputError: there is no whole answer with a status of success, or it is refused or too large.
    """
    shown = safe_url(url)
    try:
        async with stream_following(
            transport,
            url,
            headers=_HEADERS,
            timeout=httpx.Timeout(limits.step_seconds),
            max_redirects=limits.max_redirects,
        ) as response:
            _check_status(response, shown)
            return await _read(response, shown, limits.max_bytes)
    except HostUnresolvedError as exc:
        reason = f"cannot be fetched: {exc}"
        raise InputUnreachableError(shown, reason, retryable=exc.temporary) from exc
    except TooManyRedirectsError as exc:
        reason = f"is redirected more than {limits.max_redirects} times"
        raise InputUnreachableError(shown, reason, retryable=False) from exc
    except NetguardError as exc:
        raise InputRefusedError(shown, f"must not be fetched: {exc}") from exc
    except httpx.TimeoutException as exc:
        raise InputUnreachableError(shown, "did not answer in time", retryable=True) from exc
    except (httpx.RequestError, httpx.InvalidURL) as exc:
        if _is_certificate_error(exc):
            reason = "has a certificate that cannot be verified"
            raise InputUnreachableError(shown, reason, retryable=False) from exc
        raise InputUnreachableError(shown, "cannot be connected to or broke off", retryable=True) from exc


def _check_status(response: httpx.Response, shown: str) -> None:
    status = response.status_code
    if not response.is_success:
        retryable = status >= 500 or status in _RETRYABLE_STATUS
        raise InputUnreachableError(shown, f"answered {status}", retryable=retryable, status=status)


async def _read(response: httpx.Response, shown: str, limit: int) -> bytes:
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(shown, limit)
    chunks: list[bytes] = []
    received = size = 0
    try:
        decoder = decoder_of(response.headers.get("Content-Encoding", ""))
        async for raw in response.aiter_raw():
            received += len(raw)
            chunk = decoder.feed(raw, limit - size)
            chunks.append(chunk)
            size += len(chunk)
            # Both: an encoding may also hide that nothing ever comes out.
            if max(size, received) > limit:
                raise _too_large(shown, limit)
        decoder.finish()
    except DecodingError as exc:
        raise InputRefusedError(shown, str(exc)) from exc
    return b"".join(chunks)


def _too_large(shown: str, limit: int) -> InputTooLargeError:
    return InputTooLargeError(shown, f"has more than {limit} bytes")


def _is_certificate_error(exc: BaseException) -> bool:
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
