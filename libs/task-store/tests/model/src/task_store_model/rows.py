"""The real state machine of `task_store` as a function: a row and a call in, a row and an answer out.

Rows are values here, so that a state of the model can be kept, compared and gone back to. There is one id,
and no clock: a lease is live until the model says that it has run out.
"""

from dataclasses import dataclass
from typing import Final

from task_schema import Status
from task_store import Due, Task, TaskStoreError
from task_store._conditions import Changes, Condition, Item, Scalar, changed, holds
from task_store._cursors import Position
from task_store._items import task_of
from task_store._machine import Machine, WriteRefusedError
from task_store._table import LOOK_SORT
from task_store.testing import new_task, outcome

type Row = tuple[tuple[str, Scalar], ...] | None
type Answer = Task | bool | TaskStoreError | None

ID: Final = "task"
NOW: Final = 1_790_000_000_000
LIVE: Final = NOW + 60_000
#: The event that a terminal row carries, once whoever made it has forgotten its name.
THE_EVENT: Final = "the event"
#: A holder that nobody is any more.
NOBODY: Final = "nobody"

_STATUS = {"succeeded": Status.SUCCEEDED, "cancelled": Status.CANCELLED}


@dataclass(frozen=True, slots=True)
class Call:
    """One write: `who` names the token and the event id, as each actor has one of each at a time.

    `claimed` is not the table's business: whether the actor's token came from `claim`. The promises are
    checked against it.
    """

    write: str
    submission: int
    who: str
    body: str = ""
    count: bool = False
    claimed: bool = False
    #: A repetition, or an arrival long after: with the time of the first try, so that a lease which was given
    #: since then is live to it, even where it has run out.
    again: bool = False
    max_attempts: int | None = None


class Table:
    """Applies calls to rows by a real `Machine`, each pair once."""

    def __init__(self, machine: type[Machine] = Machine) -> None:
        self._rows = _OneRow()
        self._machine = machine(self._rows)
        self._known: dict[tuple[Row, Call], tuple[Row, Answer]] = {}

    def apply(self, row: Row, call: Call) -> tuple[Row, Answer]:
        """Return the row after a call, and what the caller gets: a value, or the error that it meets."""
        known = self._known.get((row, call))
        if known is None:
            self._rows.item = None if row is None else dict(row)
            try:
                answer = _ask(self._machine, call)
            except TaskStoreError as exc:
                answer = exc
            known = self._known[row, call] = _frozen(self._rows.item), answer
        return known


def task(row: Row) -> Task | None:
    """Return the task of a row."""
    return None if row is None else task_of(dict(row))


def is_looked_at(row: Row) -> bool:
    """Whether the sweeper finds a row: it looks at those in an index only."""
    return any(name == LOOK_SORT for name, _ in row or ())


def put(row: Row, name: str, value: Scalar | None) -> Row:
    """Return a row with one attribute changed; None takes it away."""
    item = {key: kept for key, kept in row or () if key != name}
    return _frozen(item if value is None else item | {name: value})


def forgotten(row: Row, who: str, holder: str = NOBODY) -> Row:
    """Return a row in which `who` is no name any more: its token becomes `holder`'s, its event the event.

    A token that nobody will present again can be compared with nothing, so that traces of it may go.
    """
    if row is None or all(value != who for _, value in row):
        return row
    items = dict(row)
    for name in ("released_token", "ended_token"):
        if items.get(name) == who:
            row = put(row, name, None if holder == NOBODY else holder)
    if items.get("token") == who:
        row = put(row, "token", holder)
    if items.get("event_id") == who:
        row = put(row, "event_id", THE_EVENT)
    return row


def swapped(row: Row, one: str, other: str) -> Row:
    """Return a row in which two names have changed places."""
    if row is None:
        return None
    names = {one: other, other: one}
    return tuple((key, names.get(value, value) if isinstance(value, str) else value) for key, value in row)


def _ask(machine: Machine, call: Call) -> Answer:  # noqa: PLR0911 - one line for each method
    submission, token = f"s{call.submission}", call.who
    now = NOW - 1 if call.again else NOW
    match call.write:
        case "record":
            return machine.record(new_task(id=ID, submission=submission), now=NOW)
        case "mark_published":
            machine.mark_published(ID, submission, now=NOW)
            return None
        case "claim":
            limit = call.max_attempts
            return machine.claim(ID, submission, token=token, lease_until=LIVE, now=now, max_attempts=limit)
        case "seize":
            return machine.seize(ID, submission, token=token, lease_until=LIVE, now=now)
        case "renew":
            return machine.renew(ID, submission, token, lease_until=LIVE)
        case "give_back":
            return machine.give_back(ID, submission, token, count=call.count)
        case "commit":
            end = outcome(_STATUS.get(call.body, Status.FAILED), event_id=token, notification=call.body)
            return machine.commit(ID, submission, token, end, now=NOW)
        case "cancel":
            end = outcome(Status.CANCELLED, event_id=token, notification=call.body)
            return machine.cancel(ID, submission, outcome=end, now=NOW)
        case _:
            return machine.mark_notified(ID, submission, now=NOW)


def _frozen(item: Item | None) -> Row:
    return None if item is None else tuple(sorted(item.items()))


class _OneRow:
    """Keeps one row, for `Machine`."""

    def __init__(self) -> None:
        self.item: Item | None = None

    def read(self, task_id: str) -> Item | None:
        return self.item

    def replace(self, item: Item, condition: Condition) -> None:
        self._demand(condition)
        self.item = item

    def change(self, task_id: str, condition: Condition, changes: Changes) -> Item:
        self._demand(condition)
        self.item = changed(self.item or {}, changes)
        return self.item

    def page(
        self, partition: str, limit: int, after: Position | None, until: int | None = None
    ) -> tuple[list[Item], Position | None]:
        return [], None

    def due(
        self, shard: str, before: int, limit: int, after: Position | None
    ) -> tuple[list[Due], Position | None]:
        return [], None

    def _demand(self, condition: Condition) -> None:
        if not holds(condition, self.item):
            raise WriteRefusedError(self.item)
