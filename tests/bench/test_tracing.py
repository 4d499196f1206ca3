"""Only that the benchmark of tracing runs and compares; what it measures here means nothing."""

import pytest

from tests.bench.busy import Run, busy
from tests.bench.gpu_busy import Measure
from tests.bench.tracing import main, summary

MS = 1_000_000


def measured(cpu_ms: float) -> Measure:
    runs = [Run("a", 0, 300 * MS), Run("b", 301 * MS, 601 * MS)]
    return Measure(busy(runs), cpu_ms, 0, {}, 0)


def test_each_way_is_measured_against_no_tracing(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--tasks", "3", "--repeat", "1", "--ways", "taken", "down"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[3] for line in lines[1:4]] == ["off", "taken", "down"]
    assert " 0 requests" not in lines[2]
    assert " 0 requests" in lines[3]
    assert [line.split()[0] for line in lines[4:]] == ["taken", "down"]


def test_more_than_two_milliseconds_a_task_are_too_many(capsys: pytest.CaptureFixture[str]) -> None:
    assert summary({"off": [measured(50)], "taken": [measured(51.9)]}) == 0
    assert summary({"off": [measured(50)], "taken": [measured(52.1)]}) == 1
    idle = Measure(busy([Run("a", 0, 300 * MS), Run("b", 320 * MS, 620 * MS)]), 50, 0, {}, 0)
    assert summary({"off": [measured(50)], "slow": [idle]}) == 1
    assert "+2.1 ms" in capsys.readouterr().out
