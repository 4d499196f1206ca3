"""Who has the runtime: one job at a time, and nobody while it is not to be trusted (DESIGN 5)."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from queue_agent.breaker import Breaker
from queue_agent.health import BREAKER_OPEN, RUNTIME_NOT_READY, STOPPING, Health
from queue_agent.metrics import Metrics
from queue_agent.pace import Pace, Running
from queue_agent.ports import Job, Runtime
from queue_agent.restart import Restarts
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


class Turn:
    """The right to run one job now, until it is freed; what it made is under way until it is closed."""

    def __init__(self, running: Running, gpu: "Gpu") -> None:
        loop = asyncio.get_running_loop()
        self.running = running
        self.freed: asyncio.Future[None] = loop.create_future()
        self.answered: asyncio.Future[None] = loop.create_future()
        self._stopping = False
        self._gpu = gpu

    def freed_by_runtime(self) -> None:
        """Free it, unless its run is being stopped: then it is free when it was seen to have stopped."""
        if not self._stopping:
            self.free()

    def stopping(self) -> None:
        """Note that its run is being interrupted."""
        self._stopping = True

    def free(self, size: int = 0) -> None:
        """Let the next job have the runtime, at once; harmless if it has it already.

        Args:
            size: bytes that the result holds in memory, as far as is known.
        """
        if not self.freed.done():
            self.freed.set_result(None)
            self._gpu.freed(self, size)

    def answer_ended(self) -> None:
        """Note that nothing more of its run comes from the runtime."""
        if not self.answered.done():
            self.answered.set_result(None)
            self._gpu.answer_ended(self)

    def weigh(self, size: int) -> None:
        """Say how many bytes its result holds in memory until the turn is closed."""
        self._gpu.backlog.weigh(self, size)

    def close(self) -> None:
        """Note that its result is out of memory."""
        self.free()
        self.answer_ended()
        self._gpu.closed(self)


@dataclass(slots=True, eq=False)
class _Waiting:
    job: Job
    since: float
    granted: asyncio.Future[Turn | None]  # None: send it away
    passed: int = 0


class Backlog:
    """Bounds what waits to be stored: so many results, of so many bytes together."""

    def __init__(self, results: int, max_bytes: int) -> None:
        self._max_results = results
        self._max_bytes = max_bytes
        self._sizes: dict[Turn, int] = {}

    @property
    def full(self) -> bool:
        """Whether the GPU has to wait, lest memory runs out."""
        return len(self._sizes) >= self._max_results or sum(self._sizes.values()) > self._max_bytes

    def add(self, turn: Turn, size: int) -> None:
        """Count the result of a turn, with the bytes that are known."""
        self._sizes[turn] = size

    def weigh(self, turn: Turn, size: int) -> None:
        """Note the size of a result, in bytes, if it is counted still."""
        if turn in self._sizes:
            self._sizes[turn] = size

    def remove(self, turn: Turn) -> None:
        """Count a result no more."""
        self._sizes.pop(turn, None)


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

    async def take(self, job: Job, *, patience: float) -> Turn:
        """Wait for the runtime. Whoever gets a turn has to free it.

        Args:
            job: a prepared job.
            patience: seconds to wait where the end of the running job is not in sight.

        Raises:
            NoTurnError: give the message back; somebody else may be free.
        """
        if self._closed:
            raise NoTurnError
        waiting = _Waiting(job, self._pace.clock(), asyncio.get_running_loop().create_future())
        try:
            self._waiting.append(waiting)
            self.give_turns()
            while not waiting.granted.done():
                if self.turn is not None and self.turn.running.is_new:
                    patience = min(patience, 2 * self._guess)
                await asyncio.wait({waiting.granted}, timeout=patience)
                if not waiting.granted.done() and not self._in_sight(patience):
                    raise NoTurnError
        except asyncio.CancelledError:
            if waiting.granted.done() and (turn := waiting.granted.result()) is not None:
                turn.close()
            raise
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
        granted = waiting.granted.result()
        if granted is None:
            raise NoTurnError
        return granted

    def _in_sight(self, patience: float) -> bool:
        remaining = self.turn.running.remaining() if self.turn else None
        return remaining is not None and remaining <= patience

    def give_turns(self) -> None:
        """Give the runtime to the next job, if it is free, trusted, and its outputs have room."""
        if self.turn is not None or not self.trusted or not self._waiting or self.backlog.full:
            return
        chosen = self._next()
        self._waiting.remove(chosen)
        self.turn = Turn(self._pace.start(chosen.job), self)
        self._unanswered.add(self.turn)
        self._metrics.gpu(busy=True)
        chosen.granted.set_result(self.turn)
        self._changed()

    def _next(self) -> _Waiting:
        """Choose the first that needs no other model; not for ever at the cost of the others."""
        first = self._waiting[0]
        if first.passed >= MAX_PASSED or self._pace.clock() - first.since >= MAX_PASSED_SECONDS:
            return first
        chosen = next((w for w in self._waiting if self._runtime.has_loaded(w.job)), first)
        if chosen is not first:
            first.passed += 1
        return chosen

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
