"""What the actors' programs are made of: a state of their own, and the moves that they may make from it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from task_store_model.errors import BrokenPromiseError
from task_store_model.rows import Answer, Call, Table
from task_store_model.world import Message, World, forget, with_message, write

#: What an actor remembers: where in its program it is, and the values that it goes on with.
type Slot = tuple[str | int | bool, ...]

IDLE: Final[Slot] = ("idle",)


class Fault:
    """Kinds of faults, by which a scenario chooses."""

    CRASH: Final = "crash"
    ANSWER: Final = "answer lost"
    LATE: Final = "request late"
    LEASE: Final = "lease of a live holder"
    REDELIVERY: Final = "redelivery"
    DEAD: Final = "dead letter"
    DROPPED: Final = "retention over"


class Tag:
    """Moves that a task must not depend on to come to its end."""

    NONE: Final = ""
    #: It comes from outside.
    INPUT: Final = "input"
    #: The sweeper begins.
    SWEEP: Final = "sweep"


class Move(NamedTuple):
    """One step; `broken` says which promise it breaks, if any."""

    action: str
    slot: Slot
    world: World
    fault: bool = False
    tag: str = Tag.NONE
    broken: str = ""
    promise: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a scenario allows.

    Attributes:
        submissions: how often the id may be used.
        max_attempts: inferences that may be lost before a task is given up.
        most_attempts: what the row may show at most.
        early: whether the sweeper may take any task for too old, not only those whose message is gone.
        word: whether it is looked at who was answered 200.
        faults: kinds that happen.
        hides: whether a message in hand is hidden, so that having it delivered again is a fault; otherwise
            every message may be delivered to anybody at any time.
    """

    table: Table
    submissions: int = 1
    max_attempts: int = 2
    most_attempts: int = 2
    early: bool = True
    word: bool = False
    faults: frozenset[str] = frozenset()
    hides: bool = False


@dataclass(slots=True)
class Turn:
    """Gathers the moves of one actor in one state."""

    rules: Rules
    who: str
    slot: Slot
    world: World
    moves: list[Move] = field(default_factory=list)

    def go(self, action: str, slot: Slot, world: World | None = None, tag: str = Tag.NONE) -> None:
        """Add a move."""
        self._add(action, slot, self.world if world is None else world, tag=tag)

    def fail(
        self, kind: str, action: str, slot: Slot, world: World | None = None, tag: str = Tag.NONE
    ) -> None:
        """Add a move that is a fault, if faults of the kind may happen."""
        world = self.world if world is None else world
        if kind not in self.rules.faults or self.world.faults == 0:
            return
        if self.world.faults > 0:
            world = world._replace(faults=self.world.faults - 1)
        self._add(action, slot, world, fault=True, tag=tag)

    def do(self, action: str, slot: Slot, change: Callable[[World], World], *, lost: bool = False) -> None:
        """Add a move that changes the world; `lost`: its answer may get lost, and it is done again."""
        try:
            after = change(self.world)
        except BrokenPromiseError as exc:
            self._broken(action, exc)
            return
        self.go(action, slot, after)
        if lost:
            self.fail(Fault.ANSWER, f"{action}: answer lost", self.slot, after)

    def write(
        self,
        action: str,
        call: Call,
        then: Callable[[Answer], Slot] | Slot,
        *,
        also: Callable[[World], World] | None = None,
        again: Slot | None = None,
        tag: str = Tag.NONE,
    ) -> None:
        """Add a write: it is answered, or it happens and the answer is lost, or it happens later.

        `then` says where to go on, for every answer or for each. `also` is done at once after the answer.
        `again` is where it is repeated from if the answer is lost; by default where it is now.
        """
        try:
            after, answer = write(self.world, self.rules.table, call, self.rules.most_attempts)
            answered = after if also is None else also(after)
        except BrokenPromiseError as exc:
            self._broken(action, exc)
            return
        self.go(action, then(answer) if callable(then) else then, answered, tag)
        # A repetition is not repeated: senders do so for some seconds only, and a lease is a minute.
        if after.row != self.world.row and not call.again:
            self.fail(Fault.ANSWER, f"{action}: answer lost", again or self.slot, after, tag)
        if self.world.late is None and call.write != "record" and not call.again:
            self.fail(
                Fault.LATE, f"{action}: no answer yet", again or self.slot, self.world._replace(late=call)
            )

    def crash(self) -> None:
        """Add a crash, which is also what giving up comes to."""
        self.fail(Fault.CRASH, "crash", IDLE)

    def _add(
        self, action: str, slot: Slot, world: World, *, fault: bool = False, tag: str = Tag.NONE
    ) -> None:
        if slot == IDLE and self.slot != IDLE:
            world = self._settled(forget(world, self.who))
        self.moves.append(Move(f"{self.who}: {action}", slot, world, fault, tag))

    def _settled(self, world: World) -> World:
        """Return the world in which a message that was in hand is back, unless it was deleted."""
        submission = self.slot[1] if len(self.slot) > 1 else 0
        if not (self.rules.hides and self.who in {"A", "B"} and isinstance(submission, int)):
            return world
        hidden = submission > 0 and world.messages[submission - 1] is Message.HIDDEN
        return with_message(world, submission, Message.WAITING) if hidden else world

    def _broken(self, action: str, exc: BrokenPromiseError) -> None:
        self.moves.append(
            Move(f"{self.who}: {action}", self.slot, self.world, broken=str(exc), promise=exc.promise)
        )


class Actor:
    """One program. Subclasses have a method for each place in it, named after the place."""

    def __init__(self, rules: Rules, who: str) -> None:
        self.rules = rules
        self.who = who

    def moves(self, slot: Slot, world: World) -> list[Move]:
        """Return what may happen next."""
        turn = Turn(self.rules, self.who, slot, world)
        getattr(self, f"at_{slot[0]}")(turn, *slot[1:])
        if slot != IDLE:
            turn.crash()
        return turn.moves
