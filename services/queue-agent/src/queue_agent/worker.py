"""The agent's pipeline: while the GPU works, the next task is fetched and the last one delivered (DESIGN 5).

Each message has a coroutine of its own from its receipt to its end, which passes through the stages; what
bounds them is who may receive (`Worker`), who has the GPU (`Gpu`), and what waits to be stored (`Backlog`).
"""

import asyncio
import contextlib
import contextvars
import logging
import time
import uuid
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

from opentelemetry.trace import Link

from queue_agent import spans
from queue_agent.attempt import Attempts
from queue_agent.backoff import MAX_BACK_OFF, back_off
from queue_agent.breaker import Breaker
from queue_agent.claiming import Claims, TooLateError
from queue_agent.coroutines import end_of
from queue_agent.errors import RuntimeRefusedStartError, ServiceError, TaskFailedError
from queue_agent.fetching import Inputs
from queue_agent.gpu import Gpu, NoTurnError
from queue_agent.guarded import GuardedRuntime
from queue_agent.health import Health
from queue_agent.heartbeat import Heartbeat
from queue_agent.inhand import Delete, Disposition, Flight, GiveBack, InHand, Leave, Settled
from queue_agent.leaving import Leaving
from queue_agent.pace import Pace
from queue_agent.ports import Delivery, Job
from queue_agent.restart import Restarts
from queue_agent.stages import Stages
from queue_agent.turns import Backlog
from queue_agent.warmup import WarmUp
from queue_agent.world import World
from task_schema import TaskError
from task_store import LostError

log = logging.getLogger(__name__)

# Messages that may be in hand besides, while the inputs of others are slow to come.
_MORE_WHILE_SLOW = 6
# A long poll that brought a message late says nothing about how long receiving takes.
_MAX_RECEIVE_SECONDS = 1.0
# At the very end: for coroutines that were cancelled, for commits under way, and for giving back.
_CANCEL_SECONDS = 0.5
_COMMIT_SECONDS = 1.0
_GIVE_BACK_SECONDS = 1.5


class Worker:
    """Works through one queue with one runtime until it is stopped."""

    def __init__(
        self,
        world: World,
        *,
        health: Health,
        restarts: Restarts,
        warm_up: WarmUp | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        world = replace(world, runtime=GuardedRuntime(world.runtime))
        self._queue = world.queue
        self._runtime = world.runtime
        self._tasks = world.tasks
        self._intake = world.intake
        self._inputs = Inputs(world.fetcher)
        self._limits = world.limits
        self._metrics = world.metrics
        self._pace = Pace()
        self._leaving = Leaving(world.limits.shutdown_grace)
        self._change = asyncio.Event()
        self._gpu = Gpu(
            runtime=world.runtime,
            pace=self._pace,
            restarts=restarts,
            backlog=Backlog(world.limits.deliveries, world.limits.delivery_bytes),
            metrics=world.metrics,
            breaker=breaker or Breaker(),
            warm_up=warm_up,
            health=health,
            guess=world.limits.guess,
            changed=self._change.set,
        )
        self._claims = Claims(world, pace=self._pace)
        self._attempts = Attempts(
            world, gpu=self._gpu, pace=self._pace, leaving=self._leaving, troubled=self._troubled
        )
        self._ending = world.ending
        self._flights: set[Flight] = set()
        self._failures = 0  # messages in a row that AWS did not let us end
        self._not_before = 0.0  # when the next may be received, after such trouble

    def stop(self) -> None:
        """Receive no more; end what runs if there is time, else give it back; asked twice, now."""
        if self._leaving.begun:
            self._leaving.hurry()
        self._leave()

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._leaving.begun

    def _leave(self) -> None:
        self._leaving.begin()
        self._gpu.close()
        self._change.set()

    async def run(self) -> None:
        """Work until stopped."""
        keeping = asyncio.create_task(self._gpu.keep(), name="keep")
        try:
            while not self._leaving.begun:
                try:
                    await self._receive_in_time()
                except Exception:
                    # The outermost loop: what nobody foresaw must not stop the tasks behind it.
                    log.exception("the agent was tripped up", extra={"action": "internal_error"})
                    await self._pause(self._limits.trouble_pause)
        finally:
            self._leave()
            await self._land()
            await end_of(keeping)

    async def _land(self) -> None:
        """Wait for all that is in hand until time is up; then give back what is left."""
        while self._flights and self._leaving.left > 0:
            # Again and again, as a second signal makes it shorter.
            tasks = {flight.task for flight in self._flights}
            await asyncio.wait(
                tasks, timeout=min(0.2, self._leaving.left), return_when=asyncio.FIRST_COMPLETED
            )
        if self._flights:
            await self._cut_off(list(self._flights))

    async def _cut_off(self, flights: Sequence[Flight]) -> None:
        """Give back what did not end in time."""
        log.warning("not all was ended in time", extra={"action": "cut_off", "messages": len(flights)})
        for flight in flights:
            flight.task.cancel()
        await asyncio.wait([flight.task for flight in flights], timeout=_CANCEL_SECONDS)
        await self._ending.committed(_COMMIT_SECONDS)
        giving_back = [asyncio.create_task(self._abandon(flight)) for flight in flights if not flight.settled]
        if not giving_back:
            return
        done, _ = await asyncio.wait(giving_back, timeout=_GIVE_BACK_SECONDS)
        for error in filter(None, (one.exception() for one in done if not one.cancelled())):
            log.error("a task was not given back", exc_info=error, extra={"action": "internal_error"})

    async def _abandon(self, flight: Flight) -> None:
        """Give a message and its task back; after a commit the table refuses, and the task is only told."""
        try:
            # It was never ours, has ended, or AWS is in trouble: then its lease runs out.
            with contextlib.suppress(Settled, LostError, ServiceError):
                if flight.claiming is not None:
                    claim, _ = await asyncio.shield(flight.claiming)
                    await self._tasks.give_back(claim, lost=False)
        finally:
            # Whatever became of the task, its message goes back.
            with contextlib.suppress(ServiceError):
                await self._queue.hide(flight.delivery, 0)

    # --- receiving ---

    async def _receive_in_time(self) -> None:
        """Receive one message, or wait until it may be time to."""
        self._change.clear()
        pause = self._until_receiving()
        if pause is None or pause > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._change.wait(), pause)
            return
        began = time.monotonic()
        began_at = time.time()
        delivery = await self._receive()
        if delivery is None:
            if self._gpu.turn is None:
                # Nothing to do is the time to see whether the runtime is still there.
                self._gpu.doubt()
            return
        waited = delivery.sent_at.timestamp() > began_at
        took = 0.0 if waited else min(_MAX_RECEIVE_SECONDS, time.monotonic() - began)
        self._metrics.observe("receive", took)
        flight = Flight(delivery, Stages(self._metrics, delivery), time.monotonic())
        receive = spans.received(delivery, runtime=self._metrics.runtime, began_at=began_at)
        self._flights.add(flight)
        flying = self._fly(flight, took, receive)
        flight.task = asyncio.create_task(flying, name=f"message {delivery.message_id}")

    def _until_receiving(self) -> float | None:
        """Return the seconds until the next message should be received; None: when something changes.

        Just in time: a message in hand that nobody works on is one that an idle agent could have.
        """
        now = time.monotonic()
        if self._not_before > now:
            return self._not_before - now
        if not self._gpu.trusted or self._gpu.backlog.full or len(self._flights) >= self._limits.in_hand:
            return None
        waiting = [flight for flight in self._flights if not flight.started]
        ready = len(self._gpu.waiting)
        slow = (
            sum(now - flight.since >= self._limits.slow_preparing for flight in waiting) if not ready else 0
        )
        if len(waiting) - min(slow, _MORE_WHILE_SLOW) >= self._limits.prefetch:
            return None if ready else self._limits.slow_preparing
        if self._gpu.turn is None:
            return 0.0
        start = self._gpu.next_start()
        return None if start is None else max(0.0, start - self._pace.fetch_ahead)

    async def _receive(self) -> Delivery | None:
        receive = asyncio.create_task(self._queue.receive(wait_seconds=self._limits.receive_wait))
        stop = asyncio.create_task(self._leaving.wait())
        try:
            await asyncio.wait({receive, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not receive.done():
                await asyncio.wait({receive}, timeout=self._limits.receive_leftover)
            if not receive.done():
                return None
            delivery = receive.result()
        except ServiceError as exc:
            log.warning("receive failed", extra={"action": "receive_failed", "cause": str(exc)})
            self._not_before = time.monotonic() + self._limits.trouble_pause
            return None
        finally:
            receive.cancel()
            stop.cancel()
        if delivery is not None and self._leaving.begun:
            with contextlib.suppress(TimeoutError, ServiceError):
                async with asyncio.timeout(_GIVE_BACK_SECONDS):
                    await self._queue.hide(delivery, 0)
            return None
        return delivery

    # --- a message in hand ---

    async def _fly(self, flight: Flight, received_in: float, receive: Link | None) -> None:
        """Carry a message to its end, whatever happens, and trace its way."""
        with spans.processing(flight.delivery, runtime=self._metrics.runtime, receive=receive):
            await self._carry(flight, received_in)

    async def _carry(self, flight: Flight, received_in: float) -> None:
        limits = self._limits
        why = "done"
        disposition: Disposition
        self._metrics.in_flight("hand", 1)
        try:
            async with Heartbeat(
                self._queue, self._tasks, flight.delivery, visibility=limits.visibility, beat=limits.beat
            ) as beat:
                try:
                    disposition = await self._process(flight, beat, received_in)
                except Settled as exc:
                    disposition, why = exc.disposition, exc.why
                    if exc.unreadable:
                        self._metrics.message_settled("Unreadable")
                except LostError as exc:
                    disposition, why = Leave(), str(exc)
                except ServiceError as exc:
                    self._troubled()
                    spans.note_trouble(exc)
                    disposition, why = GiveBack(back_off(flight.delivery.receive_count)), str(exc)
                except Exception as exc:
                    # The outermost place of a message: one that trips us up must not stop those behind it.
                    self._troubled()
                    spans.note_trouble(exc)
                    log.exception("task tripped up the agent", extra={"action": "internal_error"})
                    disposition, why = GiveBack(back_off(flight.delivery.receive_count)), "internal error"
            if isinstance(disposition, Delete):
                self._failures = 0
            await self._settle(flight, disposition, why)
        finally:
            self._metrics.in_flight("hand", -1)
            self._flights.discard(flight)
            self._change.set()

    def _troubled(self) -> None:
        """Note one more message in a row that AWS, or a fault of ours, did not let us end.

        Each receive counts towards the dead-letter queue: trouble must not send all messages there.
        """
        self._failures += 1
        if self._failures > 1:
            pause = min(self._limits.trouble_pause * 2 ** min(self._failures - 2, 6), MAX_BACK_OFF)
            self._not_before = time.monotonic() + pause

    async def _settle(self, flight: Flight, disposition: Disposition, why: str) -> None:
        delivery = flight.delivery
        how = type(disposition).__name__
        try:
            match disposition:
                case Delete():
                    with flight.stages.stage("delete"):
                        await self._queue.delete(delivery)
                case GiveBack(seconds):
                    await self._queue.hide(delivery, seconds)
                case Leave():
                    pass
        except ServiceError as exc:
            # It comes back when its visibility ends, and finds its task ended or free.
            log.warning("message not settled", extra={"action": "settle_failed", "cause": str(exc)})
            how = "Failed"
        flight.settled = True
        spans.note({"darkroom.disposition": how})
        self._metrics.message_settled(how)
        log.info(
            "message settled",
            extra={
                "action": "settled",
                "message_id": delivery.message_id,
                "disposition": how,
                "why": why,
            },
        )

    async def _process(self, flight: Flight, beat: Heartbeat, received_in: float) -> Disposition:
        """Pass through the stages: fetch, wait for the GPU, run and deliver."""
        delivery = flight.delivery
        try:
            with flight.stages.stage("accept"):
                held = await self._intake.accept(delivery)
            try:
                with flight.stages.stage("prepare"):
                    flight.job = await self._unless_stopped(self._prepare(held))
            except TaskFailedError as exc:
                raise await self._intake.end(held, exc.error, answer=exc.answer) from exc
            except RuntimeRefusedStartError as exc:
                log.warning("runtime refused", extra={"action": "runtime_refused", "cause": str(exc)})
                self._gpu.failed(held.message.submission, str(exc))
                return GiveBack(back_off(delivery.receive_count))
            if flight.job is None:
                return GiveBack()
            self._pace.fetched(received_in + time.monotonic() - flight.since)
            await self._intake.check_deadline(held)
            return await self._in_turn(flight, held, beat)
        finally:
            self._start(flight)

    async def _in_turn(self, flight: Flight, held: InHand, beat: Heartbeat) -> Disposition:
        around = contextvars.copy_context()  # the claim is a step of its own, though the wait goes on

        async def claim() -> None:
            await self._claims.take(flight, held, beat, around)

        try:
            with flight.stages.stage("wait"):
                turn = await self._gpu.take(flight.waiting_job(), patience=self._limits.hold, get_ready=claim)
        except NoTurnError:
            self._metrics.prefetch_returned()
            await self._claims.let_go(flight, beat)
            return GiveBack()
        except TooLateError as exc:
            self._start(flight)  # the next message may be received while this one's task is ended
            raise await self._intake.end(held, TaskError.not_started()) from exc
        try:
            self._start(flight)
            await self._claims.check(flight, held, beat, turn)
            self._metrics.message_age(max(0.0, time.time() - flight.delivery.sent_at.timestamp()))
            return await self._attempts.make(flight, held, beat, turn)
        finally:
            turn.close()

    def _start(self, flight: Flight) -> None:
        if not flight.started:
            flight.started = True
            self._change.set()

    async def _prepare(self, held: InHand) -> Job:
        job = await self._intake.job(held, attempt=uuid.uuid4().hex)
        links = list(dict.fromkeys(self._runtime.links(job)))
        fetched = await self._inputs.fetch([link.url for link in links])
        return await self._runtime.prepare(job, {link: fetched[link.url] for link in links})

    async def _unless_stopped(self, preparing: Coroutine[Any, Any, Job]) -> Job | None:
        """Return what is prepared, None where the agent was stopped before: nothing is started any more."""
        prepare = asyncio.create_task(preparing, name="prepare")
        stop = asyncio.create_task(self._leaving.wait())
        try:
            await asyncio.wait({prepare, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not prepare.done():
                return None
            if prepare.cancelled():
                raise RuntimeRefusedStartError("the adapter gave the preparation up")
            job = prepare.result()
            return None if self._leaving.begun else job
        finally:
            await end_of(prepare, stop)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._leaving.wait(), seconds)
