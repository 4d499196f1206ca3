"""Who has the runtime: one job at a time, and nobody while it is not to be trusted (DESIGN 5).

Whoever waits for a turn is called to get ready (to claim its task) shortly before the runtime is free, so
that the runtime waits for nobody's claim.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from queue_agent.breaker import Breaker
from queue_agent.health import BREAKER_OPEN, RUNTIME_NOT_READY, STOPPING, Health
from queue_agent.metrics import Metrics
from queue_agent.pace import Pace
from queue_agent.ports import Job, Runtime
from queue_agent.restart import Restarts
from queue_agent.turns import Backlog, Turn
from queue_agent.warmup import UnusableRuntimeError, WarmUp

log = logging.getLogger(__name__)

# Between looks at a runtime that is not ready; the last one repeats.
PROBE_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
# For which a restart waits for answers that are still being read.
ANSWER_SECONDS = 10.0
# How often, and how long (seconds), a task may have to let others pass that need no other model.
MAX_PASSED = 4
MAX_PASSED_SECONDS = 30.0


class NoTurnError(Exception):
    """There was no turn in time, or there will be none soon: give the message back."""

    is_expected = True  # and no failure of waiting


@dataclass(slots=True, eq=False)
class _Waiting:
    job: Job
    since: float
    ready: bool
    called: asyncio.Future[None]  # it is next: it may get ready
    granted: asyncio.Future[Turn | None]  # None: send it away
    passed: int = 0


class Gpu:
    """Gives turns, and gets a runtime back that failed: probes it, has it restarted, warms it up.

    Args:
        runtime: whose turns these are.
        pace: what runs take.
        restarts: who restarts it.
        backlog: no turn is given while it is full.
        metrics: told what happens.
        breaker: opens after faults in a row.
        warm_up: run before anybody's task, at first and after a restart; None: not at all.
        health: told whether the agent would take a task.
        guess: seconds in which a run of an unknown kind may end.
        changed: called when something has changed that decides about receiving.
    """

    def __init__(
        self,
        *,
        runtime: Runtime,
        pace: Pace,
        restarts: Restarts,
        backlog: Backlog,
        metrics: Metrics,
        breaker: Breaker,
        warm_up: WarmUp | None,
        health: Health,
        guess: float,
        changed: Callable[[], None],
    ) -> None:
        self._runtime = runtime
        self._pace = pace
        self._restarts = restarts
        self.backlog = backlog
        self._metrics = metrics
        self._breaker = breaker
        self._warm_up = warm_up
        self._health = health
        self._guess = guess
        self._changed = changed
        self._waiting: list[_Waiting] = []
        self._calling: asyncio.TimerHandle | None = None
        self.turn: Turn | None = None
        self._unanswered: set[Turn] = set()
        self._doubted = asyncio.Event()
        self._doubted.set()
        self._condemned: tuple[str, str] | None = None  # why it has to be restarted: a word, and a sentence
        self._cold = True
        self._closed = False

    # --- turns ---

    @property
    def trusted(self) -> bool:
        """Whether the runtime would get a job now."""
        return not self._doubted.is_set() and not self._closed

    @property
    def waiting(self) -> Sequence[Job]:
        """The jobs that wait for a turn."""
        return [waiting.job for waiting in self._waiting]

    def next_start(self) -> float | None:
        """Estimate the seconds until a job that comes now would begin; None where nothing is known."""
        if self.turn is None:
            return 0.0
        running = self.turn.running
        remaining = running.remaining()
        if remaining is None and running.is_new and running.seconds < self._guess:
            remaining = 0.0
        times = [remaining, *(self._pace.expected(w.job) for w in self._waiting)]
        return None if None in times else sum(time or 0.0 for time in times)

    async def take(
        self, job: Job, *, patience: float, get_ready: Callable[[], Awaitable[None]] | None = None
    ) -> Turn:
        """Wait for the runtime. Whoever gets a turn has to free it.

        Args:
            job: a prepared job.
            patience: seconds to wait where the end of the running job is not in sight.
            get_ready: what has to be done before the turn, begun when the job is next and the runtime is
                free, or will be shortly; the runtime waits for its end. What it raises is raised.

        Raises:
            NoTurnError: give the message back; somebody else may be free.
        """
        if self._closed:
            raise NoTurnError
        loop = asyncio.get_running_loop()
        waiting = _Waiting(
            job, self._pace.clock(), get_ready is None, loop.create_future(), loop.create_future()
        )
        try:
            self._waiting.append(waiting)
            self.give_turns()
            if get_ready is not None:
                await self._until(waiting.called, waiting, patience)
                await get_ready()
                waiting.ready = True
                self.give_turns()
            await self._until(waiting.granted, waiting, patience)
        except asyncio.CancelledError:
            if waiting.granted.done() and (turn := waiting.granted.result()) is not None:
                turn.close()
            raise
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
                self.give_turns()
        granted = waiting.granted.result()
        assert granted is not None
        return granted

    async def _until(self, event: asyncio.Future[Any], waiting: _Waiting, patience: float) -> None:
        """Wait for an event, unless the job is sent away or nothing is in sight."""
        granted = waiting.granted
        while not event.done() and not granted.done():
            if self.turn is not None and self.turn.running.is_new:
                patience = min(patience, 2 * self._guess)
            await asyncio.wait({event, granted}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if not event.done() and not granted.done() and not self._in_sight(patience):
                raise NoTurnError
        if granted.done() and granted.result() is None:
            raise NoTurnError

    def _in_sight(self, patience: float) -> bool:
        remaining = self.turn.running.remaining() if self.turn else None
        return remaining is not None and remaining <= patience

    def give_turns(self) -> None:
        """Give the runtime to the next job, if it is free, trusted, and its outputs have room.

        One that is not ready is called to get ready; in time, where the runtime is not free yet.
        """
        if self._calling is not None:
            self._calling.cancel()
            self._calling = None
        if not self.trusted or not self._waiting or self.backlog.full:
            return
        if self.turn is not None:
            self._call_in_time(self.turn)
            return
        chosen = self._next()
        if not chosen.ready:
            _call(chosen)
            return
        first = self._waiting[0]
        if chosen is not first:
            first.passed += 1
        self._waiting.remove(chosen)
        self.turn = Turn(self._pace.start(chosen.job), self)
        self._unanswered.add(self.turn)
        self._metrics.gpu(busy=True)
        chosen.granted.set_result(self.turn)
        self._changed()
        self.give_turns()

    def _call_in_time(self, turn: Turn) -> None:
        """Call the next job while another has the runtime; not at all while its end is not in sight."""
        remaining = turn.running.remaining()
        if remaining is None:
            return
        left = remaining - self._pace.claim_ahead
        if left > 0:
            self._calling = asyncio.get_running_loop().call_later(left, self.give_turns)
        else:
            _call(self._next())

    def _next(self) -> _Waiting:
        """Choose the first that needs no other model; not for ever at the cost of the others."""
        first = self._waiting[0]
        if first.passed >= MAX_PASSED or self._pace.clock() - first.since >= MAX_PASSED_SECONDS:
            return first
        return next((w for w in self._waiting if self._runtime.has_loaded(w.job)), first)

    def answer_ended(self, turn: Turn) -> None:
        """Note that a run is over altogether; for `Turn.answer_ended`."""
        self._unanswered.discard(turn)

    def freed(self, turn: Turn, size: int) -> None:
        """End a turn; for `Turn.free`."""
        self.backlog.add(turn, size)
        if self.turn is turn:
            self.turn = None
            self._metrics.gpu(busy=False)
            self.give_turns()
            self._changed()

    def closed(self, turn: Turn) -> None:
        """Forget a turn; for `Turn.close`."""
        self.backlog.remove(turn)
        self.give_turns()
        self._changed()

    # --- trust ---

    def succeeded(self) -> None:
        """Note that the runtime did what it should, be it that it refused a task."""
        if self._breaker.success():
            log.info("the runtime works again", extra={"action": "breaker_closed"})
            self._metrics.breaker(is_open=False)
            self._health.set_ready(True, BREAKER_OPEN)

    def failed(self, submission: str, why: str, *, poisoned: bool = False) -> None:
        """Note that the runtime failed a task: nobody gets it before it was seen ready again."""
        opened = self._breaker.fault(submission)
        if poisoned:
            self._condemned = ("poisoned", why)
        elif opened and self._breaker.openings > 1:
            # It says that it is ready, and fails whatever it gets.
            self._condemned = ("faults", f"faults in a row; the last one: {why}")
        if opened:
            log.error("faults on different tasks in a row", extra={"action": "breaker_open", "cause": why})
            self._metrics.breaker(is_open=True)
            self._health.set_ready(False, BREAKER_OPEN)
        self.doubt()
        if opened or self._condemned:
            self._send_away()

    def condemn(self, why: str) -> None:
        """Have it restarted before anybody gets it again."""
        self._condemned = ("unstoppable", why)
        self.doubt()
        self._send_away()

    def doubt(self) -> None:
        """Give no more turns before it was seen ready again."""
        self._doubted.set()
        self._changed()

    def progressed(self) -> None:
        """Note that more is known of the end of the running job."""
        self.give_turns()
        self._changed()

    def close(self) -> None:
        """Give no more turns at all."""
        self._closed = True
        self._health.set_ready(False, STOPPING)
        self._send_away()

    def _send_away(self) -> None:
        while self._waiting:
            self._waiting.pop().granted.set_result(None)

    async def keep(self) -> None:
        """Get the runtime back whenever it is in doubt; runs until it is cancelled."""
        while True:
            await self._doubted.wait()
            try:
                await self._get_back()
            except Exception:
                # The outermost loop: an agent that no longer asks would sit beside its GPU for ever.
                self._say_ready(False)
                log.exception("probing tripped up", extra={"action": "internal_error"})
                await asyncio.sleep(PROBE_SECONDS[-1])

    async def _get_back(self) -> None:
        while self._doubted.is_set():
            if self._breaker.pause:
                await asyncio.sleep(self._breaker.pause)
            while self.turn is not None:
                await asyncio.wait({self.turn.freed})
            # While somebody had his turn, more may have come to light.
            if self._breaker.pause:
                continue
            if self._condemned is not None:
                await self._restart(*self._condemned)
                continue
            await self._until_ready()
            if self._warm_up is not None and (self._cold or self._breaker.is_open):
                await self._warm(self._warm_up)
            if not self._at_fault():
                self._cold = False
                self._doubted.clear()
                self._say_ready(True)
                self.give_turns()
                self._changed()

    def _at_fault(self) -> bool:
        return self._condemned is not None or self._breaker.pause > 0

    async def _restart(self, word: str, why: str) -> None:
        self._say_ready(False)
        if answers := {turn.answered for turn in self._unanswered}:
            # What was made before is still being read.
            await asyncio.wait(answers, timeout=ANSWER_SECONDS)
        self._metrics.runtime_restart(word)
        await self._restarts.restart(why)
        self._condemned = None
        self._cold = True

    async def _warm(self, warm_up: WarmUp) -> None:
        """Let the operator's task through first: after a start, and after faults in a row."""
        self._say_ready(False)
        try:
            await warm_up.until_done()
        except UnusableRuntimeError as exc:
            self._condemned = ("warm-up", str(exc))
        else:
            self.succeeded()

    async def _until_ready(self) -> None:
        pauses = iter(PROBE_SECONDS)
        while not await self._runtime.ready():
            self._cold = True  # it may have been started again
            pause = next(pauses, PROBE_SECONDS[-1])
            self._say_ready(False)
            log.info("runtime is not ready", extra={"action": "runtime_not_ready", "pause": pause})
            await asyncio.sleep(pause)

    def _say_ready(self, ready: bool) -> None:
        self._metrics.runtime_ready(ready)
        self._health.set_ready(ready, RUNTIME_NOT_READY)


def _call(waiting: _Waiting) -> None:
    if not waiting.called.done():
        waiting.called.set_result(None)
