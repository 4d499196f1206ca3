"""Ending coroutines, and waiting until they have."""

import asyncio


async def end_of(*tasks: asyncio.Task[object], seconds: float | None = None) -> bool:
    """Cancel tasks and wait for their ends, whatever these are; return whether all have come in time."""
    for task in tasks:
        task.cancel()
    ended, not_ended = await asyncio.wait(tasks, timeout=seconds)
    for task in ended:
        if not task.cancelled():
            task.exception()  # looked at: nobody else will
    return not not_ended
