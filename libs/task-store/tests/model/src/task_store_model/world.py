"""What all actors share: the row, the queues, what the world was told; and the promises about it."""

import dataclasses
from enum import StrEnum
from typing import Final, NamedTuple

from task_schema import Status
from task_store import Task
from task_store_model.errors import BrokenPromiseError
from task_store_model.rows import NOBODY, NOW, Answer, Call, Row, Table, forgotten, put, swapped, task

#: The name of a request that is still on its way after its sender has stopped to wait for it.
ORPHAN: Final = "orphan"


class Promise(StrEnum):
    """What must hold in every state."""

    ONE_END = "a submission ends once"
    TOLD_AS_COMMITTED = "only what was committed is told, always the same"
    HOLDER = "only the holder of the token commits"
    TOLD_FIRST = "notified_at comes after telling"
    DELETED_LAST = "a message goes only when its task was told"
    OWN_ROW = "no write touches the row of another submission"
    REUSE = "an id is used again only once its task has ended and was told"
    LEASE = "nobody is robbed of a task under a live lease"
    COUNTED = "attempts are claims that were not given back uncounted"
    CLAIMED = "no run begins without a claim"
    NO_RUN = "what the API called cancelled has no run"
    ATTEMPTS = "no more inferences are lost than allowed"
    HAS_MESSAGE = "a task is marked as published once its message is there"
    ENDS = "once faults stop, each task comes to its end and is told"
    ENDS_BY_MESSAGE = "a task whose message is there needs no sweeper"
    WORD = "a task whose client was told 200 is not ended as never published"


class Message(StrEnum):
    """Where the message of a submission is."""

    UNSENT = "unsent"
    WAITING = "waiting"
    HIDDEN = "hidden"
    DEAD = "in the dead-letter queue"
    DROPPED = "dropped by the queue"
    DELETED = "deleted"
    #: Of a submission that the row has left behind: whatever becomes of it.
    OLD = "old"


class World(NamedTuple):
    """The shared part of a state. Tuples have one entry for each submission.

    Attributes:
        ended: how each submission ended, empty if it has not.
        counted: how many attempts the row has to show.
        late: a write whose sender got no answer, and which has not reached the table yet.
        faults: how many may still happen; negative for any number.
        running: the agents that have a run under way, but for those overdue.
        overdue: those whose lease ran out while they lived: they learn of it by their next renewal only.
    """

    row: Row
    messages: tuple[Message, ...]
    told: tuple[bool, ...]
    accepted: tuple[bool, ...]
    ended: tuple[str, ...]
    counted: int = 0
    late: Call | None = None
    faults: int = -1
    running: tuple[str, ...] = ()
    overdue: tuple[str, ...] = ()

    @property
    def task(self) -> Task | None:
        return task(self.row)

    @property
    def current(self) -> int:
        """The submission that the row is of; 0: there is no row."""
        found = self.task
        return 0 if found is None else int(found.submission[1:])

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        found = self.task
        return found is None or found.is_finished


def begin(submissions: int, faults: int) -> World:
    """Return the world before the first request."""
    no = (False,) * submissions
    return World(None, (Message.UNSENT,) * submissions, no, no, ("",) * submissions, faults=faults)


def lease_is_live(found: Task) -> bool:
    return (found.lease_until or 0) > NOW


def is_free(found: Task) -> bool:
    """Whether a task may be claimed."""
    return found.status is Status.QUEUED or (found.status is Status.RUNNING and not lease_is_live(found))


def set_at[T](values: tuple[T, ...], submission: int, value: T) -> tuple[T, ...]:
    return (*values[: submission - 1], value, *values[submission:])


def with_message(world: World, submission: int, message: Message) -> World:
    if world.messages[submission - 1] is Message.OLD:
        return world
    return world._replace(messages=set_at(world.messages, submission, message))


def accept(world: World, submission: int) -> World:
    """Answer a client with 200."""
    if world.ended[submission - 1] == "not_published":
        raise BrokenPromiseError(Promise.WORD, f"s{submission}")
    if world.messages[submission - 1] is Message.OLD:
        return world
    return world._replace(accepted=set_at(world.accepted, submission, True))


def tell(world: World, submission: int, body: str) -> World:
    """Publish the end of a submission."""
    committed = world.ended[submission - 1]
    if committed != body:
        raise BrokenPromiseError(Promise.TOLD_AS_COMMITTED, f"{body}; committed: {committed or 'nothing'}")
    return world._replace(told=set_at(world.told, submission, True))


def delete(world: World, submission: int) -> World:
    """Delete the message of a submission."""
    if not world.told[submission - 1]:
        raise BrokenPromiseError(Promise.DELETED_LAST, f"the message of s{submission}")
    return with_message(world, submission, Message.DELETED)


def start(world: World, who: str, submission: int) -> World:
    """Begin a run."""
    if who in world.overdue:
        return world
    found = world.task
    if found is None or (found.submission, found.token) != (f"s{submission}", who):
        raise BrokenPromiseError(Promise.CLAIMED, f"{who} runs s{submission}")
    return world._replace(running=_with(world.running, who))


def stop(world: World, who: str) -> World:
    """End a run."""
    return world._replace(running=_without(world.running, who))


def _with(names: tuple[str, ...], who: str) -> tuple[str, ...]:
    return tuple(sorted({*names, who}))


def _without(names: tuple[str, ...], who: str) -> tuple[str, ...]:
    return tuple(name for name in names if name != who)


def forget(world: World, who: str) -> World:
    """Let an actor begin anew: its token and its event have no owner any more."""
    late, heir = world.late, NOBODY
    if late is not None and late.who == who:
        late, heir = dataclasses.replace(late, who=ORPHAN), ORPHAN
    return world._replace(
        row=forgotten(world.row, who, heir),
        late=late,
        running=_without(world.running, who),
        overdue=_without(world.overdue, who),
    )


def swap(world: World, one: str, other: str) -> World:
    """Return the world in which two actors have changed places."""
    late = world.late
    if late is not None and late.who in (one, other):
        late = dataclasses.replace(late, who=other if late.who == one else one)
    return world._replace(
        row=swapped(world.row, one, other),
        late=late,
        running=_swapped(world.running, one, other),
        overdue=_swapped(world.overdue, one, other),
    )


def _swapped(names: tuple[str, ...], one: str, other: str) -> tuple[str, ...]:
    places = {one: other, other: one}
    return tuple(sorted(places.get(name, name) for name in names))


def lease_runs_out(world: World) -> World:
    return world._replace(row=put(world.row, "lease_until", NOW))


def lease_of_the_living_runs_out(world: World, holder: str) -> World:
    return stop(lease_runs_out(world), holder)._replace(overdue=_with(world.overdue, holder))


def write(world: World, table: Table, call: Call, max_attempts: int) -> tuple[World, Answer]:
    """Send a write to the table, and check what it did.

    Raises:
        BrokenPromiseError: it did what it must not.
    """
    row, answer = table.apply(world.row, call)
    if row == world.row:
        return world, answer
    before, after = world.task, task(row)
    assert after is not None
    late = world.late and dataclasses.replace(world.late, again=True)
    world = _checked(world, call, before, after)._replace(row=row, late=late)
    if after.attempts != world.counted:
        detail = f"the row says {after.attempts}, not {world.counted}"
        raise BrokenPromiseError(Promise.COUNTED, detail)
    if after.attempts > max_attempts:
        raise BrokenPromiseError(Promise.ATTEMPTS, f"attempt {after.attempts} of {max_attempts}")
    return world, answer


def _checked(world: World, call: Call, before: Task | None, after: Task) -> World:
    if call.write == "record":
        return _recorded(world, call, before)
    assert before is not None
    if before.submission != f"s{call.submission}" or after.submission != before.submission:
        raise BrokenPromiseError(Promise.OWN_ROW, f"{call.write} for s{call.submission}: {before.submission}")
    if before.status.is_terminal:
        told = (before.status, before.event_id, before.notification)
        if (after.status, after.event_id, after.notification) != told:
            raise BrokenPromiseError(Promise.ONE_END, f"s{call.submission} was {before.status}")
    if after.notified_at is not None and not world.told[call.submission - 1]:
        raise BrokenPromiseError(Promise.TOLD_FIRST, f"s{call.submission}")
    if call.write == "mark_published" and world.messages[call.submission - 1] is Message.UNSENT:
        raise BrokenPromiseError(Promise.HAS_MESSAGE, f"s{call.submission}")
    if after.status.is_terminal and not before.status.is_terminal:
        return _ended(world, call, before, after)
    return _moved(world, call, before)


def _recorded(world: World, call: Call, before: Task | None) -> World:
    if before is not None and not (before.is_finished and all(world.told[: world.current])):
        raise BrokenPromiseError(Promise.REUSE, f"{before.submission} is {before.status}")
    if world.ended[call.submission - 1]:
        raise BrokenPromiseError(Promise.ONE_END, f"s{call.submission} is recorded again after its end")
    old = call.submission - 1
    return world._replace(
        counted=0,
        messages=(Message.OLD,) * old + world.messages[old:],
        accepted=(False,) * old + world.accepted[old:],
    )


def _ended(world: World, call: Call, before: Task, after: Task) -> World:
    holds = before.status is Status.RUNNING and before.token == call.who
    if not holds and not (call.write == "cancel" and before.status is Status.QUEUED):
        detail = f"{call.write} by {call.who}: {before.status}, held by {before.token}"
        raise BrokenPromiseError(Promise.HOLDER, detail)
    if world.ended[call.submission - 1]:
        raise BrokenPromiseError(Promise.ONE_END, f"s{call.submission}")
    if call.write == "cancel" and world.running:
        raise BrokenPromiseError(Promise.NO_RUN, f"s{call.submission}: {', '.join(world.running)}")
    body = after.notification or ""
    world = world._replace(ended=set_at(world.ended, call.submission, body))
    if body == "not_published" and world.accepted[call.submission - 1]:
        raise BrokenPromiseError(Promise.WORD, f"s{call.submission}")
    return world


def _moved(world: World, call: Call, before: Task) -> World:
    if call.write in {"claim", "seize"} and not is_free(before):
        raise BrokenPromiseError(Promise.LEASE, f"{call.who} takes it from {before.token}")
    if call.write == "claim":
        return world._replace(counted=world.counted + 1)
    if call.write == "give_back" and call.claimed and not call.count:
        return world._replace(counted=world.counted - 1)
    return world
