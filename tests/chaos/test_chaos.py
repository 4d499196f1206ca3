"""The short version, in CI; `tests/chaos/play.py` is the long one."""

import os
from pathlib import Path

from local.home import Home
from tests.chaos.play import SHORT, play
from tests.e2e.running import environment


async def test_every_promise_is_kept_while_everything_breaks(home: Home) -> None:
    verdict = await play(SHORT, home, environment(os.environ, Path.cwd(), {}, ()))
    assert verdict.good, verdict.table()
    assert verdict.counts["accepted"] != "0"
