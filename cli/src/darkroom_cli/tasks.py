"""Posting requests, hearing of their end, and fetching what came out."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import ValidationError

from darkroom_cli.bodies import Request
from darkroom_cli.errors import NoAnswerError, RefusedError
from local.clients import Clients
from local.inbox import open_inbox
from local.state import State
from task_schema import Notification, Refusal

POST_TIMEOUT = 30.0  # seconds
POST_TRIES = 4  # the API says of 429, 502 and 503 that the same request is safe to send again
LONGEST_PAUSE = 5.0  # seconds between two tries
_AGAIN = (429, 502, 503, 504)


@dataclass(frozen=True)
class Picture:
    """One output of a task."""

    url: str
    data: bytes

    @property
    def extension(self) -> str:
        """The extension that the system gave it, with its dot."""
        _, dot, extension = self.url.rpartition(".")
        return f"{dot}{extension}" if dot else ""


@dataclass(frozen=True)
class Outcome:
    """How one request went: refused, ended (with the seconds from POST to notification), or not heard of."""

    request: Request
    refused: Exception | None = None
    notification: Notification | None = None
    seconds: float | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.refused is not None or self.notification is not None


type Watch = Callable[[Request, str], None]


class Desk:
    """One system's API, notifications and output bucket."""

    def __init__(self, state: State, *, clients: Clients | None = None) -> None:
        self._state = state
        self._clients = clients or Clients(state.aws_url)

    async def post(self, request: Request) -> dict[str, Any]:
        """Post a request; return the answer.

        Raises:
            RefusedError: the API does not take it.
            NoAnswerError: what answers is not the API.
        """
        url = f"{self._state.endpoint}{request.version}"
        headers = {"x-api-key": self._state.api_key}
        async with httpx.AsyncClient(trust_env=False, timeout=POST_TIMEOUT) as http:
            for left in reversed(range(POST_TRIES)):
                answer = await http.post(url, json=request.body, headers=headers)
                if answer.status_code not in _AGAIN or not left:
                    break
                await asyncio.sleep(_pause(answer))
        if answer.is_success:
            accepted: dict[str, Any] = answer.json()
            return accepted
        raise _refusal(answer)

    async def run(
        self, requests: Sequence[Request], *, timeout: float, watch: Watch = lambda *_: None
    ) -> list[Outcome]:
        """Post requests one after the other, and wait at most `timeout` seconds until all have ended.

        `watch` is told of each change: "waiting", then "done", "failed" or "refused".
        """
        outcomes = {request.id: Outcome(request) for request in requests}
        posted: dict[str, float] = {}
        deadline = time.monotonic() + timeout
        opening = open_inbox(self._clients, self._state.notifications_topic, ids=list(outcomes))
        inbox = await asyncio.to_thread(opening.__enter__)
        try:
            listening = asyncio.create_task(self._hear(inbox, outcomes, posted, deadline, watch))
            try:
                for request in requests:
                    posted[request.id] = time.monotonic()
                    try:
                        await self.post(request)
                    except (RefusedError, NoAnswerError) as exc:
                        outcomes[request.id] = Outcome(request, refused=exc)
                        watch(request, "refused")
                    else:
                        if not outcomes[request.id].over:  # some are faster than their own POST's answer
                            watch(request, "waiting")
                await listening
            finally:
                listening.cancel()
        finally:
            await asyncio.to_thread(opening.__exit__, None, None, None)
        return list(outcomes.values())

    async def _hear(
        self,
        inbox: Any,
        outcomes: dict[str, Outcome],
        posted: dict[str, float],
        deadline: float,
        watch: Watch,
    ) -> None:
        while not all(outcome.over for outcome in outcomes.values()) and time.monotonic() < deadline:
            for heard in await asyncio.to_thread(inbox.receive):
                outcome = outcomes.get(heard.notification.id)
                if outcome is None or outcome.over:
                    continue
                seconds = heard.at - posted[outcome.request.id]
                outcomes[outcome.request.id] = Outcome(
                    outcome.request, notification=heard.notification, seconds=seconds
                )
                watch(outcome.request, "done" if heard.notification.result else "failed")

    async def pictures(self, notification: Notification) -> list[Picture]:
        """Fetch all that a notification names."""
        return [Picture(url, await asyncio.to_thread(self._get, url)) for url in notification.image_url]

    def _get(self, url: str) -> bytes:
        bucket, _, key = url.removeprefix("s3://").partition("/")  # not urlsplit: a key may have ? and #
        answer = self._clients.client("s3").get_object(Bucket=bucket, Key=key)
        body: bytes = answer["Body"].read()
        return body


def numbered(path: Path, number: int, extension: str = "") -> Path:
    """Return where the picture of that number goes: the first to `path`, the next beside it.

    `extension` is appended; without one the path has its own.
    """
    stem, suffix = (path.name, extension) if extension else (path.stem, path.suffix)
    return path.with_name(f"{stem}{'' if number == 1 else f'-{number}'}{suffix}")


def _pause(answer: httpx.Response) -> float:
    asked = answer.headers.get("retry-after", "")
    return min(float(asked) if asked.isdigit() else 1.0, LONGEST_PAUSE)


def _refusal(answer: httpx.Response) -> Exception:
    try:
        refusal = Refusal.model_validate_json(answer.content)
    except ValidationError:
        return NoAnswerError(f"the API answered {answer.status_code}: {answer.text[:300]}")
    return RefusedError(answer.status_code, refusal.errors or [refusal.error])
