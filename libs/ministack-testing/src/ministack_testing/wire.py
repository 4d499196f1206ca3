"""HTTP/1.1 messages as they pass: heads are parsed, bodies are only counted."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

MAX_HEAD = 256 * 1024  # bytes
PIECE = 256 * 1024  # bytes; how much of a body is held at once

_END = b"\r\n"


@dataclass(frozen=True, slots=True)
class Head:
    """The start line and the headers of a message.

    `raw` is what came, with the empty line; `headers` has lower-case names, of repeated ones the last.
    """

    raw: bytes
    start: str
    headers: dict[str, str]

    @property
    def method(self) -> str:
        """The method of a request."""
        return self.start.partition(" ")[0]

    @property
    def target(self) -> str:
        """Path and query of a request."""
        return self.start.split(" ")[1]

    @property
    def status(self) -> int:
        """The status of a response."""
        return int(self.start.split(" ")[1])

    @property
    def closes(self) -> bool:
        """Whether whoever sent it closes the connection afterwards."""
        if "HTTP/1.0" in self.start:
            return "keep-alive" not in self.headers.get("connection", "").lower()
        return "close" in self.headers.get("connection", "").lower()

    def without(self, name: str) -> bytes:
        """Return the raw head without the lines of a header."""
        unwanted = name.lower().encode() + b":"
        lines = self.raw.split(_END)
        return _END.join(line for line in lines if not line.lower().startswith(unwanted))


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Read a head; None where the other side closed the connection before it sent one."""
    try:
        raw = await reader.readuntil(_END + _END)
    except asyncio.IncompleteReadError as exc:
        if exc.partial:
            raise ConnectionResetError("the connection ended in the middle of a head") from exc
        return None
    start, *lines = raw.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return Head(raw, start, {name.strip().lower(): value.strip() for name, _, value in pairs})


def request_body(reader: asyncio.StreamReader, head: Head) -> AsyncIterator[bytes]:
    """Yield the body of a request, as it came on the wire (chunks with their frames)."""
    if "chunked" in head.headers.get("transfer-encoding", "").lower():
        return _chunked(reader)
    return _sized(reader, int(head.headers.get("content-length", 0)))


def response_body(reader: asyncio.StreamReader, head: Head, method: str) -> AsyncIterator[bytes]:
    """Yield the body of a response, as it came on the wire."""
    if method == "HEAD" or head.status in {204, 304} or head.status < 200:
        return _sized(reader, 0)
    if "chunked" in head.headers.get("transfer-encoding", "").lower():
        return _chunked(reader)
    length = head.headers.get("content-length")
    return _sized(reader, int(length)) if length is not None else until_closed(reader)


def ends_with_connection(head: Head, method: str) -> bool:
    """Whether only the end of the connection says where the body of a response ends."""
    if method == "HEAD" or head.status in {204, 304} or head.status < 200:
        return False
    return "content-length" not in head.headers and "transfer-encoding" not in head.headers


async def until_closed(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield whatever comes until the other side closes the connection."""
    while piece := await reader.read(PIECE):
        yield piece


async def _sized(reader: asyncio.StreamReader, left: int) -> AsyncIterator[bytes]:
    while left > 0:
        piece = await reader.read(min(left, PIECE))
        if not piece:
            raise ConnectionResetError("the connection ended in the middle of a body")
        left -= len(piece)
        yield piece


async def _chunked(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        line = await _line(reader)
        yield line
        size = int(line.split(b";")[0], 16)
        if size == 0:
            break
        async for piece in _sized(reader, size + len(_END)):
            yield piece
    while line != _END:
        line = await _line(reader)
        yield line


async def _line(reader: asyncio.StreamReader) -> bytes:
    line = await reader.readline()
    if not line.endswith(_END):
        raise ConnectionResetError("the connection ended in the middle of a body")
    return line
