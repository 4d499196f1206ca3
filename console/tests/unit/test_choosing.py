from console.choosing import MOST, choose
from console.models import TaskRow
from task_schema import Status


def rows(count: int, status: Status = Status.QUEUED, *, runtime: str = "a", start: int = 0) -> list[TaskRow]:
    """Return tasks, newest first."""
    return [
        TaskRow(
            id=f"{runtime}{number}",
            submission="s",
            runtime=runtime,
            tasktype="t",
            status=status,
            created_at=number,
            started_at=None,
            finished_at=None,
            progress=None,
            images=0,
            error=None,
        )
        for number in reversed(range(start, start + count))
    ]


def ids(chosen: list[TaskRow]) -> list[str]:
    return [row.id for row in chosen]


def test_few_are_all_chosen() -> None:
    assert set(ids(choose(rows(5), {}))) == {"a0", "a1", "a2", "a3", "a4"}


def test_of_many_so_many_are_chosen_each_once() -> None:
    chosen = ids(choose(rows(500), {}))
    assert len(chosen) == len(set(chosen)) == MOST


def test_the_oldest_of_each_runtime_are_chosen_each_time() -> None:
    waiting = [*rows(500, runtime="a", start=1000), *rows(500, runtime="b")]
    asked = {row.id: 9 for row in waiting if row.created_at in (0, 1, 1000, 1001)}
    assert {"a1000", "a1001", "b0", "b1"} <= set(ids(choose(waiting, asked)))


def test_many_that_run_leave_room_for_those_that_may_have_started() -> None:
    chosen = choose([*rows(300, start=100), *rows(50, Status.RUNNING)], {})
    states = [row.status for row in chosen]
    assert "a100" in ids(chosen)
    assert states.count(Status.RUNNING) >= 8


def test_all_are_asked_for_in_turn() -> None:
    waiting = rows(200)
    asked: dict[str, int] = {}
    for look in range(1, 25):
        asked.update(dict.fromkeys(ids(choose(waiting, asked)), look))
    assert len(asked) == 200
