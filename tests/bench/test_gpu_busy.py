"""Only that the benchmarks run and tell what they are asked for; what they measure here means nothing."""

import re
from collections.abc import Iterator

import pytest

from ministack_testing import ministack_url
from tests.bench import two_agents
from tests.bench.busy import Run, busy
from tests.bench.gpu_busy import (
    GRID,
    TARGETS,
    Bench,
    Cell,
    Measure,
    arguments,
    bench,
    cells,
    holds,
    try_,
    verdict,
)

MS = 1_000_000
CELL = Cell(0.1, 5, 0.1)


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    with ministack_url() as url:
        yield url


@pytest.fixture(scope="module")
def stage(emulator: str) -> Iterator[Bench]:
    with bench(emulator, "sdwebui") as stage:
        yield stage


def measured(idle_ms: int) -> Measure:
    runs = [Run("a", 0, 300 * MS), Run("b", (300 + idle_ms) * MS, (600 + idle_ms) * MS)]
    return Measure(busy(runs), 0, 0, {}, 0)


def test_a_few_short_tasks_give_a_table_of_the_agent_and_the_baseline(
    stage: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert try_(stage, CELL, arguments(["--tasks", "6", "--calls"]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["s/image", "AWS"]
    rows = [line.split() for line in lines if re.match(r" +0\.1 ", line)]
    assert [row[3] for row in rows] == ["agent", "baseline"]
    for row in rows:
        fraction, run_seconds, calls = float(row[4].rstrip("%")), float(row[5]), float(row[11])
        assert 0 < fraction <= 100
        assert run_seconds >= 0.1
        assert calls >= 8
    assert any(line.split()[0] == "s3.PutObject" for line in lines)


def test_a_profile_names_what_happens_between_two_runs(stage: Bench) -> None:
    said = "\n".join(stage.profile(CELL, "queue_agent", tasks=4))
    assert "3 gaps of" in said
    assert "call sdwebui.SdWebUi.run" in said


def test_two_agents_share_a_queue_and_each_task_runs_once(emulator: str) -> None:
    makespan = two_agents.measure(emulator, tasks=4, seconds=0.3, delay_ms=0)
    names = sorted(run.name[-5:] for runs in makespan.runs for run in runs)
    assert names == ["-0000", "-0001", "-0002", "-0003"]
    assert makespan.repeated == 0
    assert str(makespan).count("\n") == 5


def test_the_quick_cells_are_those_with_a_target_and_all_others_are_asked_for_by_their_values() -> None:
    assert cells(arguments(["--quick"])) == list(TARGETS)
    assert cells(arguments([])) == list(GRID)
    assert cells(arguments(["--seconds", "0.3", "--delay-ms", "0"])) == [
        Cell(0.3, 0, 0.4),
        Cell(0.3, 0, 2),
    ]


@pytest.mark.parametrize(("idle_ms", "good"), [(12, True), (13, False)])
def test_a_target_holds_where_the_gpu_was_as_busy_as_it_says(idle_ms: int, *, good: bool) -> None:
    cell = Cell(0.3, 20, 0.4)
    agent = measured(idle_ms)
    assert holds(cell, agent) is good
    assert ("DOES NOT HOLD" in verdict(cell, agent, None)) is not good


def test_the_agent_is_compared_with_the_plain_loop() -> None:
    assert verdict(Cell(9, 0, 0.4), measured(10), measured(100)).startswith("1.15 times as busy")
    assert verdict(Cell(9, 0, 0.4), measured(0), measured(100)).startswith("1.17 times as busy")
