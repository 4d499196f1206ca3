"""Programs and state machines with a fault each: a checker that finds none of them would prove nothing."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from task_schema import Status
from task_store import LostError, NewTask, NotClaimableError, Outcome, Task
from task_store._conditions import Absent, AllOf, Changes, Condition, In, Is, IsNot, OneOf
from task_store._items import new_item, task_of
from task_store._machine import Machine, WriteRefusedError
from task_store._store import Replacing
from task_store._table import LOOK_PARTITION, LOOK_SORT
from task_store_model.acting import IDLE, Fault, Slot, Turn
from task_store_model.agent import Agent
from task_store_model.others import Api, Notifier
from task_store_model.rows import LIVE, Answer, Call
from task_store_model.scenarios import Programs, Scenario
from task_store_model.world import Message, Promise, is_free, start

_RUNNING = Is("status", Status.RUNNING.value)
_OPEN = In("status", (Status.QUEUED.value, Status.RUNNING.value))
_ENDED = In("status", tuple(status.value for status in Status if status.is_terminal))


def _take(machine: Machine, condition: Condition, token: str, lease_until: int, count: int) -> Task:
    changes = Changes(
        put={"status": "running", "token": token, "lease_until": lease_until},
        copy={"attempts_before": "attempts"},
        add={"attempts": count},
    )
    try:
        return task_of(machine._rows.change("task", condition, changes))
    except WriteRefusedError as exc:
        row = None if exc.item is None else task_of(exc.item)
        raise NotClaimableError("refused", row) from exc


class CommitsWithoutToken(Machine):
    def commit(self, task_id: str, submission: str, token: str, outcome: Outcome, *, now: int) -> Task:
        row = self.get(task_id)
        held = row.token if row is not None and row.token is not None else token
        return super().commit(task_id, submission, held, outcome, now=now)


class SeizesUnderLease(Machine):
    def seize(self, task_id: str, submission: str, *, token: str, lease_until: int, now: int) -> Task:
        return _take(self, AllOf((Is("submission", submission), _OPEN)), token, lease_until, 0)


class ClaimsUnderLease(Machine):
    def claim(self, task_id: str, submission: str, **call: Any) -> Task:
        return _take(
            self, AllOf((Is("submission", submission), _OPEN)), call["token"], call["lease_until"], 1
        )


class ClaimsWhatEnded(Machine):
    def claim(self, task_id: str, submission: str, **call: Any) -> Task:
        free = OneOf((Is("status", "queued"), AllOf((_ENDED, IsNot("token", call["token"])))))
        return _take(self, AllOf((Is("submission", submission), free)), call["token"], call["lease_until"], 1)


class ClaimsAnySubmission(Machine):
    def claim(self, task_id: str, submission: str, **call: Any) -> Task:
        row = self.get(task_id)
        own = submission if row is None else row.submission
        return super().claim(task_id, own, **call)


class MarksAnySubmission(Machine):
    def mark_notified(self, task_id: str, submission: str, *, now: int) -> bool:
        row = self.get(task_id)
        ended = row is not None and row.status.is_terminal
        return super().mark_notified(task_id, row.submission if row and ended else submission, now=now)


class CountsWhatWasGivenBack(Machine):
    def give_back(self, task_id: str, submission: str, token: str, *, count: bool = False) -> Task:
        return super().give_back(task_id, submission, token, count=True)


class ForgetsWhatWasLost(Machine):
    def give_back(self, task_id: str, submission: str, token: str, *, count: bool = False) -> Task:
        return super().give_back(task_id, submission, token)


class GivesBackAnybodys(Machine):
    """Whoever gives back frees the row: then the holder's commit is refused, and its count is off."""

    def give_back(self, task_id: str, submission: str, token: str, *, count: bool = False) -> Task:
        row = self.get(task_id)
        held = row.token if row is not None and row.token is not None else token
        return super().give_back(task_id, submission, held, count=count)


class RecordsOverUntold(Machine):
    def record(self, new: NewTask, *, now: int, replacing: Replacing | None = None) -> Task:
        try:
            self._rows.replace(new_item(new, now), OneOf((Absent("id"), _ENDED)))
        except WriteRefusedError:
            return super().record(new, now=now, replacing=replacing)
        return task_of(new_item(new, now))


class MarksWhatHasNotEnded(Machine):
    def mark_published(self, task_id: str, submission: str, *, now: int) -> None:
        super().mark_published(task_id, submission, now=now)
        told = Changes(put={"notified_at": now})
        self._rows.change(task_id, Is("submission", submission), told)


class ForgetsToLook(Machine):
    """A row that was claimed once is not in the sweeper's index any more."""

    def give_back(self, task_id: str, submission: str, token: str, *, count: bool = False) -> Task:
        task = super().give_back(task_id, submission, token, count=count)
        self._rows.change(task_id, Is("submission", submission), Changes(remove=(LOOK_PARTITION, LOOK_SORT)))
        return task


class CancelsWhatRuns(Machine):
    def cancel(self, task_id: str, submission: str | None = None, *, outcome: Outcome, now: int) -> Task:
        row = self.get(task_id)
        if row is None or row.token is None:
            return super().cancel(task_id, submission, outcome=outcome, now=now)
        return super().commit(task_id, row.submission, row.token, outcome, now=now)


class MarksBeforeTelling(Agent):
    def committed(self, answer: Answer, submission: int) -> Slot:
        after = super().committed(answer, submission)
        return after if after == IDLE else ("mark", submission)


class DeletesBeforeCommitting(Agent):
    def at_commit(self, turn: Turn, submission: int, body: str, claimed: bool) -> None:
        super().at_commit(turn, submission, body, claimed)
        self.at_delete(turn, submission)


class DeletesWithoutTelling(Agent):
    def not_free(self, found: Task | None, submission: int) -> Slot:
        return ("delete", submission)


class TellsBeforeCommitting(Agent):
    def after_run(self, submission: int, end: str, last: bool) -> Slot:
        after = super().after_run(submission, end, last)
        return ("tell", submission, str(after[2])) if after[0] == "commit" else after


class TellsItsOwnWhereItLost(Agent):
    def at_commit(self, turn: Turn, submission: int, body: str, claimed: bool) -> None:
        def then(answer: Answer) -> Slot:
            lost = isinstance(answer, LostError)
            return ("tell", submission, body) if lost else self.committed(answer, submission)

        turn.write("commits", Call("commit", submission, self.who, body), then)


class StartsBesideItsClaim(Agent):
    def at_claim(self, turn: Turn, submission: int, again: bool) -> None:
        super().at_claim(turn, submission, again)
        turn.do(
            "starts the run", ("run", submission, False), lambda world: start(world, self.who, submission)
        )


class RunsWhatItWasRefused(Agent):
    def claimed(self, answer: Answer, submission: int) -> Slot:
        refused = isinstance(answer, NotClaimableError)
        return ("turn", submission, False) if refused else super().claimed(answer, submission)


class GivesBackWhatRuns(Agent):
    def at_run(self, turn: Turn, submission: int, last: bool) -> None:
        super().at_run(turn, submission, last)
        turn.write("gives back", Call("give_back", submission, self.who, count=True), turn.slot)


class TriesForEver(Agent):
    def claimed(self, answer: Answer, submission: int) -> Slot:
        after = super().claimed(answer, submission)
        return ("turn", submission, False) if after[0] == "turn" else after

    def at_read(self, turn: Turn, submission: int) -> None:
        found = turn.world.task
        if found is not None and found.submission == f"s{submission}" and is_free(found):
            turn.go("goes on", ("claim", submission, False))
        else:
            super().at_read(turn, submission)


class DropsTheStale(Agent):
    """It takes a row that it does not know for a stale one, although it is of its own submission."""

    def is_stale(self, found: Task, submission: int) -> bool:
        return super().is_stale(found, submission) or found.published_at is None


class MarksPublishedFirst(Api):
    def recorded(self, answer: Answer) -> Slot:
        after = super().recorded(answer)
        return ("mark", after[1]) if after[0] == "publish" else after


class NeverSweepsUnpublished(Notifier):
    def sweep(self, turn: Turn, found: Task, submission: int) -> None:
        if found.published_at is not None or found.status.is_terminal:
            super().sweep(turn, found, submission)


class NeverSweepsUntold(Notifier):
    def sweep(self, turn: Turn, found: Task, submission: int) -> None:
        if not found.status.is_terminal:
            super().sweep(turn, found, submission)


class DropsLettersUnderLease(Notifier):
    def at_dead(self, turn: Turn, submission: int) -> None:
        found = turn.world.task
        if found is not None and found.status is Status.RUNNING and found.lease_until == LIVE:
            turn.go("drops the letter", ("delete", submission))
        else:
            super().at_dead(turn, submission)


class WaitsForTheLease(Notifier):
    """It never takes a task that was claimed once, although nobody may hold it any more."""

    def at_dead(self, turn: Turn, submission: int) -> None:
        found = turn.world.task
        if (
            found is not None
            and found.token is not None
            and turn.world.messages[submission - 1] is Message.DEAD
        ):
            turn.go("puts the letter back", IDLE)
        else:
            super().at_dead(turn, submission)


class ClaimsWithoutLimit(Machine):
    def claim(self, task_id: str, submission: str, **call: Any) -> Task:
        return super().claim(task_id, submission, **(call | {"max_attempts": None}))


@dataclass(frozen=True, slots=True)
class Mutation:
    """A fault, and the promise that it must be found by."""

    name: str
    scenario: Callable[[Programs], Scenario]
    programs: Programs
    promise: str

    @property
    def search(self) -> Scenario:
        return self.scenario(self.programs)


_MANY = frozenset({Fault.CRASH, Fault.LEASE, Fault.REDELIVERY})


def _two(programs: Programs) -> Scenario:
    return Scenario(name="two agents", kinds=_MANY, programs=programs)


def _reused(programs: Programs) -> Scenario:
    return Scenario(name="an id used twice", submissions=2, kinds=_MANY, programs=programs)


def _cancelled(programs: Programs) -> Scenario:
    return Scenario(name="a user", agents=1, user=True, kinds=_MANY, programs=programs)


def _dead(programs: Programs) -> Scenario:
    return Scenario(
        name="the notifier",
        agents=1,
        user=True,
        notifier=True,
        early=False,
        hides=True,
        kinds=frozenset({Fault.CRASH, Fault.LEASE, Fault.DEAD}),
        programs=programs,
    )


def _old(programs: Programs) -> Scenario:
    """The sweeper may take any task for too old, so that a dead letter that is left does no lasting harm."""
    return replace(_dead(programs), early=True)


def _dropped(programs: Programs) -> Scenario:
    return Scenario(
        name="a message that is dropped",
        agents=1,
        notifier=True,
        early=False,
        hides=True,
        kinds=frozenset({Fault.CRASH, Fault.DROPPED}),
        programs=programs,
    )


MUTATIONS = (
    Mutation("commit without token", _two, Programs(machine=CommitsWithoutToken), Promise.HOLDER),
    Mutation("seize under a live lease", _two, Programs(machine=SeizesUnderLease), Promise.LEASE),
    Mutation("claim under a live lease", _two, Programs(machine=ClaimsUnderLease), Promise.LEASE),
    Mutation("claim without limit", _two, Programs(machine=ClaimsWithoutLimit), Promise.ATTEMPTS),
    Mutation("claim of what has ended", _two, Programs(machine=ClaimsWhatEnded), Promise.ONE_END),
    Mutation("claim for any submission", _reused, Programs(machine=ClaimsAnySubmission), Promise.OWN_ROW),
    Mutation("mark for any submission", _reused, Programs(machine=MarksAnySubmission), Promise.OWN_ROW),
    Mutation("give back counts all", _two, Programs(machine=CountsWhatWasGivenBack), Promise.COUNTED),
    Mutation("give back counts none", _two, Programs(machine=ForgetsWhatWasLost), Promise.COUNTED),
    Mutation("give back of another's", _two, Programs(machine=GivesBackAnybodys), Promise.COUNTED),
    Mutation("record over untold", _reused, Programs(machine=RecordsOverUntold), Promise.REUSE),
    Mutation("marked as told unended", _two, Programs(machine=MarksWhatHasNotEnded), Promise.TOLD_FIRST),
    Mutation("cancel of what runs", _cancelled, Programs(machine=CancelsWhatRuns), Promise.HOLDER),
    Mutation("mark before telling", _two, Programs(agent=MarksBeforeTelling), Promise.TOLD_FIRST),
    Mutation("delete before commit", _two, Programs(agent=DeletesBeforeCommitting), Promise.DELETED_LAST),
    Mutation("delete of what is untold", _two, Programs(agent=DeletesWithoutTelling), Promise.DELETED_LAST),
    Mutation("tell before commit", _two, Programs(agent=TellsBeforeCommitting), Promise.TOLD_AS_COMMITTED),
    Mutation("tell a lost outcome", _two, Programs(agent=TellsItsOwnWhereItLost), Promise.TOLD_AS_COMMITTED),
    Mutation("start beside the claim", _two, Programs(agent=StartsBesideItsClaim), Promise.CLAIMED),
    Mutation("run of what was refused", _cancelled, Programs(agent=RunsWhatItWasRefused), Promise.CLAIMED),
    Mutation("give back of what runs", _cancelled, Programs(agent=GivesBackWhatRuns), Promise.NO_RUN),
    Mutation("no end of attempts", _two, Programs(agent=TriesForEver), Promise.ENDS_BY_MESSAGE),
    Mutation("own message taken for stale", _two, Programs(agent=DropsTheStale), Promise.DELETED_LAST),
    Mutation("published before it is", _two, Programs(api=MarksPublishedFirst), Promise.HAS_MESSAGE),
    Mutation("letter dropped", _dead, Programs(notifier=DropsLettersUnderLease), Promise.DELETED_LAST),
    Mutation("unpublished never swept", _dead, Programs(notifier=NeverSweepsUnpublished), Promise.ENDS),
    Mutation("untold never swept", _dead, Programs(notifier=NeverSweepsUntold), Promise.ENDS),
    Mutation("given back and lost from sight", _dropped, Programs(machine=ForgetsToLook), Promise.ENDS),
    Mutation("letter of the dead left", _old, Programs(notifier=WaitsForTheLease), Promise.ENDS_BY_MESSAGE),
)
