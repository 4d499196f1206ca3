"""Clients that wait for tasks as the client library does, in a process of their own.

    python -m tests.bench.waiters URL ID...

One waits for each task until SIGTERM. They begin one after the other within two seconds, as nothing makes
strangers ask at the same moment; prints `ready` once all have begun. Ends with 1 where a wait ends. `--last`
before the URL: only take the processor time that others leave.
"""

import asyncio
import os
import signal
import sys

from darkroom_client import AsyncDarkroom
from tests.bench.warm import LAST

SPREAD = 2.0  # seconds


async def wait(url: str, ids: list[str]) -> int:
    """Wait for the tasks until SIGTERM; return the exit code."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    waiting: list[asyncio.Task[None]] = []
    for task_id in ids:
        waiting.append(asyncio.create_task(_wait(url, task_id)))
        await asyncio.sleep(SPREAD / len(ids))
    print("ready", flush=True)
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({stopped, *waiting}, return_when=asyncio.FIRST_COMPLETED)
    early = [task for task in waiting if task.done()]
    for task in (stopped, *waiting):
        task.cancel()
    await asyncio.gather(stopped, *waiting, return_exceptions=True)
    return 1 if early else 0


async def _wait(url: str, task_id: str) -> None:
    async with AsyncDarkroom(url, "of-the-benchmark") as client:
        await client.wait(task_id)


if __name__ == "__main__":
    if sys.argv[1] == "--last":
        os.nice(LAST)
        del sys.argv[1]
    sys.exit(asyncio.run(wait(sys.argv[1], sys.argv[2:])))
