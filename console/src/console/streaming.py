"""`GET /api/events`: a mailbox of the feed as an answer that ends with the page, or with the server."""

import asyncio
import contextlib

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from console.feed import Feed, Mailbox

_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")],
}


class EventStream(Response):
    """The stream of one page."""

    media_type = "text/event-stream"

    def __init__(self, feed: Feed) -> None:
        super().__init__()
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's shape
        """Send events until the page is gone or the feed is closed."""
        with self._feed.listening() as mailbox:
            gone = asyncio.create_task(_close_when_gone(mailbox, receive))
            try:
                await send(_START)
                async with contextlib.aclosing(mailbox.events()) as events:
                    async for event in events:
                        await send({"type": "http.response.body", "body": event, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
            finally:
                gone.cancel()


async def _close_when_gone(mailbox: Mailbox, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    mailbox.close()
