"""The port through which names become addresses, so that tests can give the answers."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Protocol

from netguard.errors import HostUnresolvedError

_FAMILIES = (socket.AF_INET, socket.AF_INET6)


class Resolver(Protocol):
    """Turns a host into addresses, the one to prefer first."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of `host`; raises HostUnresolvedError where there are none."""
        ...


class SyncResolver(Protocol):
    """The same for callers without an event loop."""

    def resolve(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of `host`; raises HostUnresolvedError where there are none."""
        ...


class SystemResolver:
    """What the operating system answers. It also reads hosts like `0x7f.1` and `2130706433` as addresses."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of `host`, each once, in the system's order."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:
            raise _unresolved(host, exc) from exc
        return _addresses(host, found)


class SyncSystemResolver:
    """What the operating system answers, for callers without an event loop."""

    def resolve(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of `host`, each once, in the system's order."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:
            raise _unresolved(host, exc) from exc
        return _addresses(host, found)


def _unresolved(host: str, exc: OSError | UnicodeError) -> HostUnresolvedError:
    temporary = isinstance(exc, socket.gaierror) and exc.errno == socket.EAI_AGAIN
    return HostUnresolvedError(host, temporary=temporary)


def _addresses(
    host: str, found: Sequence[tuple[int, int, int, str, tuple[str | int, ...] | tuple[int, bytes]]]
) -> Sequence[str]:
    addresses = dict.fromkeys(str(sockaddr[0]) for family, *_, sockaddr in found if family in _FAMILIES)
    if not addresses:
        raise HostUnresolvedError(host)
    return tuple(addresses)
