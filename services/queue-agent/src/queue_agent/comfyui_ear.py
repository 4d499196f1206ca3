"""Listening to ComfyUI's websocket: it says how far a prompt is and when to look, never how it failed.

The truth is in `/history` and `/queue`. A socket can be refused, cut, or go deaf without a sign (runtimes.md
ComfyUI 14); then the agent only hears later what it asks for anyway.
"""

import asyncio
import contextlib
import json
import logging
import uuid
from collections.abc import Iterator
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from queue_agent.comfyui_events import PromptEvents

MAX_MESSAGE_BYTES = 256 * 1024 * 1024  # an execution_error repeats the failed node's inputs
RECONNECT_SECONDS = 1.0
OPEN_TIMEOUT = 5.0  # seconds

log = logging.getLogger(__name__)


class Ear:
    """One websocket that stays open from prompt to prompt, so that none waits for it.

    Each connection has a client id of its own: a second socket under the same id can be made deaf by the
    first one's end. A prompt that was submitted under an earlier id is heard no more; asking tells its end.

    Args:
        url: of the websocket.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._client_id = uuid.uuid4().hex
        self._prompts: dict[str, PromptEvents] = {}
        self._opened = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()  # sockets that say goodbye

    @property
    def client_id(self) -> str:
        """Under which a prompt has to be submitted to be heard."""
        return self._client_id

    async def open(self, *, timeout: float) -> None:
        """See that the socket is open, but do not wait for ever: it is not needed."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        if not self._opened.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._opened.wait(), timeout)

    @contextlib.contextmanager
    def attending(self, events: PromptEvents) -> Iterator[None]:
        """Pass on what is heard of a prompt."""
        self._prompts[events.prompt_id] = events
        try:
            yield
        finally:
            self._prompts.pop(events.prompt_id, None)

    def doubt(self, client_id: str) -> None:
        """Open another socket where this id is still in use: a prompt under it has ended without a word."""
        if client_id == self._client_id and self._listening is not None:
            log.info("the runtime's websocket is deaf", extra={"action": "websocket_deaf"})
            self._ending.add(self._listening)
            self._listening.add_done_callback(self._ending.discard)
            self._listening.cancel()
            self._forget()
            self._listening = asyncio.create_task(self._listen())

    async def aclose(self) -> None:
        """Stop listening."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, *self._ending, return_exceptions=True)

    async def _listen(self) -> None:
        """Listen until cancelled; open a socket again when one ends, as long as it takes."""
        while True:
            try:
                await self._hear(self._client_id)
            except (OSError, TimeoutError, WebSocketException) as exc:
                log.debug("the runtime's websocket ended", extra={"reason": str(exc)})
            self._forget()
            for events in self._prompts.values():
                events.wake.set()  # the runtime may have ended too
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _hear(self, client_id: str) -> None:
        # No Origin (a foreign one is refused) and no proxy. No pings: a node that keeps Python busy would
        # delay the answer, and a socket that has died unnoticed costs little.
        async with connect(
            f"{self._url}?{urlencode({'clientId': client_id})}",
            max_size=MAX_MESSAGE_BYTES,
            open_timeout=OPEN_TIMEOUT,
            close_timeout=RECONNECT_SECONDS,
            ping_interval=None,
            proxy=None,
            compression=None,
        ) as socket:
            await self._take_all(socket)

    async def _take_all(self, socket: ClientConnection) -> None:
        async for message in socket:
            # The first one is the greeting: from now on the server knows whom to tell.
            self._opened.set()
            if isinstance(message, str):  # previews are binary
                self._take(message)

    def _take(self, message: str) -> None:
        try:
            event = json.loads(message)
        except (ValueError, RecursionError):
            return
        kind, data = (event.get("type"), event.get("data")) if isinstance(event, dict) else (None, None)
        prompt_id = data.get("prompt_id") if isinstance(data, dict) else None
        events = self._prompts.get(prompt_id) if isinstance(prompt_id, str) else None
        if events is not None and isinstance(kind, str) and isinstance(data, dict):
            events.take(kind, data)

    def _forget(self) -> None:
        self._client_id = uuid.uuid4().hex
        self._opened.clear()
