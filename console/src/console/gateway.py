"""Requests that are passed on to the API as they are, and its answers that are passed back as they are."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from console.errors import KEY_REFUSED, UnavailableError
from darkroom_client import Connection

TIMEOUT_SECONDS = 20.0  # a Lambda function that starts cold takes a few
_TRIES = 2
_PAUSE_SECONDS = 0.3
_AGAIN = {502, 503, 504}


@dataclass(frozen=True)
class Reply:
    """The API's answer; `said` is its body, a JSON object."""

    status: int
    body: bytes
    said: Mapping[str, Any]
    headers: Mapping[str, str]


class Gateway:
    """Sends what a page posted, with the key that the page does not have."""

    def __init__(self, connection: Connection, http: httpx.AsyncClient) -> None:
        self._connection = connection
        self._http = http

    async def submit(self, body: bytes) -> Reply:
        """Post a task of v1alpha2.

        It goes out with an idempotency key of its own: sent again since no answer came, it is no second task.

        Raises:
            UnavailableError: no answer, none of the API, or the API does not take the key.
        """
        headers = {"content-type": "application/json", "idempotency-key": secrets.token_hex(16)}
        for left in reversed(range(_TRIES)):
            try:
                answer = await self._http.post(
                    self._connection.url("v1alpha2"),
                    headers=self._connection.headers(headers),
                    content=body,
                    timeout=TIMEOUT_SECONDS,
                )
            except httpx.RequestError as exc:
                if not left:
                    raise UnavailableError(f"the API does not answer: {type(exc).__name__}") from None
            else:
                if answer.status_code not in _AGAIN or not left:
                    break
            await asyncio.sleep(_PAUSE_SECONDS)
        return _reply(answer)


def _reply(answer: httpx.Response) -> Reply:
    status = answer.status_code
    if status in (401, 403):
        raise UnavailableError(KEY_REFUSED)
    try:
        said = json.loads(answer.content)
    except (ValueError, RecursionError):
        said = None
    refuses = isinstance(said, dict) and isinstance(said.get("error"), dict)
    if not isinstance(said, dict) or (status >= 300 and not refuses):
        raise UnavailableError(f"what answered is not the API ({status})")
    passed = {name: answer.headers[name] for name in ("retry-after",) if name in answer.headers}
    return Reply(status, answer.content, said, passed)
