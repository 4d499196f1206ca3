import types

import pytest

import task_store
from task_schema import Status, TaskCode, TaskError
from task_store import Outcome, day_of
from task_store._writes import TERMINAL, WRITES

ERROR = TaskError.of(TaskCode.INTERNAL, "it broke")


def test_the_public_names_are_those_that_are_listed() -> None:
    public = {
        name
        for name, value in vars(task_store).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public == set(task_store.__all__)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"status": Status.RUNNING, "notification": "{}"}, "does not end a task"),
        ({"status": Status.SUCCEEDED}, "exactly one of"),
        (
            {"status": Status.SUCCEEDED, "notification": "{}", "notification_ref": "s3://b/k"},
            "exactly one of",
        ),
        ({"status": Status.SUCCEEDED, "notification": "{}", "error": ERROR}, "an error is expected"),
        ({"status": Status.FAILED, "notification": "{}"}, "an error is expected"),
        ({"status": Status.SUCCEEDED, "notification": "{}", "event_id": "e" * 41}, "event_id"),
    ],
)
def test_an_outcome_does_not_contradict_itself(fields: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Outcome(**({"event_id": "e"} | fields))  # type: ignore[arg-type] # each case is wrong on purpose


def test_a_day_is_that_of_utc() -> None:
    assert day_of(0) == "1970-01-01"
    assert day_of(1_790_035_199_999) == "2026-09-21"
    assert day_of(1_790_035_200_000) == "2026-09-22"


def test_no_write_leaves_a_terminal_state_for_another_but_a_new_task() -> None:
    for write in WRITES:
        leaves = frozenset(state for one in write.leaves for state in one.states)
        if leaves & TERMINAL and not write.creates:
            assert not write.to, write.name


def test_each_terminal_state_is_reached_and_every_write_has_a_name() -> None:
    reached = frozenset(state for write in WRITES for state in write.to)
    assert reached >= TERMINAL
    assert len({write.name for write in WRITES}) == len(WRITES)
