"""Fakes for tests of whoever uses this package."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Self

from netguard.errors import HostUnresolvedError


class _Answers:
    def __init__(self, answers: Mapping[str, Iterable[Sequence[str]]]) -> None:
        self._answers = {host: list(each) for host, each in answers.items()}
        self.asked: list[str] = []

    @classmethod
    def of(cls, **hosts: str) -> Self:
        """Return a resolver with one answer of one address for each host; `_` stands for a dot."""
        return cls({host.replace("_", "."): [[address]] for host, address in hosts.items()})

    def _next(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        if host not in self._answers:
            raise HostUnresolvedError(host)
        answers = self._answers[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


class FakeResolver(_Answers):
    """A resolver that knows some hosts: for each a list of answers, the last of which stays.

    `asked` lists the hosts that were asked for, in order.
    """

    async def resolve(self, host: str, port: int) -> Sequence[str]:  # noqa: ARG002 - the port of the Protocol
        """Return the next answer for `host`."""
        return self._next(host)


class SyncFakeResolver(_Answers):
    """The same for callers without an event loop."""

    def resolve(self, host: str, port: int) -> Sequence[str]:  # noqa: ARG002 - the port of the Protocol
        """Return the next answer for `host`."""
        return self._next(host)


type Answer = bytes | Iterable[bytes]


class WireServer:
    """A real HTTP server on 127.0.0.1 that answers each request with exactly the bytes that a test wrote.

    `answer` gets the head of the request and returns the bytes to send, or pieces of them, which may never
    end. `requests` are the heads, `names` the TLS names, `sent` the number of bytes written. With `keep_open`
    a connection serves further requests until the client closes it.
    """

    def __init__(self, answer: Callable[[bytes], Answer], *, keep_open: bool = False) -> None:
        self._answer = answer
        self._keep_open = keep_open
        self.requests: list[bytes] = []
        self.names: list[str | None] = []
        self.sent = 0
        self.port = 0

    def headers(self, name: str) -> list[str]:
        """Return the values of one header, one for each request; empty where it was not sent."""
        return [_header(head, name.lower()) for head in self.requests]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection and close it."""
        try:
            await self._answer_one(reader, writer)
            while self._keep_open:
                await self._answer_one(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head)
        answer = self._answer(head)
        for piece in [answer] if isinstance(answer, bytes) else answer:
            writer.write(piece)
            await writer.drain()
            self.sent += len(piece)


@asynccontextmanager
async def serve(
    answer: Callable[[bytes], Answer], *, tls: ssl.SSLContext | None = None, keep_open: bool = False
) -> AsyncIterator[WireServer]:
    """Run a WireServer on a free port."""
    server = WireServer(answer, keep_open=keep_open)
    if tls is not None:
        tls.sni_callback = lambda _object, name, _context: server.names.append(name)
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


def response(
    body: bytes = b"", *, status: int = 200, headers: Mapping[str, str] | None = None, length: int | None = -1
) -> bytes:
    """Return the bytes of an HTTP response; its Content-Length is that of the body, `length`, or none."""
    lines = [f"HTTP/1.1 {status} Reason", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length == -1 else length}")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _header(head: bytes, name: str) -> str:
    pairs = (line.partition(":") for line in head.decode("ascii").split("\r\n")[1:])
    return ", ".join(value.strip() for key, _, value in pairs if key.lower() == name)
