"""Work that several wait for is done once, and not at all once nobody waits for it any more."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request


class LeftError(Exception):
    """Whoever asked has gone; no answer would be read."""


class Shared[Key, Value]:
    """Work under way, by key."""

    def __init__(self) -> None:
        self._under_way: dict[Key, _Work[Value]] = {}

    async def get(self, key: Key, make: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
        """Return what the work for a key comes to; it is begun by who asks first.

        It is cancelled when the last one who waits for it is. Raises what the work raises.
        """
        work = self._under_way.get(key)
        if work is None:
            work = self._under_way[key] = _Work(asyncio.create_task(make()))
        work.waiting += 1
        try:
            return await asyncio.shield(work.task)
        finally:
            work.waiting -= 1
            if work.waiting == 0:
                work.task.cancel()  # does nothing to work that is done
                if self._under_way.get(key) is work:
                    del self._under_way[key]


@dataclass
class _Work[Value]:
    task: asyncio.Task[Value]
    waiting: int = 0


async def unless_left[Value](request: Request, work: Coroutine[Any, Any, Value]) -> Value:
    """Do some work for a request whose body is empty or read, and cancel it if its browser gives it up.

    Raises:
        LeftError: it did.
    """
    doing = asyncio.create_task(work)
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise LeftError
        return doing.result()
    finally:
        doing.cancel()
        leaving.cancel()
        await asyncio.wait({doing, leaving})


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
