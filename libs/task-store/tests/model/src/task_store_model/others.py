"""The other actors: API, user, notifier, and the world itself."""

from task_schema import Status
from task_store import LostError, NotClaimableError, Task
from task_store_model.acting import IDLE, Actor, Fault, Slot, Tag, Turn
from task_store_model.rows import NOBODY, Answer, Call, is_looked_at
from task_store_model.world import (
    ORPHAN,
    Message,
    World,
    accept,
    delete,
    forget,
    is_free,
    lease_is_live,
    lease_of_the_living_runs_out,
    lease_runs_out,
    tell,
    with_message,
    write,
)


class Api(Actor):
    """The validator: record, publish, mark_published. Every request has the same body."""

    def at_idle(self, turn: Turn) -> None:
        """A client posts. A submission gets its number when its row is written.

        So a request that reaches the table late is one whose sender crashes after it.
        """
        submission = turn.world.current + 1
        if submission <= self.rules.submissions or not turn.world.finished:
            self.record(turn, submission)

    def at_record(self, turn: Turn, submission: int) -> None:
        """The same again, because there was no answer."""
        if turn.world.current == submission:
            self.record(turn, submission)
        else:
            # Assumed: the SDK does not repeat a write until its task has ended and the next one has, too.
            turn.go("answers 5xx", IDLE)

    def record(self, turn: Turn, submission: int) -> None:
        turn.write(
            "records",
            Call("record", submission, self.who),
            self.recorded,
            also=self.repeated,
            again=("record", submission),
            tag=Tag.INPUT if turn.slot == IDLE else Tag.NONE,
        )

    def recorded(self, answer: Answer) -> Slot:
        assert isinstance(answer, Task)
        if answer.published_at is not None or answer.status.is_terminal:
            return IDLE
        return ("publish", int(answer.submission[1:]))

    def repeated(self, world: World) -> World:
        """Answer 200 at once where the task was published before."""
        found = world.task
        return self.accepted(world, world.current) if found is not None and found.published_at else world

    def at_publish(self, turn: Turn, submission: int) -> None:
        turn.do("publishes", ("mark", submission), lambda world: self.publish(world, submission), lost=True)

    def publish(self, world: World, submission: int) -> World:
        return with_message(world, submission, Message.WAITING)

    def at_mark(self, turn: Turn, submission: int) -> None:
        call = Call("mark_published", submission, self.who)
        turn.write(
            "marks as published, answers 200",
            call,
            IDLE,
            also=lambda world: self.accepted(world, submission),
        )

    def accepted(self, world: World, submission: int) -> World:
        return accept(world, submission) if self.rules.word else world


class User(Actor):
    """Somebody who cancels: the API's handler, which tells the end where it made it."""

    def at_idle(self, turn: Turn) -> None:
        found = turn.world.task
        if found is not None and not found.status.is_terminal and not found.cancel_requested:
            turn.go("wants to cancel", ("cancel", turn.world.current), tag=Tag.INPUT)

    def at_cancel(self, turn: Turn, submission: int) -> None:
        call = Call("cancel", submission, self.who, "cancelled")
        turn.write("cancels", call, lambda answer: self.cancelled(answer, submission))

    def cancelled(self, answer: Answer, submission: int) -> Slot:
        if isinstance(answer, Task) and answer.status is Status.CANCELLED:
            return ("tell", submission, answer.notification or "")
        return IDLE

    def at_tell(self, turn: Turn, submission: int, body: str) -> None:
        turn.do("tells", ("mark", submission), lambda world: tell(world, submission, body), lost=True)

    def at_mark(self, turn: Turn, submission: int) -> None:
        turn.write("marks as told", Call("mark_notified", submission, self.who), IDLE)


class Notifier(Actor):
    """Dead letters and the sweeper. `letter` says whether there is a dead letter to delete at the end."""

    def at_idle(self, turn: Turn) -> None:
        for submission in range(1, self.rules.submissions + 1):
            message = turn.world.messages[submission - 1]
            if message is Message.DEAD:
                turn.go(f"keeps the dead letter of s{submission}", ("dead", submission))
            elif message is not Message.UNSENT:
                turn.fail(
                    Fault.REDELIVERY, f"keeps the dead letter of s{submission} again", ("dead", submission)
                )
        found = turn.world.task
        if found is not None and is_looked_at(turn.world.row):
            self.sweep(turn, found, turn.world.current)

    def sweep(self, turn: Turn, found: Task, submission: int) -> None:
        if found.status.is_terminal:
            if found.notified_at is None:
                after: Slot = ("tell", submission, found.notification or "", False)
                turn.go("sweeps: ended, not told", after, tag=Tag.SWEEP)
        elif is_free(found):
            if found.published_at is None:
                after = ("seize", submission, "not_published", False, False)
                turn.go("sweeps: never published", after, tag=Tag.SWEEP)
            if self.rules.early or turn.world.messages[submission - 1] is Message.DROPPED:
                turn.go("sweeps: too old", ("seize", submission, "expired", False, False), tag=Tag.SWEEP)

    def at_dead(self, turn: Turn, submission: int) -> None:
        found = turn.world.task
        if found is None or found.submission != f"s{submission}" or found.is_finished:
            turn.go("reads the row: nothing to do", ("delete", submission))
        elif found.status.is_terminal:
            turn.go("reads the row: not told", ("tell", submission, found.notification or "", True))
        elif not is_free(found):
            turn.go("reads the row: held", IDLE)
        else:
            turn.go("reads the row: free", ("seize", submission, "exhausted", True, False))

    def at_seize(self, turn: Turn, submission: int, body: str, letter: bool, again: bool) -> None:
        def then(answer: Answer) -> Slot:
            if isinstance(answer, NotClaimableError):
                return IDLE
            assert isinstance(answer, Task)
            # What was true when the row was read may not be so any more.
            gone_on = body == "not_published" and answer.published_at is not None
            return ("let_go", submission) if gone_on else ("commit", submission, body, letter)

        call = Call("seize", submission, self.who, again=again)
        turn.write("seizes", call, then, again=("seize", submission, body, letter, True))

    def at_let_go(self, turn: Turn, submission: int) -> None:
        turn.write("lets go", Call("give_back", submission, self.who), IDLE)

    def at_commit(self, turn: Turn, submission: int, body: str, letter: bool) -> None:
        def then(answer: Answer) -> Slot:
            row = answer.task if isinstance(answer, LostError) else answer
            if isinstance(row, Task) and row.submission == f"s{submission}" and row.event_id == self.who:
                return ("tell", submission, row.notification or "", letter)
            return IDLE

        turn.write(f"commits {body}", Call("commit", submission, self.who, body), then)

    def at_tell(self, turn: Turn, submission: int, body: str, letter: bool) -> None:
        turn.do("tells", ("mark", submission, letter), lambda world: tell(world, submission, body), lost=True)

    def at_mark(self, turn: Turn, submission: int, letter: bool) -> None:
        after: Slot = ("delete", submission) if letter else IDLE
        turn.write("marks as told", Call("mark_notified", submission, self.who), after)

    def at_delete(self, turn: Turn, submission: int) -> None:
        turn.do("deletes the dead letter", IDLE, lambda world: delete(world, submission), lost=True)


class Nature(Actor):
    """Time, the queue, and requests that arrive late. It remembers nothing."""

    def at_idle(self, turn: Turn) -> None:
        self.lease(turn)
        self.queue(turn)
        late = turn.world.late
        if late is not None:
            turn.do(f"the late {late.write} arrives", IDLE, self.arrival)

    def lease(self, turn: Turn) -> None:
        found = turn.world.task
        if found is None or found.status is not Status.RUNNING or not lease_is_live(found):
            return
        if found.token is None or found.token in {NOBODY, ORPHAN}:
            turn.go("the lease of nobody runs out", IDLE, lease_runs_out(turn.world))
        else:
            after = lease_of_the_living_runs_out(turn.world, found.token)
            turn.fail(Fault.LEASE, "the lease of a live holder runs out", IDLE, after)

    def queue(self, turn: Turn) -> None:
        world = turn.world
        for submission, message in enumerate(world.messages, 1):
            if message in {Message.WAITING, Message.HIDDEN}:
                dead = with_message(world, submission, Message.DEAD)
                turn.fail(Fault.DEAD, f"s{submission} goes to the dead-letter queue", IDLE, dead)
            if message in {Message.WAITING, Message.HIDDEN, Message.DEAD}:
                gone = with_message(world, submission, Message.DROPPED)
                turn.fail(Fault.DROPPED, f"the queue drops s{submission}", IDLE, gone)

    def arrival(self, world: World) -> World:
        late = world.late
        assert late is not None
        after, _ = write(world, self.rules.table, late, self.rules.most_attempts)
        return forget(after._replace(late=None), ORPHAN)
