"""A few random moments; `tests/chaos/sigterm.py` plays two hundred."""

import os
from pathlib import Path

from local.home import Home
from tests.chaos.sigterm import play
from tests.e2e.running import environment


async def test_an_agent_that_is_told_to_end_does_so_and_its_task_is_done_or_back(home: Home) -> None:
    came = await play(8, 1, home, environment(os.environ, Path.cwd(), {}, ()), seed=1)
    assert came.faults == [], came.table()
    assert len(came.busy) == 8
