"""Ctrl-C and SIGTERM: the first asks for a clean end, the second for a quick one."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def interruptible(
    work: Coroutine[Any, Any, Any], *, first: Callable[[], None], second: Callable[[], None]
) -> Any:
    """Run `work`; the first signal cancels it (after `first`), any further one calls `second` only.

    Raises:
        asyncio.CancelledError: the work was interrupted, and has cleaned up.
    """
    task = asyncio.ensure_future(work)
    seen = False

    def interrupt() -> None:
        nonlocal seen
        if seen:
            second()
            return
        seen = True
        first()
        task.cancel()

    with _handling(interrupt):
        return await task


@contextlib.contextmanager
def _handling(handler: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
