"""Storing what a run made (DESIGN 4.3): the files, and the runtime's answer with their URLs in it."""

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any

from opentelemetry.trace import SpanKind

from queue_agent import spans
from queue_agent.aws import AwsCalls
from queue_agent.errors import ServiceError
from queue_agent.ports import JsonPath, Result, Stored
from s3io.errors import KeyTakenError
from s3io.media import sniff
from s3io.outputs import answer_key, delete_all, new_suffix, output_key, put_new

log = logging.getLogger(__name__)

# The four characters are taken by another attempt about once in a million times.
_MAX_SUFFIXES = 5
_PUTS_AT_ONCE = 8


class S3Outputs:
    """Puts outputs under `<prefix>/<id>/`; nothing that is there is ever overwritten."""

    def __init__(self, client: Any, bucket: str, calls: AwsCalls) -> None:
        self._client = client
        self._bucket = bucket
        self._calls = calls
        self._puts = asyncio.Semaphore(_PUTS_AT_ONCE)

    async def store(self, prefix: str, task_id: str, result: Result) -> Stored:
        """Store the files of a run, several at once, and then the answer with their URLs in it.

        Raises:
            ServiceError: S3 did not take them; what was stored is deleted again, as far as that works.
        """
        for _ in range(_MAX_SUFFIXES):
            stored = await self._try_store(prefix, task_id, new_suffix(), result)
            if stored is not None:
                return stored
        raise ServiceError(f"no free name under {prefix}/{task_id}/")

    async def discard(self, stored: Stored) -> None:
        """Delete what an attempt stored that has lost its claim, as far as that works."""
        await self._remove(stored.keys)

    async def _try_store(self, prefix: str, task_id: str, suffix: str, result: Result) -> Stored | None:
        named = [
            (output, output_key(prefix, task_id, suffix, n, media.extension), media.content_type)
            for n, output in enumerate(result.outputs, 1)
            for media in [sniff(output.data)]
        ]
        answer = answer_key(prefix, task_id, suffix)
        puts = await asyncio.gather(
            *(self._put(key, output.data, content_type) for output, key, content_type in named),
            return_exceptions=True,
        )
        failures: list[BaseException] = [put for put in puts if put is not None]
        # A put without an answer may have happened; one that met a taken key has not.
        ours = [
            key for (_, key, _), put in zip(named, puts, strict=True) if not isinstance(put, KeyTakenError)
        ]
        if not failures:
            urls = {output.path: self._url(key) for output, key, _ in named}
            try:
                text = await asyncio.to_thread(_answer_text, result.answer, urls)
                await self._put(answer, text, "application/json")
            except Exception as exc:  # noqa: BLE001 - raised again below, when the files are gone
                failures.append(exc)
                if not isinstance(exc, KeyTakenError):
                    ours.append(answer)
        if not failures:
            keys = [key for _, key, _ in named]
            return Stored([self._url(key) for key in keys], self._url(answer), [*keys, answer])
        await self._remove(ours)
        if any(isinstance(failure, KeyTakenError) for failure in failures):
            return None
        raise failures[0]

    async def _put(self, key: str, data: bytes, content_type: str) -> None:
        # Threads have to be left for the heartbeat, however many files there are and however slow S3 is.
        about: spans.Attributes = {"http.request.body.size": len(data), "darkroom.content_type": content_type}
        async with self._puts:
            with spans.step("store", kind=SpanKind.CLIENT, attributes=about):
                await self._calls(put_new, self._client, self._bucket, key, data, content_type)

    async def _remove(self, keys: Sequence[str]) -> None:
        try:
            left = await self._calls(delete_all, self._client, self._bucket, keys)
        except ServiceError as exc:
            log.warning("not deleted", extra={"action": "discard_failed", "keys": keys, "cause": str(exc)})
        else:
            if left:
                log.warning("not deleted", extra={"action": "discard_failed", "keys": left})

    def _url(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"


def _answer_text(answer: dict[str, Any], urls: dict[JsonPath, str]) -> bytes:
    for path, url in urls.items():
        place(answer, path, url)
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def place(document: Any, path: JsonPath, value: Any) -> None:
    """Set a value in a JSON document at a path whose parents exist."""
    parent = document
    for part in path[:-1]:
        parent = parent[part]
    parent[path[-1]] = value
