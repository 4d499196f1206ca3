"""A queue agent with one message in hand: `queue_agent`'s intake, worker and ending, step by step."""

from task_schema import Status
from task_store import LostError, NotClaimableError, Task
from task_store_model.acting import IDLE, Actor, Fault, Slot, Turn
from task_store_model.rows import Answer, Call
from task_store_model.world import Message, delete, forget, lease_is_live, start, stop, tell, with_message


class Agent(Actor):
    """Places: read, claim, turn, run, interrupt, unclaim, seize, commit, let_go, release, tell, mark, delete.

    What no other can see is no step of its own: an agent that holds a message for long before it claims its
    task is one whose claim takes long.
    """

    def at_idle(self, turn: Turn) -> None:
        for submission in range(1, self.rules.submissions + 1):
            message = turn.world.messages[submission - 1]
            if message is Message.UNSENT:
                continue
            after: Slot = ("read", submission)
            if message is Message.WAITING:
                hidden = with_message(turn.world, submission, Message.HIDDEN)
                turn.go(f"receives s{submission}", after, hidden if self.rules.hides else None)
            else:
                turn.fail(Fault.REDELIVERY, f"receives s{submission} again", after)

    def at_read(self, turn: Turn, submission: int) -> None:
        """Read the row, and see what the message is worth."""
        found = turn.world.task
        read = "reads the row"
        if found is None or self.is_stale(found, submission):
            turn.go(f"{read}: stale", ("delete", submission))
        elif found.status.is_terminal:
            if found.notified_at is None:
                turn.go(f"{read}: ended, not told", ("tell", submission, found.notification or ""))
            else:
                turn.go(f"{read}: ended", ("delete", submission))
        elif found.status is Status.RUNNING and lease_is_live(found):
            turn.go(f"{read}: held by another", IDLE)
        elif found.cancel_requested:
            turn.go(f"{read}: to be cancelled", ("seize", submission, "cancelled", False))
        elif found.attempts >= self.rules.max_attempts:
            turn.go(f"{read}: attempts used up", ("seize", submission, "exhausted", False))
        else:
            turn.go(f"{read}: free", ("claim", submission, False))
            turn.go(f"{read}: unfit to run", ("seize", submission, "failed", False))

    def is_stale(self, found: Task, submission: int) -> bool:
        return found.submission != f"s{submission}"

    def at_claim(self, turn: Turn, submission: int, again: bool) -> None:
        call = Call("claim", submission, self.who, again=again, max_attempts=self.rules.max_attempts)
        turn.write(
            "claims", call, lambda answer: self.claimed(answer, submission), again=("claim", submission, True)
        )
        turn.fail(Fault.ANSWER, "gets no answer to its claim", ("release", submission, False))

    def claimed(self, answer: Answer, submission: int) -> Slot:
        if isinstance(answer, NotClaimableError):
            return self.not_free(answer.task, submission)
        assert isinstance(answer, Task)
        if answer.cancel_requested:
            return ("unclaim", submission)
        return ("turn", submission, answer.attempts >= self.rules.max_attempts)

    def at_turn(self, turn: Turn, submission: int, last: bool) -> None:
        """Wait for the GPU, with a claim."""
        turn.do("starts the run", ("run", submission, last), lambda world: start(world, self.who, submission))
        turn.go("gets no turn", ("release", submission, False))
        self.renew(turn, submission, ("unclaim", submission))

    def at_run(self, turn: Turn, submission: int, last: bool) -> None:
        for end in ("succeeded", "lost", "refused"):
            after = self.after_run(submission, end, last)
            turn.go(f"the run has {end}", after, stop(turn.world, self.who))
        self.renew(turn, submission, ("interrupt", submission))

    def renew(self, turn: Turn, submission: int, cancelled: Slot) -> None:
        def then(answer: Answer) -> Slot:
            if isinstance(answer, LostError):
                return IDLE
            assert isinstance(answer, Task)
            return cancelled if answer.cancel_requested else turn.slot

        turn.write("renews", Call("renew", submission, self.who), then)

    def after_run(self, submission: int, end: str, last: bool) -> Slot:
        if end == "succeeded":
            return ("commit", submission, end, True)
        if end == "lost" and last:
            return ("commit", submission, "exhausted", True)
        return ("release", submission, end == "lost")

    def at_interrupt(self, turn: Turn, submission: int) -> None:
        after: Slot = ("commit", submission, "cancelled", True)
        turn.go("interrupts the run", after, stop(turn.world, self.who))

    def at_unclaim(self, turn: Turn, submission: int) -> None:
        """Let go of the claim of a task that was cancelled before its run, which then ends as unclaimed."""
        call = Call("give_back", submission, self.who, claimed=True)
        after: Slot = ("seize", submission, "cancelled", False)
        # What it is seized with is a token of its own.
        turn.write("gives back what was cancelled", call, after, also=lambda world: forget(world, self.who))

    def not_free(self, found: Task | None, submission: int) -> Slot:
        """What becomes of the message of a task that could not be claimed."""
        if found is None or self.is_stale(found, submission) or found.is_finished:
            return ("delete", submission)
        return IDLE

    def at_seize(self, turn: Turn, submission: int, body: str, again: bool) -> None:
        def then(answer: Answer) -> Slot:
            if isinstance(answer, NotClaimableError):
                return self.not_free(answer.task, submission)
            return ("commit", submission, body, False)

        call = Call("seize", submission, self.who, again=again)
        turn.write("seizes", call, then, again=("seize", submission, body, True))

    def at_commit(self, turn: Turn, submission: int, body: str, claimed: bool) -> None:
        call = Call("commit", submission, self.who, body)
        turn.write(f"commits {body}", call, lambda answer: self.committed(answer, submission))
        turn.fail(Fault.ANSWER, "gets no answer to its commit", ("let_go", submission, body, claimed))

    def committed(self, answer: Answer, submission: int) -> Slot:
        row = answer.task if isinstance(answer, LostError) else answer
        if isinstance(row, Task) and row.submission == f"s{submission}" and row.event_id == self.who:
            return ("tell", submission, row.notification or "")
        return IDLE

    def at_let_go(self, turn: Turn, submission: int, body: str, claimed: bool) -> None:
        call = Call("give_back", submission, self.who, count=True, claimed=claimed)
        turn.write("lets go", call, lambda answer: self.committed(answer, submission))

    def at_release(self, turn: Turn, submission: int, count: bool) -> None:
        call = Call("give_back", submission, self.who, count=count, claimed=True)
        turn.write("gives back", call, IDLE)

    def at_tell(self, turn: Turn, submission: int, body: str) -> None:
        turn.do("tells", ("mark", submission), lambda world: tell(world, submission, body), lost=True)

    def at_mark(self, turn: Turn, submission: int) -> None:
        call = Call("mark_notified", submission, self.who)
        turn.write("marks as told", call, ("delete", submission))

    def at_delete(self, turn: Turn, submission: int) -> None:
        turn.do("deletes", IDLE, lambda world: delete(world, submission), lost=True)
