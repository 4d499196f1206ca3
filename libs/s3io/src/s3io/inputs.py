"""Fetching what links in a request lead to (DESIGN 4.4)."""

import asyncio
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from netguard import AddressGuard, GuardedTransport, safe_url
from s3io.errors import InputRefusedError, InputTooLargeError, InputUnreachableError
from s3io.limits import InputLimits
from s3io.media import MediaType, sniff
from s3io.pixels import BrokenImageError, count_pixels
from s3io.s3_inputs import AllowedPlaces, parse_link, parse_upload, read_object, read_upload
from s3io.web_inputs import read_web
from task_schema import names_upload

__all__ = ["FetchedInput", "InputFetcher", "InputLimits", "is_link"]

_WORD = r"[^\s\x00-\x1f\x7f]"
# The key of an S3 URL is not percent-decoded, so that one with spaces can only be written with spaces.
_LINK = re.compile(
    rf"(?:https?|s3)://{_WORD}+|s3://[^\s\x00-\x1f\x7f/]+/{_WORD}*(?: +{_WORD}+)+", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class FetchedInput:
    """What a link led to. Neither the link, which may hold secrets, nor the data is part of the repr."""

    url: str = field(repr=False)
    data: bytes = field(repr=False)
    media: MediaType


def is_link(text: str) -> bool:
    """Tell whether a text is, as a whole, an http, https or s3 URL or names an upload; a data URL is not.

    The key of an s3 URL is taken as it stands: it may have spaces within. What starts as the name of an
    upload is none of a runtime's business, so that a malformed one is a link too, which cannot be fetched.
    """
    return names_upload(text) or _LINK.fullmatch(text) is not None


class InputFetcher:
    """Fetches links within limits; any number of fetches at once.

    Args:
        s3_client: a boto3 S3 client, called in threads.
        s3_allowed: `bucket` or `bucket/prefix` of what `s3://` links may name; nothing by default.
        allowed_hosts: hosts and networks that may be fetched from though they are not public.
        http: a transport to use instead, with a guard of its own; `allowed_hosts` is empty then.
        limits: of each input.
        uploads: the bucket whose folder `uploads/` is what `upload://` names; none: no upload can be had.

    Raises:
        ValueError: an entry of `s3_allowed` or `allowed_hosts` is malformed, or both ways of saying which
            hosts are allowed are used.
    """

    def __init__(
        self,
        *,
        s3_client: Any,
        s3_allowed: Iterable[str] = (),
        allowed_hosts: Iterable[str] = (),
        http: GuardedTransport | None = None,
        limits: InputLimits | None = None,
        uploads: str | None = None,
    ) -> None:
        guard = AddressGuard(allowed := tuple(allowed_hosts))
        if http is not None and allowed:
            raise ValueError("a transport comes with its own guard: say there which hosts are allowed")
        self._http = http or GuardedTransport(guard)
        self._s3 = s3_client
        self._s3_allowed = AllowedPlaces(s3_allowed)
        self._limits = limits or InputLimits()
        self._uploads = uploads

    async def fetch(self, url: str) -> FetchedInput:
        """Return what a link leads to.

        Raises:
            InputUnreachableError: there is no (whole) answer; `retryable` tells whether there may be later.
            InputRefusedError: the link leads where it must not, or to what is not taken.
            InputTooLargeError: it has too many bytes or pixels.
        """
        shown = safe_url(url)
        limit = self._limits.total_seconds
        try:
            async with asyncio.timeout(limit):
                data = await self._read(url, shown)
                return await asyncio.to_thread(self._examined, url, shown, data)
        except TimeoutError as exc:
            raise InputUnreachableError(shown, f"took longer than {limit:g} s", retryable=True) from exc

    async def _read(self, url: str, shown: str) -> bytes:
        if not is_link(url):
            raise InputRefusedError(shown, "is not an http, https or s3 URL")
        # A thread cannot be cancelled: it gets the same deadline.
        deadline = time.monotonic() + self._limits.total_seconds
        if names_upload(url):
            uri = parse_upload(url, shown, self._uploads)
            return await asyncio.to_thread(read_upload, self._s3, uri, shown, self._limits, deadline=deadline)
        if url[:2].lower() != "s3":
            return await read_web(self._http, url, self._limits)
        uri = parse_link(url, shown, self._s3_allowed)
        return await asyncio.to_thread(read_object, self._s3, uri, shown, self._limits, deadline=deadline)

    def _examined(self, url: str, shown: str, data: bytes) -> FetchedInput:
        if not data:
            raise InputRefusedError(shown, "is empty")
        media = sniff(data)
        try:
            pixels = count_pixels(data, media)
        except BrokenImageError as exc:
            raise InputRefusedError(shown, f"is a broken image ({media.content_type})") from exc
        if pixels is not None and pixels > self._limits.max_pixels:
            raise InputTooLargeError(shown, f"has more than {self._limits.max_pixels} pixels")
        return FetchedInput(url, data, media)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
