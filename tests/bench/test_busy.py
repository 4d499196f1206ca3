from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench.busy import Run, busy

MS = 1_000_000

runs = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(0, 500)).map(
        lambda each: Run("r", each[0] * MS, (each[0] + each[1]) * MS)
    ),
    min_size=1,
    max_size=20,
)


def run(begun_ms: int, ended_ms: int) -> Run:
    return Run("r", begun_ms * MS, ended_ms * MS)


def test_the_fraction_is_the_runs_over_first_start_to_last_end() -> None:
    measured = busy([run(0, 300), run(400, 700), run(700, 1000)])
    assert measured.fraction == 0.9
    assert [gap.ms for gap in measured.gaps] == [100, 0]
    assert (measured.idle_ms, measured.median_ms, measured.worst_ms) == (50, 50, 100)


def test_a_request_that_waited_for_the_gpu_counts_from_the_end_of_the_one_before() -> None:
    measured = busy([run(0, 300), run(100, 600)])
    assert measured.fraction == 1
    assert [(each.begun_ns, each.ended_ns) for each in measured.runs] == [(0, 300 * MS), (300 * MS, 600 * MS)]


def test_one_run_alone_was_never_idle() -> None:
    measured = busy([run(5, 10)])
    assert (measured.fraction, measured.idle_ms, measured.worst_ms) == (1, 0, 0)


@settings(deadline=None)
@given(runs)
def test_no_time_is_counted_twice_whatever_the_requests_were(given_runs: list[Run]) -> None:
    measured = busy(given_runs)
    span = measured.runs[-1].ended_ns - measured.runs[0].begun_ns
    taken = sum(each.ended_ns - each.begun_ns for each in measured.runs)
    idle = sum(gap.ended_ns - gap.begun_ns for gap in measured.gaps)
    assert 0 <= measured.fraction <= 1
    assert taken + idle == span
    assert all(gap.ms >= 0 for gap in measured.gaps)
