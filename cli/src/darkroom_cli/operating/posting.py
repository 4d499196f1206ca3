"""Posting requests of both versions of the API."""

import time
from collections.abc import Callable

import httpx
from pydantic import ValidationError

from darkroom_cli.bodies import Request
from darkroom_cli.errors import NoAnswerError, RefusedError
from darkroom_client import Connection
from task_schema import Refusal

TIMEOUT = 30.0  # seconds
TRIES = 5
_AGAIN = (429, 502, 503, 504)  # the API says of these that the same request is safe to send again
_LONGEST_PAUSE = 5.0  # seconds

type Sleep = Callable[[float], None]


def post(connection: Connection, request: Request, *, sleep: Sleep = time.sleep) -> None:
    """Post a request, and again while the API is busy.

    Raises:
        RefusedError: the API does not take it.
        NoAnswerError: it was not reached, or what answers is not the API.
    """
    answer = None
    for left in reversed(range(TRIES)):
        try:
            answer = httpx.post(
                connection.url(request.version),
                json=request.body,
                headers=connection.headers({}),
                timeout=TIMEOUT,
                trust_env=connection.proxies,
            )
        except httpx.RequestError as exc:
            if not left:
                raise NoAnswerError(f"the API was not reached: {type(exc).__name__}: {exc}") from exc
        if answer is not None and answer.status_code not in _AGAIN:
            break
        if left:
            sleep(_pause(answer))
    assert answer is not None, "the last try raises"
    if not answer.is_success:
        raise _refusal(answer)


def _pause(answer: httpx.Response | None) -> float:
    asked = answer.headers.get("retry-after", "") if answer is not None else ""
    return min(float(asked) if asked.isdigit() else 1.0, _LONGEST_PAUSE)


def _refusal(answer: httpx.Response) -> Exception:
    try:
        refusal = Refusal.model_validate_json(answer.content)
    except ValidationError:
        return NoAnswerError(f"the API answered {answer.status_code}: {answer.text[:300]}")
    return RefusedError(answer.status_code, refusal.errors or [refusal.error])
