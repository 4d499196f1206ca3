import asyncio
import os
import signal

import pytest

from darkroom_cli.interruption import interruptible


async def test_work_that_is_not_interrupted_gives_its_result() -> None:
    async def work() -> int:
        return 7

    assert await interruptible(work(), first=lambda: None, second=lambda: None) == 7


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_first_signal_lets_the_work_clean_up_and_further_ones_hurry_it(
    number: signal.Signals,
) -> None:
    told: list[str] = []
    cleaning = asyncio.Event()

    async def work() -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            os.kill(os.getpid(), number)
            await cleaning.wait()
            told.append("clean")

    def second() -> None:
        told.append("second")
        cleaning.set()

    with pytest.raises(asyncio.CancelledError):
        await interruptible(work(), first=lambda: told.append("first"), second=second)
    assert told == ["first", "second", "clean"]
