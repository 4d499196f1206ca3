"""The way by which runs are sent: a connection that is open before the request is there.

Between two runs the GPU waits for this, so a client library's milliseconds are left out: the request goes out
in one write, and the answer is handed on as soon as its head is there. The protocol is h11's, httpx's
own.
"""

import asyncio
import base64
import contextlib
import select
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import h11

from queue_agent import spans
from queue_agent.errors import RuntimeLostError, RuntimeRefusedStartError
from queue_agent.runtime_reply import Reply, describe

Headers = Sequence[tuple[str, str]]

CONNECT_TIMEOUT = 5.0  # seconds
TAIL_TIMEOUT = 300.0  # seconds for the rest of an answer that has begun, on the same machine

_BROKEN = (OSError, h11.RemoteProtocolError)

_BUFFER = 1024 * 1024  # bytes that wait here before the runtime has to
_CHUNK = 256 * 1024  # bytes read at once
_SMALL = 64 * 1024  # bytes that are copied sooner than sent on their own


class Answering:
    """An answer of which only the head has come yet."""

    def __init__(self, status: int, exchange: "_Exchange") -> None:
        self.status = status
        self._exchange = exchange

    async def rest(self) -> Reply:
        """Read the body. Raises RuntimeLostError where it is cut off or does not come."""
        try:
            async with asyncio.timeout(TAIL_TIMEOUT):
                return Reply(self.status, await self._exchange.body())
        except TimeoutError as exc:
            raise RuntimeLostError("the runtime's answer did not come to its end") from exc
        except _BROKEN as exc:
            raise RuntimeLostError(f"the runtime's answer was cut off: {describe(exc)}") from exc


class _Exchange:
    """One request and its answer, by h11's rules."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._protocol = h11.Connection(our_role=h11.CLIENT)

    def request(self, target: str, headers: Headers, body: bytes) -> list[bytes]:
        """Return what has to be sent for a POST, in parts; the body is not copied."""
        head = h11.Request(
            method="POST", target=target, headers=[*headers, ("Content-Length", str(len(body)))]
        )
        parts = [self._protocol.send(head)]
        parts += self._protocol.send_with_data_passthrough(h11.Data(data=body)) or []
        self._protocol.send(h11.EndOfMessage())
        return [bytes(part) for part in parts if part]

    async def head(self) -> int:
        """Return the status as soon as the answer's head is there."""
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event.status_code

    async def body(self) -> bytes:
        body = bytearray()
        while not isinstance(event := await self._next(), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                body += event.data
        return bytes(body)

    async def _next(self) -> object:
        while (event := self._protocol.next_event()) is h11.NEED_DATA:
            self._protocol.receive_data(await self._reader.read(_CHUNK))
        return event


@dataclass(frozen=True, slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def usable(self) -> bool:
        """Whether the server still has it open: it never speaks first, so what can be read is the end."""
        if self.reader.at_eof() or self.writer.is_closing():
            return False
        look = select.poll()
        look.register(self.writer.get_extra_info("socket").fileno(), select.POLLIN)
        return not look.poll(0)


class Lane:
    """Sends one request after the other to one runtime, each on a connection of its own.

    None is used twice: SD Web UI closes one after some errors without a word, and the next request on it
    fails (runtimes.md, Forge 1); then nobody could tell a lost inference from one that never began.

    Args:
        url: of the runtime, with user and password where it wants them.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "https"
        self._address = (parts.hostname or "", parts.port or (443 if self._tls else 80))
        self._path = parts.path.rstrip("/")
        self._headers = [
            ("Host", parts.netloc.rpartition("@")[2]),
            ("Accept", "*/*"),
            ("Accept-Encoding", "identity"),
            ("Content-Type", "application/json"),
            ("Connection", "close"),
        ]
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers.append(("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}"))
        self._spare: _Connection | None = None
        self._warming = asyncio.Lock()
        self._opening: asyncio.Task[None] | None = None

    async def warm(self) -> None:
        """Have a connection open for the next request, if that can be."""
        async with self._warming:
            if self._spare is not None and not self._spare.usable:
                self._spare.writer.transport.abort()
                self._spare = None
            if self._spare is None:
                with contextlib.suppress(OSError):
                    self._spare = await self._open()

    @contextlib.asynccontextmanager
    async def posting(self, path: str, body: bytes, *, timeout: float) -> AsyncIterator[Answering]:
        """Send JSON, and give the answer as soon as its head is there; never sent twice.

        Args:
            path: below the runtime's URL.
            body: encoded.
            timeout: seconds until the head.

        Raises:
            RuntimeRefusedStartError: it never got the request.
            RuntimeLostError: no answer came.
        """
        connection = await self._take()
        try:
            exchange = _Exchange(connection.reader)
            parts = exchange.request(self._path + path, [*self._headers, *spans.headers().items()], body)
            # Not by `writelines`: that of Python 3.12.1 does not tell `drain` of what it could not send.
            for part in [b"".join(parts)] if len(body) < _SMALL else parts:
                connection.writer.write(part)
            sending = _Sending(connection.writer)
            self._refill()
            try:
                async with asyncio.timeout(timeout):
                    # A server may answer, and close, before it has all of it: it is still an answer.
                    answer = Answering(await exchange.head(), exchange)
            except TimeoutError as exc:
                raise RuntimeLostError(f"the runtime did not answer for {timeout:g} s") from exc
            except _BROKEN as exc:
                if not await sending.has_ended():
                    raise RuntimeRefusedStartError(
                        f"the runtime did not take the request: {describe(exc)}"
                    ) from exc
                raise RuntimeLostError(f"the runtime was lost while it worked: {describe(exc)}") from exc
            yield answer
        finally:
            connection.writer.transport.abort()

    async def aclose(self) -> None:
        """Close what is open."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._spare is not None:
            self._spare.writer.transport.abort()
            self._spare = None

    async def _take(self) -> _Connection:
        spare, self._spare = self._spare, None
        if spare is not None and spare.usable:
            return spare
        if spare is not None:
            spare.writer.transport.abort()
        try:
            return await self._open()
        except OSError as exc:
            raise RuntimeRefusedStartError(f"the runtime cannot be reached: {describe(exc)}") from exc

    def _refill(self) -> None:
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self.warm())

    async def _open(self) -> _Connection:
        host, port = self._address
        async with asyncio.timeout(CONNECT_TIMEOUT):  # TimeoutError is an OSError
            opening = asyncio.open_connection(host, port, limit=_BUFFER, ssl=True if self._tls else None)
            reader, writer = await opening
        writer.transport.set_write_buffer_limits(high=0)  # drained means sent
        return _Connection(reader, writer)


class _Sending:
    """Finds out whether all of a request was sent, once its connection has broken."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        waits = writer.transport.get_write_buffer_size() > 0
        self._drain = asyncio.create_task(writer.drain()) if waits else None

    async def has_ended(self) -> bool:
        if self._drain is None:
            return True
        [failure] = await asyncio.gather(self._drain, return_exceptions=True)
        return failure is None
