"""The way by which runs are sent: a connection that is open before the request is there.

Between two runs the GPU waits for this, so a client library's milliseconds are left out: the request goes out
in one write, and the answer is handed on as soon as its head is there. It speaks as much of HTTP/1.1 as that
needs.
"""

import asyncio
import base64
import contextlib
import select
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from queue_agent.errors import RuntimeLostError, RuntimeRefusedStartError
from queue_agent.runtime_reply import Reply

CONNECT_TIMEOUT = 5.0  # seconds
TAIL_TIMEOUT = 300.0  # seconds for the rest of an answer that has begun, on the same machine

_BUFFER = 1024 * 1024  # bytes that wait here before the runtime has to
_SMALL = 64 * 1024  # bytes that are copied sooner than sent on their own
_BROKEN = (OSError, EOFError, ValueError, LookupError, asyncio.LimitOverrunError)


class Answering:
    """An answer of which only the head has come yet."""

    def __init__(self, status: int, headers: Mapping[str, str], reader: asyncio.StreamReader) -> None:
        self.status = status
        self._headers = headers
        self._reader = reader

    async def rest(self) -> Reply:
        """Read the body. Raises RuntimeLostError where it is cut off or does not come."""
        try:
            async with asyncio.timeout(TAIL_TIMEOUT):
                return Reply(self.status, await self._body())
        except TimeoutError as exc:
            raise RuntimeLostError("the runtime's answer did not come to its end") from exc
        except _BROKEN as exc:
            raise RuntimeLostError(f"the runtime's answer was cut off: {_describe(exc)}") from exc

    async def _body(self) -> bytes:
        if self._headers.get("transfer-encoding", "").lower() == "chunked":
            return await self._chunks()
        if "content-length" in self._headers:
            return await self._reader.readexactly(int(self._headers["content-length"]))
        return await self._reader.read()

    async def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            size = int((await self._reader.readuntil(b"\r\n")).partition(b";")[0], 16)
            body += (await self._reader.readexactly(size + 2))[:size]
            if size == 0:
                return bytes(body)


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
        lines = [f"Host: {parts.netloc.rpartition('@')[2]}", "Accept: */*", "Accept-Encoding: identity"]
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            lines.append(f"Authorization: Basic {base64.b64encode(login.encode()).decode()}")
        lines += ["Content-Type: application/json", "Connection: close"]
        self._head = "\r\n".join(lines)
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
            head = f"POST {self._path}{path} HTTP/1.1\r\n{self._head}\r\nContent-Length: {len(body)}\r\n\r\n"
            # Not by `writelines`: that of Python 3.12.1 does not tell `drain` of what it could not send.
            for part in (head.encode() + body,) if len(body) < _SMALL else (head.encode(), body):
                connection.writer.write(part)
            sending = _Sending(connection.writer)
            self._refill()
            try:
                async with asyncio.timeout(timeout):
                    # A server may answer, and close, before it has all of it: it is still an answer.
                    answer = await _answer(connection.reader)
            except TimeoutError as exc:
                raise RuntimeLostError(f"the runtime did not answer for {timeout:g} s") from exc
            except _BROKEN as exc:
                if not await sending.has_ended():
                    raise RuntimeRefusedStartError(
                        f"the runtime did not take the request: {_describe(exc)}"
                    ) from exc
                raise RuntimeLostError(f"the runtime was lost while it worked: {_describe(exc)}") from exc
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
            raise RuntimeRefusedStartError(f"the runtime cannot be reached: {_describe(exc)}") from exc

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


async def _answer(reader: asyncio.StreamReader) -> Answering:
    status = 100
    lines: list[str] = []
    while status < 200:  # what comes before the answer
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ", 2)[1])
    pairs = (line.partition(":") for line in lines[1:] if line)
    return Answering(status, {name.strip().lower(): value.strip() for name, _, value in pairs}, reader)


def _describe(exc: BaseException) -> str:
    return f"{type(exc).__name__} {exc}".strip()
