"""Outputs of tasks through this server: shown where they are pictures, and saved whatever they are.

The type that a browser is told comes from the bytes, never from the object or its name.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack

import httpx
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from console.context import Context
from console.errors import RefusedError
from console.ids import task_id
from console.outputs import Outputs, Pick, read_all
from console.rasters import Raster, UnshowableError, raster_of, whole_raster_of
from console.shared import LeftError, unless_left
from console.thumbnails import Thumbnail, Thumbnails
from darkroom_client import Output, Task
from s3io.pixels import BrokenImageError

log = logging.getLogger(__name__)

MAX_SHOWN = (
    128 * 1024 * 1024
)  # bytes of a picture that has to be held whole: for a thumbnail, or as its header is far in
HEAD = 64 * 1024  # bytes in which the header of nearly every picture is
_NOT_A_PICTURE = "not_a_picture"
_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]")
_CLIENT_LEFT = 499  # as proxies log it; nobody reads it


def routes(context: Context) -> Sequence[Route]:
    """Return the part's routes."""
    pictures = _Pictures(Outputs(context), Thumbnails())
    return [
        Route("/api/tasks/{id}/images/{n}", pictures.image),
        Route("/api/tasks/{id}/images/{n}/thumb", pictures.thumb),
    ]


class _Pictures:
    def __init__(self, outputs: Outputs, thumbnails: Thumbnails) -> None:
        self._outputs = outputs
        self._thumbnails = thumbnails

    async def image(self, request: Request) -> Response:
        """Answer with an output as it is: as a picture, or with `?download=1` as a file."""
        asked, number, submission = _asked(request)
        save = request.query_params.get("download") == "1"
        async with AsyncExitStack() as stack:
            opened = self._outputs.opened(asked, submission, _numbered(number))
            output, answer = await stack.enter_async_context(opened)
            chunks = answer.aiter_raw()
            headers = {}
            if length := _length(answer):
                headers["Content-Length"] = length
            if save:
                headers |= _attachment(output.name)
                content_type, head = "application/octet-stream", b""
            else:
                head, raster = await _shown(chunks)
                content_type = raster.content_type
            return _Streamed(head, chunks, content_type, headers, stack.pop_all())
        raise AssertionError  # an exit stack of ours swallows nothing

    async def thumb(self, request: Request) -> Response:
        """Answer with a small picture; one that its browser has given up is not made."""
        asked, number, submission = _asked(request)
        headers = {} if submission is None else _FOREVER
        thumbnail = None if submission is None else self._thumbnails.kept((submission, number))
        try:
            if thumbnail is None:
                thumbnail = await unless_left(request, self._thumbnail(asked, number, submission))
        except LeftError:
            return Response(status_code=_CLIENT_LEFT)
        except UnshowableError as exc:
            raise _unshown(exc) from None
        return Response(thumbnail.data, media_type=thumbnail.content_type, headers=headers)

    async def _thumbnail(self, asked: str, number: int, submission: str | None) -> Thumbnail:
        if submission is None:
            submission = (await self._outputs.looks.task(asked)).submission

        async def load() -> tuple[bytes, Raster]:
            async with self._outputs.opened(asked, submission, _numbered(number)) as (_, answer):
                data = await read_all(answer.aiter_raw(), MAX_SHOWN)
            if data is None:
                raise _too_large()
            return data, await asyncio.to_thread(whole_raster_of, data)

        return await self._thumbnails.get((submission, number), load)


class _Streamed(StreamingResponse):
    """Passes on what the store sends. If that breaks off, so does this, and the browser sees it."""

    def __init__(
        self,
        head: bytes,
        rest: AsyncIterator[bytes],
        content_type: str,
        headers: Mapping[str, str],
        closing: AsyncExitStack,
    ) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            if head:
                yield head
            async for chunk in rest:
                yield chunk

        super().__init__(chunks(), media_type=content_type, headers=headers)
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._closing:
            await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        """Send it; without its last message the server ends the connection."""
        try:
            await super().stream_response(send)
        except httpx.HTTPError as exc:
            log.warning("an output broke off on its way from the store: %s", type(exc).__name__)


async def _shown(chunks: AsyncIterator[bytes]) -> tuple[bytes, Raster]:
    """Read until it is known what picture it is; return what was read.

    Raises:
        RefusedError: it is none.
    """
    head = bytearray()
    looked = False
    try:
        async for chunk in chunks:
            head += chunk
            if len(head) > MAX_SHOWN:
                raise _too_large()
            if not looked and len(head) >= HEAD:
                looked = True
                try:
                    return bytes(head), await asyncio.to_thread(raster_of, bytes(head))
                except BrokenImageError:
                    log.debug("the header of a picture is longer than usual")
        return bytes(head), await asyncio.to_thread(whole_raster_of, bytes(head))
    except UnshowableError as exc:
        raise _unshown(exc) from None


def _asked(request: Request) -> tuple[str, int, str | None]:
    number = request.path_params["n"]
    if not (number.isascii() and number.isdigit() and len(number) <= 6):
        raise RefusedError.of(404, "not_found", "outputs are numbered, from 0")
    return task_id(request), int(number), request.query_params.get("s") or None


def _numbered(number: int) -> Pick:
    def pick(task: Task) -> Output:
        if number < len(task.images):
            return task.images[number]
        if number < (task.images_total or 0):
            message = (
                f"the API gives addresses of the first {len(task.images)} outputs only; the .out names all"
            )
            raise RefusedError.of(404, "not_found", message)
        raise RefusedError.of(404, "not_found", f"task {task.id} has no output of this number")

    return pick


def _length(answer: httpx.Response) -> str | None:
    length: str = answer.headers.get("content-length", "")
    return length if length.isascii() and length.isdigit() else None


def _attachment(name: str) -> dict[str, str]:
    safe = _NOT_IN_NAMES.sub("_", name).lstrip(".") or "output"
    return {
        "Content-Disposition": f'attachment; filename="{safe}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }


def _too_large() -> UnshowableError:
    return UnshowableError(f"it has more than {MAX_SHOWN // 2**20} MiB: it can only be saved")


def _unshown(error: UnshowableError) -> RefusedError:
    return RefusedError.of(415, _NOT_A_PICTURE, str(error))
