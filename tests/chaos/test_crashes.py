"""What is recorded and not yet published, or not yet known to be; `tests/chaos/crashes.py` has all steps."""

import os
from pathlib import Path

from local.home import Home
from tests.chaos.crashes import SHORT, play
from tests.e2e.running import environment


async def test_a_submission_that_is_cut_short_runs_once_if_sent_again_and_is_told_as_failed_if_not(
    home: Home,
) -> None:
    crashes = await play(SHORT, home, environment(os.environ, Path.cwd(), {}, ()))
    assert [str(crash) for crash in crashes if crash.fault] == []
    assert [crash.end for crash in crashes] == [
        "succeeded",
        "failed (not_published)",
        "succeeded",
        "succeeded",
    ]
    assert {crash.submissions for crash in crashes if crash.again} == {1}
