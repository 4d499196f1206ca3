import pytest
from botocore.exceptions import ReadTimeoutError

from snapshots.testing import FakeClock, Told
from snapshots.undo import TRIES, UndoStack
from snapshots.waiting import PATIENCE, wait_until


def a_stack() -> tuple[UndoStack, Told, FakeClock]:
    told, clock = Told(), FakeClock()
    return UndoStack(clock=clock, progress=told), told, clock


def test_what_was_made_last_goes_first() -> None:
    undo, told, _ = a_stack()
    gone: list[str] = []
    for name in ("a", "b", "c"):
        undo.push("thing", name, lambda name=name: gone.append(name))  # type: ignore[misc]
    undo.unwind(interrupted=False)
    assert gone == ["c", "b", "a"]
    assert told.leftovers == []


def test_what_is_kept_is_not_removed() -> None:
    undo, _, _ = a_stack()
    gone: list[str] = []
    undo.push("thing", "a", lambda: gone.append("a"))
    undo.keep(undo.push("thing", "b", lambda: gone.append("b")))
    undo.unwind(interrupted=False)
    assert gone == ["a"]


def test_one_that_cannot_be_removed_does_not_keep_the_others() -> None:
    undo, told, clock = a_stack()
    gone: list[str] = []
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        raise ValueError("stuck")

    undo.push("thing", "a", lambda: gone.append("a"))
    undo.push("thing", "b", fail)
    undo.unwind(interrupted=False)
    assert gone == ["a"]
    assert len(tries) == TRIES
    assert [str(one) for one in told.leftovers] == ["thing b (stuck)"]
    assert undo.left == told.leftovers
    assert clock.sleeps == sorted(clock.sleeps)


def test_the_third_ctrl_c_is_not_needed() -> None:
    undo, told, _ = a_stack()

    def interrupt() -> None:
        raise KeyboardInterrupt

    undo.push("thing", "a", lambda: None)
    undo.push("thing", "b", interrupt)
    with pytest.raises(KeyboardInterrupt):
        undo.unwind(interrupted=False)
    assert [one.id for one in told.leftovers] == ["b", "a"]
    assert len(told.remarks) == 1


def test_a_look_that_fails_now_and_then_is_no_failure() -> None:
    clock = FakeClock()
    answers = [False] * PATIENCE + [True] + [False] * PATIENCE + [True]

    def look() -> int | None:
        if not answers.pop(0):
            raise ReadTimeoutError(endpoint_url="https://aws.test")
        return 1 if not answers else None

    assert wait_until(look, what="it", limit=100, pause=5, clock=clock) == 1
    assert set(clock.sleeps) == {5}
