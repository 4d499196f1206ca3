"""Breadth-first search over all states, with the shortest way to what breaks a promise.

A state is the shared world and one slot for each actor. What an actor may do depends on these two only, so
each pair is worked out once and then looked up: millions of states need some thousands of runs of programs.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from task_store_model.acting import IDLE, Actor, Move, Slot, Tag
from task_store_model.world import World, swap

_BITS = 9
_MASK = (1 << _BITS) - 1

_FAULT, _INPUT, _SWEEP = 1, 2, 4
_TAGS = {Tag.NONE: 0, Tag.INPUT: _INPUT, Tag.SWEEP: _SWEEP}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a counterexample."""

    action: str
    world: World


@dataclass(slots=True)
class Found:
    """What a search saw.

    Attributes:
        actions: how often each was taken.
        broken: the promise that does not hold, empty if all do; `trace` leads to it.
        complete: whether all states were seen.
    """

    states: int = 0
    transitions: int = 0
    depth: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    promise: str = ""
    broken: str = ""
    trace: list[Step] = field(default_factory=list)
    complete: bool = True


class _Index[T]:
    """Numbers for values."""

    def __init__(self) -> None:
        self.values: list[T] = []
        self._numbers: dict[T, int] = {}

    def number(self, value: T) -> int:
        found = self._numbers.get(value)
        if found is None:
            found = self._numbers[value] = len(self.values)
            self.values.append(value)
        return found


# Of each move, what it adds to a state, its action, flags, and the move itself where it breaks a promise.
type _Known = list[tuple[int, int, int, Move | None]]


class Explorer:
    """Explores one scenario.

    Args:
        begin: the world at first; every actor is idle then.
        actors: the programs. If `twins` is set, the last two are the same but for their names.
        limit: give up after so many states.
    """

    def __init__(self, begin: World, actors: Sequence[Actor], *, twins: bool, limit: int) -> None:
        self._actors = actors
        self._twins = twins
        self._limit = limit
        self._worlds = _Index[World]()
        self._slots = _Index[Slot]()
        self._names = _Index[str]()
        self._known: list[dict[int, _Known]] = [{} for _ in actors]
        self._mirror: list[int] = []
        # Of a state's bits, the lowest are the slots, the last actor's first; above them is the world.
        self._places = list(enumerate(_BITS * place for place in reversed(range(len(actors)))))
        self._top = _BITS * len(actors)
        self._others = (1 << self._top) - (1 << 2 * _BITS)
        self._slots.number(IDLE)
        self._begin = self._worlds.number(begin) << self._top
        self._order: list[int] = []
        self._parents = array("i")
        self._next = array("i")
        self._flags = array("B")
        self._ends = array("q")

    def explore(self) -> Found:
        """Look at every state that can be reached."""
        found = Found()
        start = self._canonical(self._begin)
        seen = {start: 0}
        self._order.append(start)
        self._parents.append(-1)
        order, parents, following, flagged = self._order, self._parents, self._next, self._flags
        counts: Counter[int] = Counter()
        twins, mirror, top, others = self._twins, self._mirror, self._top, self._others
        for number, state in enumerate(order):
            for known in self._known_moves(state):
                for delta, action, flags, broken in known:
                    counts[action] += 1
                    if broken is not None:
                        found.promise = broken.promise
                        self._tell(found, number)
                        return self._summed(found, counts)
                    target = state + delta
                    if twins:  # as in _canonical: this line runs millions of times
                        world = target >> top
                        if world >= len(mirror):
                            self._mirror_up_to(world)
                        first, second = target >> _BITS & _MASK, target & _MASK
                        twin = mirror[world] << top | target & others | second << _BITS | first
                        target = min(target, twin)
                    at = seen.setdefault(target, len(order))
                    if at == len(order):
                        order.append(target)
                        parents.append(number)
                    following.append(at)
                    flagged.append(flags)
            self._ends.append(len(following))
            if len(order) > self._limit:
                found.complete = False
                break
        return self._summed(found, counts)

    def stuck(self, *, needed: Callable[[World], bool], sweeper: bool) -> list[Step]:
        """Return the way to a state from which no end can be reached once faults and requests have stopped.

        Args:
            needed: worlds from which an end must be in reach.
            sweeper: whether the sweeper may be needed for it.
        """
        good = self._leading_to_an_end(_FAULT | _INPUT | (0 if sweeper else _SWEEP))
        owed = [needed(world) for world in self._worlds.values]
        for number in range(len(self._ends)):
            if not good[number] and owed[self._order[number] >> self._top]:
                return self._way(number)[1]
        return []

    def _leading_to_an_end(self, without: int) -> bytearray:
        ends, following, flagged = self._ends, self._next, self._flags
        finished = [world.finished for world in self._worlds.values]
        good = bytearray(finished[state >> self._top] for state in self._order)
        # States that lead to an end mostly come before it: few rounds from the back are enough.
        changed = True
        while changed:
            changed = False
            for number in range(len(ends) - 1, -1, -1):
                if good[number]:
                    continue
                for edge in range(ends[number - 1] if number else 0, ends[number]):
                    if good[following[edge]] and not flagged[edge] & without:
                        good[number] = 1
                        changed = True
                        break
        return good

    def _summed(self, found: Found, counts: Counter[int]) -> Found:
        found.states = len(self._order)
        found.transitions = counts.total()
        for number, count in counts.items():
            found.actions[self._names.values[number]] += count
        return found

    def _known_moves(self, state: int) -> list[_Known]:
        """Return the moves of each actor; what they change is the same in all states that look so to it."""
        world = state >> self._top
        moves = []
        for place, shift in self._places:
            key = world << _BITS | (state >> shift) & _MASK
            known = self._known[place].get(key)
            if known is None:
                known = self._known[place][key] = self._work_out(place, world, key & _MASK)
            if known:
                moves.append(known)
        return moves

    def _work_out(self, place: int, world: int, slot: int) -> _Known:
        known: _Known = []
        shift = self._places[place][1]
        for move in self._actors[place].moves(self._slots.values[slot], self._worlds.values[world]):
            to_world, to_slot = self._worlds.number(move.world), self._slots.number(move.slot)
            assert to_slot <= _MASK
            delta = ((to_world - world) << self._top) + ((to_slot - slot) << shift)
            flags = _TAGS[move.tag] | (_FAULT if move.fault else 0)
            known.append((delta, self._names.number(move.action), flags, move if move.broken else None))
        return known

    def _canonical(self, state: int) -> int:
        """Of a state and the one with the twins' places changed, return the same one."""
        if not self._twins:
            return state
        world = state >> self._top
        if world >= len(self._mirror):
            self._mirror_up_to(world)
        first, second = (state >> _BITS) & _MASK, state & _MASK
        middle = state & self._others
        return min(state, self._mirror[world] << self._top | middle | second << _BITS | first)

    def _mirror_up_to(self, world: int) -> None:
        one, other = self._actors[-2].who, self._actors[-1].who
        while len(self._mirror) <= world:
            swapped = swap(self._worlds.values[len(self._mirror)], one, other)
            self._mirror.append(self._worlds.number(swapped))

    def _tell(self, found: Found, number: int) -> None:
        state, found.trace = self._way(number)
        broken = [
            move
            for known in self._known_moves(state)
            for _, _, _, move in known
            if move is not None and move.promise == found.promise
        ]
        found.broken = broken[0].broken
        found.trace.append(Step(broken[0].action, broken[0].world))

    def _way(self, number: int) -> tuple[int, list[Step]]:
        """Return the way to a state, walked again under the names that the twins had on it."""
        way = []
        while number > 0:
            way.append(self._order[number])
            number = self._parents[number]
        state, steps = self._begin, []
        for target in reversed(way):
            state, action = self._towards(state, target)
            steps.append(Step(action, self._worlds.values[state >> self._top]))
        return state, steps

    def _towards(self, state: int, target: int) -> tuple[int, str]:
        for known in self._known_moves(state):
            for delta, action, _, _ in known:
                if self._canonical(state + delta) == target:
                    return state + delta, self._names.values[action]
        raise AssertionError("the way to a state can be walked again")
