"""The table of writes of DESIGN 4.2: which states each write leaves, and what it asks of the row.

Every write asks for the row's `submission` to be the caller's; `record` asks for another one than the new.
A write that is repeated because its answer was lost must not look refused: `done` says how a row shows that
this very write has happened before.
"""

from dataclasses import dataclass
from enum import StrEnum

from task_schema import Status
from task_store._conditions import (
    Absent,
    AllOf,
    AtLeast,
    AtMost,
    Condition,
    In,
    Is,
    IsNot,
    OneOf,
    Present,
)
from task_store._table import LOOK_SORT


class Demand(StrEnum):
    """What a write asks of a row besides its state and its submission."""

    HELD = "token is the caller's"
    LEASE_OVER = "lease_until is not after now, and token is not the caller's"
    UNPUBLISHED = "no published_at"
    PUBLISHED = "published_at"
    UNTOLD = "no notified_at"
    TOLD = "notified_at"
    TOLD_NOW = "notified_at is now"
    ROOM = "room for the outcome"
    SAME_EVENT = "event_id is the outcome's"
    ENDED_BY_CALLER = "ended_token is the caller's"
    RELEASED_BY_CALLER = "released_token is the caller's"
    ATTEMPT_LEFT = "attempts are below the caller's limit"
    SEEN = "look_at is what the caller saw"
    POSTPONED = "look_at is what the caller asks for"


@dataclass(frozen=True, slots=True)
class Leaves:
    """States that a write may leave, and what it asks of a row in one of them."""

    states: frozenset[Status]
    demands: frozenset[Demand] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One row of the table of writes.

    Attributes:
        leaves: where it may start from.
        to: the states that it may lead to; empty where it keeps the state.
        creates: it may also start from no row, and replaces the whole of a row that is there.
        done: rows which show that the caller's write has happened before.
    """

    name: str
    leaves: tuple[Leaves, ...]
    to: frozenset[Status]
    creates: bool = False
    done: tuple[Leaves, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What one use of a write brings along; only what its demands need."""

    submission: str
    token: str = ""
    now: int = 0
    event_id: str = ""
    needed: int = 0
    seen: int = 0
    until: int = 0
    max_attempts: int = 1_000_000


EVERY = frozenset(Status)
TERMINAL = frozenset(status for status in Status if status.is_terminal)
_QUEUED = frozenset({Status.QUEUED})
_RUNNING = frozenset({Status.RUNNING})


def _leaves(states: frozenset[Status], *demands: Demand) -> Leaves:
    return Leaves(states, frozenset(demands))


_FREE = (_leaves(_QUEUED), _leaves(_RUNNING, Demand.LEASE_OVER))
_HELD = (_leaves(_RUNNING, Demand.HELD),)

RECORD = Write(
    name="record",
    leaves=(_leaves(TERMINAL, Demand.TOLD),),
    to=_QUEUED,
    creates=True,
    done=(_leaves(EVERY),),
)
MARK_PUBLISHED = Write(
    name="mark_published",
    leaves=(_leaves(EVERY, Demand.UNPUBLISHED),),
    to=frozenset(),
    done=(_leaves(EVERY, Demand.PUBLISHED),),
)
CLAIM = Write(
    name="claim",
    leaves=(
        _leaves(_QUEUED, Demand.ATTEMPT_LEFT),
        _leaves(_RUNNING, Demand.LEASE_OVER, Demand.ATTEMPT_LEFT),
    ),
    to=_RUNNING,
    done=_HELD,
)
RENEW = Write(name="renew", leaves=_HELD, to=frozenset())
GIVE_BACK = Write(
    name="give_back", leaves=_HELD, to=_QUEUED, done=(_leaves(EVERY, Demand.RELEASED_BY_CALLER),)
)
COMMIT = Write(
    name="commit",
    leaves=(_leaves(_RUNNING, Demand.HELD, Demand.ROOM),),
    to=TERMINAL,
    done=(_leaves(TERMINAL, Demand.ENDED_BY_CALLER, Demand.SAME_EVENT),),
)
CANCEL = Write(
    name="cancel",
    leaves=(_leaves(_QUEUED, Demand.ROOM),),
    to=frozenset({Status.CANCELLED}),
    done=(_leaves(frozenset({Status.CANCELLED}), Demand.SAME_EVENT),),
)
REQUEST_CANCEL = Write(name="request_cancel", leaves=(_leaves(_RUNNING),), to=frozenset())
SEIZE = Write(name="seize", leaves=_FREE, to=_RUNNING, done=_HELD)
MARK_NOTIFIED = Write(
    name="mark_notified",
    leaves=(_leaves(TERMINAL, Demand.UNTOLD),),
    to=frozenset(),
    done=(_leaves(TERMINAL, Demand.TOLD_NOW),),
)
POSTPONE = Write(
    name="postpone",
    leaves=(_leaves(EVERY, Demand.SEEN),),
    to=frozenset(),
    done=(_leaves(EVERY, Demand.POSTPONED),),
)

WRITES = (
    RECORD,
    MARK_PUBLISHED,
    CLAIM,
    RENEW,
    GIVE_BACK,
    COMMIT,
    CANCEL,
    REQUEST_CANCEL,
    SEIZE,
    MARK_NOTIFIED,
    POSTPONE,
)


def allows(write: Write, call: Call) -> Condition:
    """Return the condition under which a write happens."""
    if write.creates:
        other = IsNot("submission", call.submission)
        return OneOf((Absent("id"), AllOf((other, _from(write.leaves, call)))))
    return AllOf((Is("submission", call.submission), _from(write.leaves, call)))


def has_happened(write: Write, call: Call) -> Condition:
    """Return the condition which holds for rows that this very write has left behind."""
    return AllOf((Is("submission", call.submission), _from(write.done, call)))


def _from(leaves: tuple[Leaves, ...], call: Call) -> Condition:
    return OneOf(tuple(_row(one, call) for one in leaves))


def _row(leaves: Leaves, call: Call) -> Condition:
    states = In("status", tuple(sorted(leaves.states)))
    return AllOf((states, *(_demand(demand, call) for demand in sorted(leaves.demands))))


def _demand(demand: Demand, call: Call) -> Condition:
    conditions: dict[Demand, Condition] = {
        Demand.HELD: Is("token", call.token),
        Demand.LEASE_OVER: AllOf((AtMost("lease_until", call.now), IsNot("token", call.token))),
        Demand.UNPUBLISHED: Absent("published_at"),
        Demand.PUBLISHED: Present("published_at"),
        Demand.UNTOLD: Absent("notified_at"),
        Demand.TOLD: Present("notified_at"),
        Demand.TOLD_NOW: Is("notified_at", call.now),
        Demand.ROOM: AtLeast("room", call.needed),
        Demand.SAME_EVENT: Is("event_id", call.event_id),
        Demand.ENDED_BY_CALLER: Is("ended_token", call.token),
        Demand.RELEASED_BY_CALLER: Is("released_token", call.token),
        Demand.ATTEMPT_LEFT: AtMost("attempts", call.max_attempts - 1),
        Demand.SEEN: Is(LOOK_SORT, call.seen),
        Demand.POSTPONED: Is(LOOK_SORT, call.until),
    }
    return conditions[demand]
