"""One attempt at one task that is claimed: run, store, commit, tell (DESIGN 4.2, 5)."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace
from enum import Enum

from queue_agent import spans
from queue_agent.backoff import back_off
from queue_agent.coroutines import end_of
from queue_agent.errors import (
    AgentError,
    InterruptedRunError,
    RuntimeLostError,
    RuntimeRefusedStartError,
    ServiceError,
    TaskFailedError,
    shorten,
)
from queue_agent.gpu import Gpu
from queue_agent.heartbeat import Heartbeat, Signal
from queue_agent.inhand import RECORD, Delete, Disposition, Flight, GiveBack, InHand, Leave
from queue_agent.leaving import Leaving
from queue_agent.pace import Pace
from queue_agent.ports import Job, Result
from queue_agent.stages import Stages
from queue_agent.tasks import Claim
from queue_agent.turns import Turn
from queue_agent.world import World
from task_schema import Status, TaskCode, TaskError
from task_store import LostError, Task

log = logging.getLogger(__name__)

# Adapters bound their interrupts themselves; this is for those that do not.
_INTERRUPT_SECONDS = 60.0
# For which an adapter may put things in order after its run was cancelled.
_CLEAN_UP_SECONDS = 60.0
# For which an interrupt may hold up the end of the agent.
_LAST_INTERRUPT_SECONDS = 1.5


class Stop(Enum):
    """Why a run was stopped that had not ended."""

    LOST = "lost"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    SHUTDOWN = "shutdown"


class _StoppedError(AgentError):
    def __init__(self, why: Stop) -> None:
        self.why = why
        super().__init__(why.value)


class Attempts:
    """Carries tasks from their turn on the GPU to their end."""

    def __init__(
        self, world: World, *, gpu: Gpu, pace: Pace, leaving: Leaving, troubled: Callable[[], None]
    ) -> None:
        self._runtime = world.runtime
        self._tasks = world.tasks
        self._outputs = world.outputs
        self._ending = world.ending
        self._limits = world.limits
        self._metrics = world.metrics
        self._persistently = world.persistently
        self._stubbornly = world.stubbornly
        self._trace_prompts = world.trace_prompts
        self._gpu = gpu
        self._pace = pace
        self._leaving = leaving
        self._troubled = troubled

    async def make(self, flight: Flight, held: InHand, beat: Heartbeat, turn: Turn) -> Disposition:
        """Make one attempt at a task that is claimed; the turn is freed as early as can be.

        Raises:
            ServiceError: not told, as far as anybody knows.
        """
        self._metrics.attempts(flight.claimed()[0].attempts)
        job = flight.take_job()
        traced = spans.RunSpans(job, prompts=self._trace_prompts)
        run = asyncio.create_task(self._run(job, beat, turn, traced), name="run")
        try:
            ran = await self._ran(job, run, flight, beat, turn)
        finally:
            # It has ended, unless this was cancelled: then there is no time to wait for it, and the claim is
            # given back by who did that.
            run.cancel()
        del run, job  # they hold the inputs and the answer
        results: list[Result | AgentError] = [ran]
        del ran
        return await self._deliver(flight, held, results, beat, turn)

    # --- on the GPU ---

    async def _run(self, job: Job, beat: Heartbeat, turn: Turn, traced: spans.RunSpans) -> Result:
        def progress(fraction: float) -> None:
            turn.running.progress(fraction)
            beat.progress(fraction)
            self._gpu.progressed()

        def freed() -> None:
            traced.freed()
            turn.freed_by_runtime()

        with traced.running():
            return await self._runtime.run(job, progress, freed)

    async def _ran(
        self, job: Job, run: asyncio.Task[Result], flight: Flight, beat: Heartbeat, turn: Turn
    ) -> Result | AgentError:
        """Wait for the end of a run, or stop it; tell the GPU's keeper what to think of the runtime."""
        try:
            result = await self._result(job, run, flight, beat, turn)
        except AgentError as exc:
            self._judge(job, exc)
            ran: Result | AgentError = exc  # what becomes of the task is decided when it is claimed
        else:
            self._gpu.succeeded()
            size = sum(len(output.data) for output in result.outputs)
            turn.free(size)
            turn.weigh(size)
            ran = result
        # Whatever the adapter has still to put in order is in order before the next job begins.
        if not await end_of(run, seconds=_CLEAN_UP_SECONDS):
            self._gpu.condemn("a run did not end when it was cancelled")
        turn.free()
        turn.answer_ended()
        return ran

    async def _result(
        self, job: Job, run: asyncio.Task[Result], flight: Flight, beat: Heartbeat, turn: Turn
    ) -> Result:
        why = await self._watch(job, run, beat, turn)
        flight.stages.had_gpu(turn.running.seconds)
        if why is not None:
            await self._stop(job, why, turn)
            raise _StoppedError(why)
        if turn.freed.done() or (not run.cancelled() and run.exception() is None):
            turn.running.ended()
            flight.stages.took("infer", turn.running.seconds)
        return await self._tail(run, beat)

    def _judge(self, job: Job, exc: AgentError) -> None:
        match exc:
            case RuntimeLostError() if exc.code is TaskCode.OUT_OF_MEMORY and not exc.poisoned:
                # As large as the task: no sign that the node is at fault.
                self._gpu.doubt()
            case RuntimeLostError():
                self._gpu.failed(job.submission, str(exc), poisoned=exc.poisoned)
            case RuntimeRefusedStartError() | InterruptedRunError():
                self._gpu.failed(job.submission, str(exc))
            case TaskFailedError():
                self._gpu.succeeded()
            case _StoppedError():
                pass
            case _:
                self._gpu.failed(job.submission, str(exc))

    async def _watch(self, job: Job, run: asyncio.Task[Result], beat: Heartbeat, turn: Turn) -> Stop | None:
        """Wait until a job has left the GPU; return why it has to be stopped instead, if it has to."""
        signal = asyncio.create_task(beat.signal())
        leaving = asyncio.create_task(self._leaving.too_long(turn.running, delivery=self._pace.delivery))
        waiting: set[asyncio.Future[object]] = {run, turn.freed, signal, leaving}  # type: ignore[arg-type]
        limit = self._limits.inference_of(job.tasktype)
        try:
            while True:
                left = limit - turn.running.seconds
                await asyncio.wait(waiting, timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED)
                if run.done() or turn.freed.done():
                    return None
                if signal.done():
                    return Stop.CANCELLED if signal.result() is Signal.CANCELLED else Stop.LOST
                if leaving.done():
                    return Stop.SHUTDOWN
                if turn.running.seconds >= limit:
                    return Stop.TIMEOUT
        finally:
            signal.cancel()
            leaving.cancel()

    async def _stop(self, job: Job, why: Stop, turn: Turn) -> None:
        """Stop a run; where the runtime was not seen idle afterwards, nobody gets it before its restart."""
        idle = False
        turn.stopping()
        seconds = _LAST_INTERRUPT_SECONDS if why is Stop.SHUTDOWN else _INTERRUPT_SECONDS
        try:
            async with asyncio.timeout(seconds):
                idle = await self._runtime.interrupt(job)
        except TimeoutError:
            pass
        log.info(
            "run interrupted",
            extra={
                "action": "interrupted",
                "task": job.id,
                "why": why.value,
                "idle": idle,
                "seconds": round(turn.running.seconds, 3),
            },
        )
        if why is Stop.TIMEOUT:
            self._gpu.failed(job.submission, "it ran longer than it may")
        if not idle and why is not Stop.SHUTDOWN:
            self._gpu.condemn("a run did not stop when it was interrupted")

    async def _tail(self, run: asyncio.Task[Result], beat: Heartbeat) -> Result:
        """Wait for the rest of an answer, while the GPU works for others already."""
        signal = asyncio.create_task(beat.signal())
        deadline = self._pace.clock() + self._limits.tail
        try:
            while not run.done():
                left = deadline - self._pace.clock()
                waiting = {run} if signal.done() else {run, signal}
                await asyncio.wait(waiting, timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED)
                if run.done():
                    break
                if left <= 0:
                    raise RuntimeLostError("the runtime's answer did not end")
                if signal.done() and signal.result() is Signal.LOST:
                    raise _StoppedError(Stop.LOST)
            if run.cancelled():
                raise RuntimeLostError("the adapter gave the run up")
            return run.result()
        finally:
            signal.cancel()

    # --- after it ---

    async def _deliver(
        self, flight: Flight, held: InHand, results: list[Result | AgentError], beat: Heartbeat, turn: Turn
    ) -> Disposition:
        """Store, commit and tell how a run ended; lets go of the one result as soon as it is stored."""
        ended = self._pace.clock()
        claim, task = flight.claimed()
        held = replace(held, task=task, record=flight.stages.record(attempt=claim.attempts))
        try:
            committed = await self._outcome(flight.stages, held, claim, results.pop())
        except (_StoppedError, RuntimeRefusedStartError) as exc:
            return await self._given_back(held, claim, exc)
        except LostError:
            return Leave()
        except AgentError as exc:
            return await self._lost(flight.stages, held, claim, exc)
        except Exception as exc:
            # Nobody else knows of the claim: it is let go, or the task would wait for the end of its lease.
            log.exception("task tripped up the agent", extra={"action": "internal_error"})
            return await self._lost(
                flight.stages, held, claim, AgentError(f"internal error ({type(exc).__name__})")
            )
        finally:
            turn.close()
        beat.hold(None)
        spans.note_end(committed)
        disposition = await self._told(flight.stages, committed, held)
        self._pace.delivered(self._pace.clock() - ended)
        return disposition

    async def _given_back(
        self, held: InHand, claim: Claim, why: _StoppedError | RuntimeRefusedStartError
    ) -> Disposition:
        """Let go of a task whose inference was not lost to the runtime."""
        if isinstance(why, _StoppedError) and why.why is Stop.LOST:
            # The message may be another's by now; the claim tells whether the task is.
            with contextlib.suppress(LostError, ServiceError):
                await self._tasks.give_back(claim, lost=True)
            return Leave()
        await self._persistently(lambda: self._tasks.give_back(claim, lost=False))
        if isinstance(why, _StoppedError):
            return GiveBack()
        log.warning("runtime refused", extra={"action": "runtime_refused", "cause": str(why)})
        return GiveBack(back_off(held.delivery.receive_count))

    async def _outcome(self, stages: Stages, held: InHand, claim: Claim, ran: Result | AgentError) -> Task:
        """Commit how a run ended."""
        match ran:
            case Result():
                return await self._succeed(stages, held, claim, ran)
            case TaskFailedError():
                return await self._fail(stages, held, claim, ran)
            case _StoppedError(why=Stop.CANCELLED):
                error = TaskError.cancelled()
                with stages.stage("commit"):
                    return await self._ending.fail(held, claim, error, status=Status.CANCELLED)
            case _StoppedError(why=Stop.TIMEOUT):
                limit = self._limits.inference_of(held.message.metadata.tasktype)
                error = TaskError.of(TaskCode.TIMEOUT, f"it ran longer than {limit:g} seconds")
                with stages.stage("commit"):
                    return await self._ending.fail(held, claim, error)
            case _:
                raise ran

    async def _succeed(self, stages: Stages, held: InHand, claim: Claim, result: Result) -> Task:
        result.answer[RECORD] = held.told()
        try:
            with stages.stage("store"):
                stored = await self._stubbornly(
                    lambda: self._outputs.store(held.task.prefix, held.task.id, result)
                )
        except TaskFailedError as exc:
            return await self._fail(stages, held, claim, exc)
        with stages.stage("commit"):
            return await self._ending.succeed(held, claim, stored)

    async def _fail(self, stages: Stages, held: InHand, claim: Claim, exc: TaskFailedError) -> Task:
        with stages.stage("commit"):
            return await self._ending.fail(held, claim, exc.error, answer=exc.answer)

    async def _told(self, stages: Stages, task: Task, held: InHand) -> Disposition:
        with stages.stage("notify"):
            await self._persistently(lambda: self._ending.tell(task, held.traceparent))
        return Delete()

    async def _lost(self, stages: Stages, held: InHand, claim: Claim, why: AgentError) -> Disposition:
        log.warning(
            "inference lost",
            extra={
                "action": "inference_lost",
                "task": claim.id,
                "attempt": claim.attempts,
                "cause": str(why),
            },
        )
        code = why.code if isinstance(why, RuntimeLostError) else TaskCode.ATTEMPTS_EXHAUSTED
        self._metrics.inference_lost(code)
        if isinstance(why, ServiceError):
            self._troubled()
        if claim.attempts >= self._limits.max_attempts:
            message = shorten(f"lost {claim.attempts} times; the last time: {why}")
            with stages.stage("commit"):
                task = await self._ending.fail(held, claim, TaskError.of(code, message))
            spans.note_end(task)
            return await self._told(stages, task, held)
        await self._persistently(lambda: self._tasks.give_back(claim, lost=True))
        return GiveBack(back_off(claim.attempts))
