"""What `crashes` and `cancels` take for a fault."""

import json

import pytest

from tests.chaos.cancels import BEAT, Moment, Moments, judge_ends
from tests.chaos.crashes import STEPS, Crash, Step
from tests.chaos.witness import Write
from tests.e2e.listening import Heard

BEFORE_RECORD, RECORDED, *_, MARKED = STEPS


def crash(step: Step, end: str, *, again: bool, runs: int, told: list[str]) -> Crash:
    return Crash(step, again, "t", end=end, runs=runs, told=told)


def write(status: str, event_id: str | None) -> Write:
    return Write("t", "s", status, 1, None, event_id, None, 1, 1)


def told_of(*said: tuple[str, str]) -> list[Heard]:
    return [
        Heard(json.dumps({"status": status}), {"id": "t", "event_id": event}, 0.0) for status, event in said
    ]


@pytest.mark.parametrize(
    "good",
    [
        crash(BEFORE_RECORD, "no row", again=False, runs=0, told=[]),
        crash(BEFORE_RECORD, "succeeded", again=True, runs=1, told=["succeeded"]),
        crash(RECORDED, "failed (not_published)", again=False, runs=0, told=["failed (not_published)"]),
        crash(MARKED, "succeeded", again=False, runs=1, told=["succeeded"]),
    ],
    ids=str,
)
def test_what_a_crash_has_to_come_to_is_no_fault(good: Crash) -> None:
    assert good.fault is None


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (crash(RECORDED, "queued", again=False, runs=0, told=[]), "ended otherwise"),
        (crash(RECORDED, "succeeded", again=True, runs=2, told=["succeeded"]), "did not run it once"),
        (crash(RECORDED, "succeeded", again=True, runs=1, told=["succeeded"] * 2), "not told once"),
        (crash(MARKED, "succeeded", again=False, runs=0, told=["succeeded"]), "did not run it"),
    ],
    ids=str,
)
def test_whatever_else_is_a_fault_and_is_in_its_line(bad: Crash, words: str) -> None:
    assert words in (bad.fault or "")
    assert f"WRONG: {bad.fault}" in str(bad)


def test_an_end_that_is_told_once_is_no_fault() -> None:
    writes = {"s": [write("queued", None), write("cancelled", "e"), write("cancelled", "e")]}
    assert judge_ends(["t"], writes, told_of(("cancelled", "e"))) == []


@pytest.mark.parametrize(
    ("writes", "told"),
    [
        ([write("cancelled", "e"), write("succeeded", "f")], [("cancelled", "e")]),
        ([write("cancelled", "e")], [("cancelled", "e"), ("cancelled", "e")]),
        ([write("cancelled", "e")], [("succeeded", "e")]),
        ([write("queued", None)], []),
        ([write("cancelled", "e")], []),
    ],
    ids=["two ends", "told twice", "told otherwise", "no end", "not told"],
)
def test_two_ends_or_words_of_one_are_a_fault(writes: list[Write], told: list[tuple[str, str]]) -> None:
    [fault] = judge_ends(["t"], {"s": writes}, told_of(*told))
    assert fault.startswith("t ended as")


def test_the_table_counts_ways_and_names_faults() -> None:
    moments = Moments(tasks=6)
    moments.judged(Moment(0.1, "202 cancelled", "cancelled, 0 attempts", ("succeeded",)))
    moments.judged(Moment(1.0, "202 running", "succeeded, 1 attempts", took=BEAT, fault="late"))
    said = moments.table()
    assert "202 cancelled, ended as cancelled, 0 attempts: 1" in said
    assert "WRONG: late" in said
    assert len(moments.faults) == 1
