"""The loop of the agent: receive, fetch, infer, deliver (DESIGN 5)."""

import asyncio
import contextlib
import logging
import random
import uuid
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from queue_agent.aws import RETRY_DELAYS, persistently
from queue_agent.ending import Ending
from queue_agent.errors import (
    AgentError,
    InterruptedRunError,
    RuntimeLostError,
    RuntimeRefusedStartError,
    ServiceError,
    TaskFailedError,
    shorten,
)
from queue_agent.fetching import Inputs
from queue_agent.heartbeat import Heartbeat, Signal
from queue_agent.inhand import Delete, Disposition, GiveBack, InHand, Leave, Settled, not_free
from queue_agent.intake import Intake
from queue_agent.ports import Delivery, Fetcher, Job, Outputs, Queue, Result, Runtime
from queue_agent.tasks import Claim, Tasks
from task_schema import Status, TaskCode, TaskError
from task_store import LostError, NotClaimableError, Task

log = logging.getLogger(__name__)

MAX_BACK_OFF = 120  # seconds
FIRST_BACK_OFF = 2  # seconds
# Between looks at a runtime that is not ready; the last one repeats.
PROBE_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)


class _Stop(Enum):
    """Why a run was stopped that had not ended."""

    LOST = "lost"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    SHUTDOWN = "shutdown"


class _StoppedError(Exception):
    def __init__(self, why: _Stop) -> None:
        self.why = why
        super().__init__(why.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Times in seconds, and attempts.

    `trouble_pause` is the first pause after trouble that is not a task's own; it doubles while that goes on.
    `receive_leftover` is how long a long poll may still bring something after the stop: a message that it
    brought later would stay hidden for nothing.
    """

    visibility: int = 60
    beat: float = 20
    receive_wait: int = 20
    receive_leftover: float = 0.5
    inference: float = 900
    shutdown_grace: float = 25
    max_attempts: int = 3
    retry_delays: Sequence[float] = RETRY_DELAYS
    trouble_pause: float = 2


class Worker:
    """Works through one queue with one runtime, one task at a time, until it is stopped."""

    def __init__(
        self,
        *,
        queue: Queue,
        runtime: Runtime,
        tasks: Tasks,
        intake: Intake,
        outputs: Outputs,
        ending: Ending,
        fetcher: Fetcher,
        limits: Limits,
    ) -> None:
        self._queue = queue
        self._runtime = runtime
        self._tasks = tasks
        self._intake = intake
        self._outputs = outputs
        self._ending = ending
        self._inputs = Inputs(fetcher)
        self._limits = limits
        self._stopping = asyncio.Event()
        self._failures = 0  # messages in a row that AWS did not let us end

    def stop(self) -> None:
        """Receive no more; end what runs if the grace period allows, else give it back."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until stopped."""
        while not self._stopping.is_set():
            try:
                await self._turn()
            except Exception:
                # The outermost loop: what nobody foresaw must not stop the tasks behind it.
                log.exception("the agent was tripped up", extra={"action": "internal_error"})
                await self._pause(self._limits.trouble_pause)

    async def _turn(self) -> None:
        if not await self._runtime_ready():
            return
        delivery = await self._receive()
        if delivery is not None:
            await self._handle(delivery)
            if self._failures > 1:
                # Each receive counts towards the dead-letter queue: AWS in trouble must not send all there.
                pause = self._limits.trouble_pause * 2 ** min(self._failures - 2, 6)
                await self._pause(min(pause, MAX_BACK_OFF))

    async def _runtime_ready(self) -> bool:
        probes = iter(PROBE_SECONDS)
        while not self._stopping.is_set():
            if await self._runtime.ready():
                return True
            pause = next(probes, PROBE_SECONDS[-1])
            log.info("runtime is not ready", extra={"action": "runtime_not_ready", "pause": pause})
            await self._pause(pause)
        return False

    async def _receive(self) -> Delivery | None:
        receive = asyncio.create_task(self._queue.receive(wait_seconds=self._limits.receive_wait))
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({receive, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not receive.done():
                await asyncio.wait({receive}, timeout=self._limits.receive_leftover)
            if not receive.done():
                return None
            delivery = receive.result()
        except ServiceError as exc:
            log.warning("receive failed", extra={"action": "receive_failed", "cause": str(exc)})
            await self._pause(self._limits.trouble_pause)
            return None
        finally:
            receive.cancel()
            stop.cancel()
        if delivery is not None and self._stopping.is_set():
            await self._settle(delivery, GiveBack())
            return None
        return delivery

    async def _handle(self, delivery: Delivery) -> None:
        limits = self._limits
        why = "done"
        async with Heartbeat(
            self._queue, self._tasks, delivery, visibility=limits.visibility, beat=limits.beat
        ) as beat:
            failures, self._failures = self._failures, 0
            try:
                disposition = await self._process(delivery, beat)
            except Settled as exc:
                disposition, why = exc.disposition, exc.why
            except LostError as exc:
                disposition, why = Leave(), str(exc)
            except ServiceError as exc:
                self._failures = failures + 1
                disposition, why = GiveBack(back_off(delivery.receive_count)), str(exc)
            except Exception:
                # One message that trips us up must not stop the ones behind it.
                log.exception("task tripped up the agent", extra={"action": "internal_error"})
                disposition, why = GiveBack(back_off(delivery.receive_count)), "internal error"
        await self._settle(delivery, disposition)
        log.info(
            "message settled",
            extra={
                "action": "settled",
                "message_id": delivery.message_id,
                "disposition": type(disposition).__name__,
                "why": why,
            },
        )

    async def _settle(self, delivery: Delivery, disposition: Disposition) -> None:
        try:
            match disposition:
                case Delete():
                    await self._queue.delete(delivery)
                case GiveBack(seconds):
                    await self._queue.hide(delivery, seconds)
                case Leave():
                    pass
        except ServiceError as exc:
            # It comes back when its visibility ends, and finds its task ended or free.
            log.warning("message not settled", extra={"action": "settle_failed", "cause": str(exc)})

    async def _process(self, delivery: Delivery, beat: Heartbeat) -> Disposition:
        held = await self._intake.accept(delivery)
        try:
            job = await self._unless_stopped(self._prepare(held))
        except TaskFailedError as exc:
            raise await self._intake.end(held, exc.error, answer=exc.answer) from exc
        except RuntimeRefusedStartError as exc:
            log.warning("runtime refused", extra={"action": "runtime_refused", "cause": str(exc)})
            return GiveBack(back_off(delivery.receive_count))
        if job is None:
            return GiveBack()
        if beat.lost:
            return Leave()
        await self._intake.check_deadline(held)
        claim, task = await self._claim(job)
        beat.hold(claim)
        return await self._attempt(InHand(delivery, held.message, task), claim, job, beat)

    async def _prepare(self, held: InHand) -> Job:
        job = await self._intake.job(held, attempt=uuid.uuid4().hex)
        links = list(dict.fromkeys(self._runtime.links(job)))
        fetched = await self._inputs.fetch([link.url for link in links])
        return await self._runtime.prepare(job, {link: fetched[link.url] for link in links})

    async def _unless_stopped(self, preparing: Coroutine[Any, Any, Job]) -> Job | None:
        """Return what is prepared, None where the agent was stopped before: nothing is started any more."""
        prepare = asyncio.create_task(preparing, name="prepare")
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({prepare, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not prepare.done():
                return None
            job = prepare.result()
            return None if self._stopping.is_set() else job
        finally:
            stop.cancel()
            await _end_of(prepare)

    async def _claim(self, job: Job) -> tuple[Claim, Task]:
        # One token for all tries: a claim whose answer got lost must not count as another attempt.
        token = uuid.uuid4().hex
        try:
            return await persistently(
                lambda: self._tasks.claim(job.id, job.submission, token=token),
                delays=self._limits.retry_delays,
            )
        except NotClaimableError as exc:
            raise not_free(exc.task, job.submission, now=self._tasks.now()) from exc

    async def _attempt(self, held: InHand, claim: Claim, job: Job, beat: Heartbeat) -> Disposition:
        try:
            task = await self._outcome(held, claim, job, beat)
        except LostError:
            raise
        except _StoppedError as exc:
            if exc.why is _Stop.LOST:
                return Leave()
            await self._tasks.give_back(claim, lost=False)
            return GiveBack()
        except RuntimeRefusedStartError as exc:
            log.warning("runtime refused", extra={"action": "runtime_refused", "cause": str(exc)})
            await self._tasks.give_back(claim, lost=False)
            return GiveBack(back_off(held.delivery.receive_count))
        except (RuntimeLostError, InterruptedRunError, ServiceError) as exc:
            return await self._lost(held, claim, exc)
        except Exception as exc:
            log.exception("task tripped up the agent", extra={"action": "internal_error"})
            return await self._lost(held, claim, AgentError(f"internal error ({type(exc).__name__})"))
        beat.hold(None)
        return await self._told(task, held)

    async def _outcome(self, held: InHand, claim: Claim, job: Job, beat: Heartbeat) -> Task:
        """Run a task and commit how it ended."""
        try:
            result = await self._infer(held.task, job, beat)
            stored = await persistently(
                lambda: self._outputs.store(held.task.prefix, job.id, result),
                delays=self._limits.retry_delays,
            )
        except TaskFailedError as exc:
            return await self._ending.fail(held, claim, exc.error, answer=exc.answer)
        except _StoppedError as exc:
            match exc.why:
                case _Stop.CANCELLED:
                    error = TaskError.of(TaskCode.CANCELLED, "cancelled by the user")
                    return await self._ending.fail(held, claim, error, status=Status.CANCELLED)
                case _Stop.TIMEOUT:
                    message = f"it ran longer than {self._limits.inference:g} seconds"
                    return await self._ending.fail(held, claim, TaskError.of(TaskCode.TIMEOUT, message))
                case _:
                    raise
        return await self._ending.succeed(held, claim, stored)

    async def _told(self, task: Task, held: InHand) -> Disposition:
        log.info(
            "task ended",
            extra={
                "action": "task_ended",
                "task": task.id,
                "submission": task.submission,
                "status": task.status.value,
                "code": task.error.code.value if task.error else None,
            },
        )
        await persistently(
            lambda: self._ending.tell(task, held.traceparent), delays=self._limits.retry_delays
        )
        return Delete()

    async def _lost(self, held: InHand, claim: Claim, why: Exception) -> Disposition:
        log.warning(
            "inference lost",
            extra={
                "action": "inference_lost",
                "task": claim.id,
                "attempt": claim.attempts,
                "cause": str(why),
            },
        )
        if claim.attempts >= self._limits.max_attempts:
            code = why.code if isinstance(why, RuntimeLostError) else TaskCode.ATTEMPTS_EXHAUSTED
            message = shorten(f"lost {claim.attempts} times; the last time: {why}")
            task = await self._ending.fail(held, claim, TaskError.of(code, message))
            return await self._told(task, held)
        await self._tasks.give_back(claim, lost=True)
        return GiveBack(back_off(claim.attempts))

    async def _infer(self, task: Task, job: Job, beat: Heartbeat) -> Result:
        """Run a job, and stop it when it has to stop.

        Raises:
            _StoppedError: it was interrupted, and why.
        """
        if task.cancel_requested:
            raise _StoppedError(_Stop.CANCELLED)
        run = asyncio.create_task(self._runtime.run(job, beat.progress), name="run")
        try:
            why = await self._watch(run, beat)
            if why is None:
                return run.result()
            idle = await self._interrupt(job)
            log.info(
                "run interrupted",
                extra={"action": "interrupted", "task": job.id, "why": why.value, "idle": idle},
            )
            raise _StoppedError(why)
        finally:
            await _end_of(run)

    async def _interrupt(self, job: Job) -> bool:
        try:
            return await self._runtime.interrupt(job)
        except Exception:
            # Why it had to stop stands, whether the runtime listens or not.
            log.exception("interrupt failed", extra={"action": "internal_error"})
            return False

    async def _watch(self, run: asyncio.Task[Result], beat: Heartbeat) -> _Stop | None:
        """Wait for a run to end; return why it has to be stopped instead, if it has to."""
        signal = asyncio.create_task(beat.signal())
        shutdown = asyncio.create_task(self._grace_over())
        try:
            await asyncio.wait(
                {run, signal, shutdown},
                timeout=self._limits.inference,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if run.done():
                return None
            if signal.done():
                return _Stop.CANCELLED if signal.result() is Signal.CANCELLED else _Stop.LOST
            return _Stop.SHUTDOWN if shutdown.done() else _Stop.TIMEOUT
        finally:
            signal.cancel()
            shutdown.cancel()

    async def _grace_over(self) -> None:
        await self._stopping.wait()
        await asyncio.sleep(self._limits.shutdown_grace)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


async def _end_of(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end, whatever that is."""
    task.cancel()
    await asyncio.wait({task})


def back_off(times: int) -> int:
    """Return for how many seconds a message stays away: doubling, jittered, two minutes at most."""
    longest = min(MAX_BACK_OFF, FIRST_BACK_OFF << min(times, 10))
    return max(1, round(longest * random.uniform(0.5, 1)))
