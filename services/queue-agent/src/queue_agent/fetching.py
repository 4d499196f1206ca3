"""Fetching the inputs of one task: several at once, again where that may help, and not without bounds."""

import asyncio
import logging
from collections.abc import Sequence
from urllib.parse import urlsplit

from opentelemetry.trace import SpanKind

from queue_agent import spans
from queue_agent.errors import TaskFailedError
from queue_agent.ports import Fetcher
from s3io.errors import InputError
from s3io.inputs import FetchedInput
from task_schema import TaskCode, names_upload

log = logging.getLogger(__name__)

PAUSES = (0.5, 2.0)  # seconds before an input is fetched again that may be there later
AT_ONCE = 4
# All inputs of one task are in memory together, and more than once while a request is made of them.
MAX_TOTAL_BYTES = 128 * 1024 * 1024
TOTAL_SECONDS = 180.0
_MAX_CHARS = 253  # of a host's name


class Inputs:
    """Fetches what the links of a task lead to, within limits for all of them together."""

    def __init__(
        self,
        fetcher: Fetcher,
        *,
        at_once: int = AT_ONCE,
        max_bytes: int = MAX_TOTAL_BYTES,
        seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._fetcher = fetcher
        self._at_once = at_once
        self._max_bytes = max_bytes
        self._seconds = seconds

    async def fetch(self, urls: Sequence[str]) -> dict[str, FetchedInput]:
        """Return what each link leads to.

        Raises:
            TaskFailedError: one cannot be had, or all together are too large or take too long.
        """
        waiting = list(reversed(dict.fromkeys(urls)))
        found: dict[str, FetchedInput] = {}
        fetches = [
            asyncio.create_task(self._work_off(waiting, found))
            for _ in range(min(self._at_once, len(waiting)))
        ]
        try:
            async with asyncio.timeout(self._seconds):
                await asyncio.gather(*fetches)
        except InputError as exc:
            raise TaskFailedError(TaskCode(exc.code), str(exc)) from exc
        except TimeoutError as exc:
            message = f"the inputs took together longer than {self._seconds:g} seconds"
            raise TaskFailedError(TaskCode.INPUT_UNREACHABLE, message) from exc
        finally:
            for fetch in fetches:
                fetch.cancel()
        return found

    async def _work_off(self, waiting: list[str], found: dict[str, FetchedInput]) -> None:
        while waiting:
            url = waiting.pop()
            with spans.step("fetch input", kind=SpanKind.CLIENT, attributes=_place(url)) as span:
                found[url] = await self._fetch_one(url)
                span.set_attribute("http.response.body.size", len(found[url].data))
            if sum(len(fetched.data) for fetched in found.values()) > self._max_bytes:
                message = f"the inputs have together more than {self._max_bytes} bytes"
                raise TaskFailedError(TaskCode.INPUT_TOO_LARGE, message)

    async def _fetch_one(self, url: str) -> FetchedInput:
        for pause in PAUSES:
            try:
                return await self._fetcher.fetch(url)
            except InputError as exc:
                if not exc.retryable:
                    raise
                log.info("fetching again", extra={"action": "input_retry", "url": exc.url, "pause": pause})
                await asyncio.sleep(pause)
        return await self._fetcher.fetch(url)


def _place(url: str) -> dict[str, str]:
    """Say where an input lies, and no more: paths and queries of links may be secrets."""
    try:
        parts = urlsplit(url)
        place = "" if names_upload(url) else parts.hostname or ""
        return {"url.scheme": parts.scheme, "server.address": place[:_MAX_CHARS]}
    except ValueError:
        return {}
