"""The claim of a task: written before the GPU gets it, while another task has the GPU (DESIGN 5, ADR 14).

Whoever was told that a task is cancelled has seen a row without a claim, so no runtime has got that task;
and no runtime gets one whose claim was refused.
"""

import asyncio
import contextlib
import uuid
from contextvars import Context

from queue_agent import spans
from queue_agent.errors import ServiceError
from queue_agent.heartbeat import Heartbeat
from queue_agent.inhand import Flight, InHand, Leave, Settled, not_free
from queue_agent.pace import Pace
from queue_agent.tasks import Claim
from queue_agent.turns import Turn
from queue_agent.world import World
from task_schema import Status, TaskError
from task_store import LostError, NotClaimableError, Task
from telemetry import names


class TooLateError(Exception):
    """A task had to start by now: it has to be ended, once the runtime does not wait for it any more."""

    is_expected = True  # and no failure of waiting


class Claims:
    """Claims tasks whose turn is next, and lets go of those that no run came of."""

    def __init__(self, world: World, *, pace: Pace) -> None:
        self._tasks = world.tasks
        self._intake = world.intake
        self._max_attempts = world.limits.max_attempts
        self._persistently = world.persistently
        self._pace = pace

    async def take(self, flight: Flight, held: InHand, beat: Heartbeat, context: Context) -> None:
        """Claim the task of a message; its lease is renewed from then on.

        Args:
            flight: whose turn is next.
            held: its message.
            beat: renews the lease.
            context: which the claim's span belongs to.

        Raises:
            Settled: the task is not free.
            TooLateError: it had to start by now, and is not claimed.
            ServiceError: not claimed, as far as anybody knows.
        """
        if beat.lost:
            raise Settled(Leave(), "the message may be another's")
        if self._intake.is_late(held):
            raise TooLateError
        # One that is on its way is not abandoned: who cuts the agent off has to know what to give back.
        flight.claiming = asyncio.create_task(self._claim(held, beat), name="claim", context=context)
        await asyncio.shield(flight.claiming)

    async def check(self, flight: Flight, held: InHand, beat: Heartbeat, turn: Turn) -> None:
        """See whether a run may begin, now that its turn has come; else turn and claim are let go of.

        Raises:
            Settled: it may not: the task was cancelled, and has ended; or the message may be another's.
            ServiceError: an AWS call failed; the lease runs out.
        """
        _, task = flight.claimed()
        if beat.lost:
            turn.free()
            await self.let_go(flight, beat)
            raise Settled(Leave(), "the message may be another's")
        if task.cancel_requested or beat.cancelled:
            turn.free()
            await self.let_go(flight, beat)
            raise await self._intake.end(held, TaskError.cancelled(), status=Status.CANCELLED)

    async def let_go(self, flight: Flight, beat: Heartbeat) -> None:
        """Give a task back that was claimed, if it was, and did not run: that counts as no attempt.

        Raises:
            ServiceError: not given back, as far as anybody knows; the lease runs out.
        """
        if flight.claiming is None:
            return
        claim, _ = flight.claimed()
        beat.hold(None)
        with contextlib.suppress(LostError):
            await self._persistently(lambda: self._tasks.give_back(claim, lost=False))

    async def _claim(self, held: InHand, beat: Heartbeat) -> tuple[Claim, Task]:
        began = self._pace.clock()
        with spans.step("claim"):
            claim, task = await self._claim_now(held)
        self._pace.claimed(self._pace.clock() - began)
        beat.hold(claim)
        spans.note({names.ATTEMPT: claim.attempts})
        return claim, task

    async def _claim_now(self, held: InHand) -> tuple[Claim, Task]:
        task_id, submission = held.message.metadata.id, held.message.submission
        # One token for all tries: a claim whose answer got lost must not count as another attempt.
        token, now, most = uuid.uuid4().hex, self._tasks.now(), self._max_attempts
        try:
            return await self._persistently(
                lambda: self._tasks.claim(task_id, submission, token=token, now=now, max_attempts=most)
            )
        except NotClaimableError as exc:
            raise not_free(exc.task, submission, now=self._tasks.now()) from exc
        except ServiceError:
            # It may have been written all the same: then the task is let go, and the attempt not counted.
            with contextlib.suppress(LostError, ServiceError):
                await self._tasks.give_back(Claim(task_id, submission, token, 0), lost=False)
            raise
