"""A reverse proxy that injects faults between the system's parts and the emulator, or a runtime.

    python -m ministack_testing.proxy --target http://127.0.0.1:4566 --delay-ms 20

prints one line `ready http://127.0.0.1:<port>` and serves until SIGTERM. Below `/_proxy/` it is controlled:
`GET stats` tells what was called, `DELETE stats` counts from nought, `GET rules` and `POST rules` (a JSON
list) are the rules.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from ministack_testing.calls import Call, classify, names_operation_in_body, refusal
from ministack_testing.errors import BadRuleError
from ministack_testing.rules import Rule, RuleBook, Verdict
from ministack_testing.wire import (
    MAX_HEAD,
    Head,
    ends_with_connection,
    read_head,
    request_body,
    response_body,
    until_closed,
)

HOST = "127.0.0.1"
CONTROL = "/_proxy/"
WRITE_LIMIT = 1024 * 1024  # bytes that may wait for a slow reader
MAX_CONTROL_BODY = 1024 * 1024  # bytes


class _CutError(Exception):
    """The connections end here: a rule says so."""


@dataclass(slots=True)
class Stats:
    """How often each call was made, refused and cut, and how many bytes of bodies went each way."""

    calls: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    received: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "calls": dict(self.calls),
            "refused": dict(self.refused),
            "cut": dict(self.cut),
            "bytes_sent": self.sent,
            "bytes_received": self.received,
        }


class _Upstream:
    """The connection to the target that belongs to one client's connection; made when first needed."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None and (self._streams[0].at_eof() or self._streams[1].is_closing()):
            self.close()  # the target ends connections that nobody has used for a while
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address, limit=MAX_HEAD)
        return self._streams

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class FaultProxy:
    """Passes HTTP/1.1 on to a target, streaming, and does what its rules say; an async context manager.

    Heads go on as they came (Host too), so that what they sign stays valid. An `Expect: 100-continue` is
    answered here. Upgraded connections (websockets) are passed on as bytes.

    Args:
        target: the URL behind it; its path is not used.
        port: to listen on at 127.0.0.1; 0 for any.
        rules: the first ones; may be replaced at any time by assigning `rules`.
        seed: of the chances that rules take.
    """

    def __init__(
        self, target: str, *, port: int = 0, rules: Iterable[Rule] = (), seed: int | None = None
    ) -> None:
        address = urlsplit(target)
        self._host, self._target_port = address.hostname or HOST, address.port or 80
        self._port = port
        self._book = RuleBook(rules, seed=seed)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.stats = Stats()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self._port}"

    @property
    def rules(self) -> list[Rule]:
        """The rules that hold now."""
        return self._book.rules

    @rules.setter
    def rules(self, rules: Iterable[Rule]) -> None:
        self._book.replace(rules)

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._connected, HOST, self._port, limit=MAX_HEAD)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all connections."""
        assert self._server is not None, "it does not listen"
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio runs each connection as a task"
        self._connections.add(task)
        upstream = _Upstream(self._host, self._target_port)
        writer.transport.set_write_buffer_limits(WRITE_LIMIT)
        try:
            while await self._exchange(reader, writer, upstream):
                pass
        except _CutError:
            pass  # what was passed on before the cut still gets there
        except (OSError, EOFError, asyncio.LimitOverrunError):
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()  # only `__aexit__` cancels; asyncio would log it if it went on
        finally:
            upstream.close()
            writer.close()
            self._connections.discard(task)

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: _Upstream
    ) -> bool:
        """Pass one request and its answer on; return whether the connection may bring another."""
        head = await read_head(reader)
        if head is None:
            return False
        if "expect" in head.headers:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = request_body(reader, head)
        if head.target.startswith(CONTROL):
            await self._control(head, body, writer)
            return not head.closes
        first = await anext(body, b"") if names_operation_in_body(head) else b""
        call = classify(head, first)
        self.stats.calls[call.name] += 1
        verdict = self._book.judge(call)
        await _wait(verdict.delay / 2)
        if verdict.fault is not None and verdict.fault.status is not None:
            await self._refuse(call, verdict.fault, body, writer, head.method)
            return not head.closes
        try:
            await self._send(head, _chain(first, body), verdict.limit("request"), upstream)
            return await self._answer(head, verdict, (reader, writer), upstream)
        except _CutError:
            self.stats.cut[call.name] += 1
            raise

    async def _refuse(
        self, call: Call, rule: Rule, body: AsyncIterator[bytes], writer: asyncio.StreamWriter, method: str
    ) -> None:
        async for _ in body:
            pass
        self.stats.refused[call.name] += 1
        assert rule.status is not None, "only rules with a status refuse"
        kind, text = refusal(call, rule.status, rule.code)
        await _respond(writer, rule.status, kind, b"" if method == "HEAD" else text)

    async def _send(
        self, head: Head, body: AsyncIterator[bytes], limit: int | None, upstream: _Upstream
    ) -> None:
        _, writer = await upstream.open()
        passed = _Passed(writer, limit)
        try:
            await passed.on(head.without("expect") if "expect" in head.headers else head.raw)
            async for piece in body:
                await passed.on(piece)
            if limit is not None:  # the request was shorter: it was sent, and nobody waits for the answer
                raise _CutError
        finally:
            self.stats.sent += passed.count

    async def _answer(
        self,
        request: Head,
        verdict: Verdict,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        upstream: _Upstream,
    ) -> bool:
        reader, _ = await upstream.open()
        head = await read_head(reader)
        while head is not None and head.status < 200 and head.status != 101:
            head = await read_head(reader)
        if head is None:
            raise ConnectionResetError("the target ended the connection")
        await _wait(verdict.delay / 2)
        body = response_body(reader, head, request.method)
        passed = _Passed(client[1], verdict.limit("response"))
        try:
            if verdict.limit("response") == 0:
                async for _ in body:  # to its end: the target must have acted in full
                    pass
            await passed.on(head.raw)
            if head.status == 101:
                await self._tunnel(client, upstream)
                return False
            async for piece in body:
                await passed.on(piece)
        finally:
            self.stats.received += passed.count
        if head.closes or ends_with_connection(head, request.method):
            upstream.close()
            return False
        return not request.closes

    async def _tunnel(
        self, client: tuple[asyncio.StreamReader, asyncio.StreamWriter], upstream: _Upstream
    ) -> None:
        reader, writer = await upstream.open()
        ways = [
            asyncio.create_task(_pour(client[0], writer)),
            asyncio.create_task(_pour(reader, client[1])),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _control(self, head: Head, body: AsyncIterator[bytes], writer: asyncio.StreamWriter) -> None:
        text = b""
        async for piece in body:
            text += piece[: MAX_CONTROL_BODY - len(text)]
        status, answer = self._controlled(head.method, head.target.removeprefix(CONTROL), text)
        await _respond(writer, status, "application/json", json.dumps(answer).encode())

    def _controlled(self, method: str, what: str, text: bytes) -> tuple[int, Any]:
        match method, what:
            case "GET", "rules":
                return 200, [rule.as_json() for rule in self.rules]
            case "POST", "rules":
                try:
                    self.rules = [Rule.parse(spec) for spec in json.loads(text)]
                except (ValueError, TypeError, BadRuleError) as exc:
                    return 400, {"error": str(exc)}
                return 200, [rule.as_json() for rule in self.rules]
            case "GET", "stats":
                return 200, self.stats.as_json()
            case "DELETE", "stats":
                self.stats = Stats()
                return 200, self.stats.as_json()
        return 404, {"error": f"{method} {CONTROL}{what} is not known here"}


class _Passed:
    """Writes pieces on and counts them; ends in `_CutError` where the limit is reached."""

    def __init__(self, writer: asyncio.StreamWriter, limit: int | None) -> None:
        self._writer = writer
        self._limit = limit
        self.count = 0

    async def on(self, piece: bytes) -> None:
        if self._limit is not None and self.count + len(piece) > self._limit:
            piece = piece[: self._limit - self.count]
            self._writer.write(piece)
            self.count += len(piece)
            with contextlib.suppress(OSError):
                await self._writer.drain()
            # Closed, not aborted, so that what was written gets there first.
            self._writer.close()
            raise _CutError
        self._writer.write(piece)
        self.count += len(piece)
        await self._writer.drain()


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in rest:
        yield piece


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    async for piece in until_closed(reader):
        writer.write(piece)
        await writer.drain()


async def _wait(seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds)


async def _respond(writer: asyncio.StreamWriter, status: int, kind: str, body: bytes) -> None:
    head = f"HTTP/1.1 {status} Injected\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="fault-proxy", description="A proxy that injects faults.")
    parser.add_argument("--target", required=True, help="URL of what is behind it")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="added to each call")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument(
        "--leashed",
        action="store_true",
        help="end when stdin closes, as it does when whoever started it dies",
    )
    return parser.parse_args(argv)


def _let_go(loop: asyncio.AbstractEventLoop, ending: asyncio.Event) -> None:
    loop.remove_reader(sys.stdin)  # it stays readable
    ending.set()


async def serve(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or Ctrl-C; one line on stdout says where."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    if options.leashed:
        loop.add_reader(sys.stdin, _let_go, loop, ending)
    rules = [Rule(delay_ms=options.delay_ms)] if options.delay_ms else []
    async with FaultProxy(options.target, port=options.port, rules=rules, seed=options.seed) as proxy:
        print(f"ready {proxy.url}", flush=True)  # noqa: T201 - whoever started it waits for this line
        await ending.wait()


if __name__ == "__main__":
    asyncio.run(serve(arguments()))
