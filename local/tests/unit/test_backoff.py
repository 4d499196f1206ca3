from hypothesis import given
from hypothesis import strategies as st

from local.keeper import Backoff, describe


def test_a_child_that_keeps_dying_is_started_ever_later() -> None:
    backoff = Backoff(first=0.5, factor=2, longest=3, healthy_after=20)
    waits = []
    wait: float | None = None
    for _ in range(5):
        wait = backoff.next(wait, 0.1)
        waits.append(wait)
    assert waits == [0.5, 1, 2, 3, 3]


def test_a_child_that_ran_well_for_a_while_begins_again() -> None:
    assert Backoff().next(30, ran_for=60) == Backoff().first


@given(before=st.none() | st.floats(0.01, 100), ran_for=st.floats(0, 1000))
def test_a_wait_is_never_shorter_than_the_first_nor_longer_than_the_longest(
    before: float | None, ran_for: float
) -> None:
    backoff = Backoff()
    wait = backoff.next(before, ran_for)
    assert min(backoff.first, (before or 1) * backoff.factor) <= wait <= backoff.longest


def test_ends_are_told_in_words() -> None:
    assert describe(3) == "exit code 3"
    assert describe(-9) == "killed by SIGKILL"
    assert describe(-250) == "killed by signal 250"
