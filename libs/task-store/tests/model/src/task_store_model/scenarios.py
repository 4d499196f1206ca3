"""What is explored: some actors with any number of faults, and all of them with a few."""

from dataclasses import dataclass, field

from task_store._machine import Machine
from task_store_model.acting import Actor, Fault, Rules
from task_store_model.agent import Agent
from task_store_model.explorer import Explorer, Found, Step
from task_store_model.others import Api, Nature, Notifier, User
from task_store_model.rows import Table
from task_store_model.world import Message, Promise, World, begin

MAX_ATTEMPTS = 2

EVERY_FAULT = frozenset(
    {Fault.CRASH, Fault.ANSWER, Fault.LATE, Fault.LEASE, Fault.REDELIVERY, Fault.DEAD, Fault.DROPPED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """What the actors run; a mutation puts others in their place."""

    machine: type[Machine] = Machine
    agent: type[Agent] = Agent
    api: type[Api] = Api
    user: type[User] = User
    notifier: type[Notifier] = Notifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One search.

    Attributes:
        faults: how many faults of `kinds` may happen on one way; negative for any number.
        limit: states to give up after.
    """

    name: str
    agents: int = 2
    user: bool = False
    notifier: bool = False
    submissions: int = 1
    max_attempts: int = MAX_ATTEMPTS
    faults: int = -1
    kinds: frozenset[str] = EVERY_FAULT
    hides: bool = False
    early: bool = True
    word: bool = False
    limit: int = 10_000_000
    programs: Programs = field(default_factory=Programs)

    def search(self) -> Found:
        """Explore it, and look for dead ends."""
        explorer = self.explorer()
        found = explorer.explore()
        if found.complete and not found.promise:
            found.promise, found.trace = self._dead_end(explorer)
            found.broken = found.promise
        return found

    def _dead_end(self, explorer: Explorer) -> tuple[str, list[Step]]:
        if self.notifier and (trace := explorer.stuck(needed=lambda world: world.current > 0, sweeper=True)):
            return Promise.ENDS, trace
        there = {Message.WAITING, Message.HIDDEN} | ({Message.DEAD} if self.notifier else set())

        def has_message(world: World) -> bool:
            return world.current > 0 and world.messages[world.current - 1] in there

        trace = explorer.stuck(needed=has_message, sweeper=False)
        return (Promise.ENDS_BY_MESSAGE, trace) if trace else ("", [])

    def explorer(self) -> Explorer:
        """Return the search for it."""
        programs = self.programs
        rules = Rules(
            table=Table(programs.machine),
            submissions=self.submissions,
            max_attempts=self.max_attempts,
            faults=self.kinds,
            hides=self.hides,
            most_attempts=self.max_attempts,
            early=self.early,
            word=self.word,
        )
        actors: list[Actor] = [Nature(rules, "world"), programs.api(rules, "API")]
        if self.user:
            actors.append(programs.user(rules, "user"))
        if self.notifier:
            actors.append(programs.notifier(rules, "notifier"))
        actors += [programs.agent(rules, name) for name in "AB"[: self.agents]]
        return Explorer(
            begin(self.submissions, self.faults), actors, twins=self.agents == 2, limit=self.limit
        )


_CRASHES = frozenset({Fault.CRASH, Fault.LEASE, Fault.REDELIVERY})
_LOSSES = _CRASHES | {Fault.ANSWER}

#: For every change: any number of faults of some kinds for some actors, and all actors without faults.
SHORT = (
    Scenario(name="two agents", kinds=_LOSSES),
    Scenario(name="two agents, a user", user=True, kinds=_CRASHES),
    Scenario(name="two agents, an id used twice", submissions=2, kinds=_CRASHES),
    Scenario(name="an agent, the notifier", agents=1, notifier=True, kinds=EVERY_FAULT - {Fault.LATE}),
    Scenario(name="everybody, one fault", user=True, notifier=True, faults=1, hides=True, early=False),
    Scenario(
        name="everybody, an id used twice, no fault",
        user=True,
        notifier=True,
        submissions=2,
        faults=0,
        hides=True,
        early=False,
    ),
)

#: By command: more of everything.
LONG = (
    Scenario(name="two agents, a user, lost answers", user=True, kinds=_LOSSES),
    Scenario(name="two agents, an id used twice, lost answers", submissions=2, kinds=_LOSSES),
    Scenario(name="two agents, the notifier", notifier=True, kinds=_CRASHES | {Fault.DEAD}),
    Scenario(name="three attempts", max_attempts=3, kinds=_LOSSES),
    Scenario(name="two agents, three faults of any kind", faults=3, hides=True),
    Scenario(name="everybody, two faults", user=True, notifier=True, faults=2, hides=True, early=False),
    Scenario(
        name="an agent, a user, the notifier, an id used twice, one fault",
        agents=1,
        user=True,
        notifier=True,
        submissions=2,
        faults=1,
        hides=True,
        early=False,
    ),
)
