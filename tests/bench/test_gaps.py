from tests.bench.busy import Gap
from tests.bench.gaps import Span, report, shares

MS = 1_000_000
GAPS = [Gap(1000 * MS, 1010 * MS), Gap(2000 * MS, 2030 * MS)]


def span(name: str, begun_ms: int, ended_ms: int, kind: str = "call") -> Span:
    return Span(kind, name, "t", begun_ms * MS, ended_ms * MS)


def test_a_call_takes_the_part_of_a_gap_in_which_it_was_under_way() -> None:
    (share,) = shares([span("delete", 1005, 1020), span("delete", 2010, 2020)], GAPS)
    assert (share.name, share.per_gap, share.gaps) == ("delete", 7.5, 1)
    assert (share.first, share.last) == (7.5, 20)


def test_what_runs_between_two_gaps_only_has_no_share() -> None:
    assert shares([span("store", 1010, 2000)], GAPS) == []


def test_what_is_always_under_way_says_nothing() -> None:
    assert shares([span("main", 0, 9000)], GAPS) == []


def test_the_longest_is_told_first_and_the_event_loop_s_steps_apart() -> None:
    spans = [
        span("short", 1001, 1002),
        span("long", 1000, 1010),
        span("task run", 1002, 1006, kind="step"),
    ]
    said = "\n".join(report(spans, GAPS))
    assert said.index("  long") < said.index("  short")
    assert "steps of the event loop of a millisecond and more: 2.0 ms a gap" in said
