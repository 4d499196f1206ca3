"""That the benchmark tells a start from none; it measures nothing here."""

import sys

import pytest

from tests.bench import agent_start
from tests.bench.stage import Sketch


def test_a_process_asks_its_queue_for_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert agent_start.main(["--runs", "1"]) == 0
    assert "1.00 times the process" in capsys.readouterr().out


def test_what_ends_without_asking_is_no_start() -> None:
    with (
        Sketch("sdwebui", seconds_per_image=0, picture_bytes=1000) as sketch,
        pytest.raises(RuntimeError, match="did not ask its queue: 7"),
    ):
        agent_start.seconds([sys.executable, "-c", "raise SystemExit(7)"], sketch, {})
