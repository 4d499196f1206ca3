"""A few random moments; `tests/chaos/cancels.py` plays a hundred."""

import os
from pathlib import Path

from local.home import Home
from tests.chaos.cancels import play
from tests.e2e.running import environment


async def test_what_is_cancelled_ends_once_and_harms_no_other_task(home: Home) -> None:
    came = await play(8, home, environment(os.environ, Path.cwd(), {}, ()), seed=3, limit=None)
    assert came.faults == [], came.table()
    assert (len(came.all), came.tasks) == (8, 24)
    assert any(moment.took is not None for moment in came.all), came.table()
