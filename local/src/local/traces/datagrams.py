"""The store's UDP side: takes what Lambda functions send to the X-Ray daemon. Nobody is answered."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from local.sockets import LOOPBACK
from local.traces.errors import BusyError, MalformedError
from local.traces.store import Store
from local.traces.xray import read_datagram

_BUFFER = 4 * 1024 * 1024  # bytes that the kernel may keep for us; it gives what it allows


class Datagrams(asyncio.DatagramProtocol):
    """Puts documents into a store, which counts those that it cannot take."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002 - asyncio's signature
        """Take one document."""
        try:
            self._store.add(read_datagram(data))
        except (MalformedError, BusyError):
            self._store.ignored += 1


@asynccontextmanager
async def receiving(store: Store, port: int) -> AsyncIterator[Datagrams]:
    """Take datagrams on a port of loopback for the time of the block."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    listener.setblocking(False)
    listener.bind((LOOPBACK, port))
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(lambda: Datagrams(store), sock=listener)
    try:
        yield protocol
    finally:
        transport.close()
