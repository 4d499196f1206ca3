"""The adapter to SD Web UI: AUTOMATIC1111's API, also as Forge serves it (facts/a1111-contract.md)."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import httpx

from queue_agent import spans
from queue_agent.errors import (
    AgentError,
    InterruptedRunError,
    RuntimeLostError,
    RuntimeRefusedStartError,
    TaskFailedError,
)
from queue_agent.links import find_links
from queue_agent.ports import Freed, InputLink, Job, Progress, Result, unheard
from queue_agent.runtime_http import RuntimeHttp, runtime_client
from queue_agent.runtime_lane import Answering, Lane
from queue_agent.runtime_reply import Reply
from queue_agent.sdwebui_answers import check_complete, info_of, result_of
from queue_agent.sdwebui_api import SdWebUiApi
from queue_agent.sdwebui_faults import fault_of
from queue_agent.sdwebui_flight import Flight
from queue_agent.sdwebui_models import LOAD_TIMEOUT, Checkpoint, Models, check_made_by
from queue_agent.sdwebui_options import OptionKeeper
from queue_agent.sdwebui_orders import GENERATING, Order, Wanted, body_of, embed, order_of
from queue_agent.sdwebui_samplers import Samplers, sampler_of
from s3io.inputs import FetchedInput
from task_schema import TASK_TYPES, TaskCode

RUN_TIMEOUT = 3600.0  # seconds; a backstop: the worker's own limit is shorter and interrupts
BUSY_SECONDS = 120.0  # how long a run that is not ours is waited for
PROGRESS_SECONDS = 0.7
LET_THROUGH_SECONDS = 0.02
INTERRUPT_SECONDS = 30.0
INTERRUPT_POLL_SECONDS = 0.25
# After so long without a run the runtime may have been started anew; asking costs nothing then.
TRUST_SECONDS = 2.0


class SdWebUi:
    """A `Runtime`: one SD Web UI.

    In the ordinary case nothing is asked between two runs: the request is ready, the model is known to be
    loaded, and the run before ended properly. Whatever is in doubt is asked for before the next request.

    Args:
        url: its base URL; `http://user:password@host` where it was started with `--api-auth`.
        client: for questions, in place of `runtime_http.runtime_client()`; closed by `aclose`.
        model_filename: the checkpoint of a static runtime; None where any may be asked for.
        dynamic_model: whether a job may ask for another checkpoint than the one loaded.
        state_dir: where it is kept which settings have to be restored; None for nowhere.
        run_timeout: seconds until a run without an answer is given up.
        load_timeout: seconds that loading a checkpoint may take.
        busy_seconds: how long a run that somebody else started is waited for.
        progress_seconds: time between two looks at the progress of a run.
        interrupt_seconds: how long `interrupt` tries.
        trust_seconds: how long after a run nothing needs to be asked before the next.
    """

    def __init__(
        self,
        url: str,
        *,
        client: httpx.AsyncClient | None = None,
        model_filename: str | None = None,
        dynamic_model: bool = False,
        state_dir: Path | None = None,
        run_timeout: float = RUN_TIMEOUT,
        load_timeout: float = LOAD_TIMEOUT,
        busy_seconds: float = BUSY_SECONDS,
        progress_seconds: float = PROGRESS_SECONDS,
        interrupt_seconds: float = INTERRUPT_SECONDS,
        trust_seconds: float = TRUST_SECONDS,
    ) -> None:
        self._http = RuntimeHttp(url, client or runtime_client())
        self._lane = Lane(url)
        self._api = SdWebUiApi(self._http, self._lane)
        self._models = Models(self._api, load_timeout=load_timeout)
        self._options = OptionKeeper(self._api, state_dir)
        self._samplers = Samplers(self._api)
        self._own_model = None if dynamic_model else model_filename
        self._run_timeout = run_timeout
        self._busy_seconds = busy_seconds
        self._progress_seconds = progress_seconds
        self._interrupt_seconds = interrupt_seconds
        self._trust_seconds = trust_seconds
        self._flight: Flight | None = None  # the run whose request is with the server, unanswered
        self._begun = 0  # runs that have had the GPU
        self._clean_at: float | None = None  # when the last run ended, if that left nothing to be settled
        self._stopped: str | None = None  # the attempt that was interrupted last
        self._interrupting = asyncio.Lock()
        self._warming: asyncio.Task[Checkpoint] | None = None

    @property
    def task_types(self) -> frozenset[str]:
        """The task types that it runs."""
        return frozenset(TASK_TYPES["sdwebui"])

    def links(self, job: Job) -> Sequence[InputLink]:
        """Find every string that is a link, in any field but those for texts (DESIGN 4.4)."""
        return tuple(find_links(job.content))

    async def prepare(self, job: Job, inputs: Mapping[InputLink, FetchedInput]) -> Job:
        """Make the request: pictures in the links' place, the model and samplers found, all of it encoded.

        Raises:
            TaskFailedError: the runtime does not have the model or a sampler.
            RuntimeRefusedStartError: it cannot be asked, or does not have the model that it is there for.
        """
        content = await embed(job, inputs)
        body = body_of(job.tasktype, content)
        wanted: Wanted | None = None
        settled: dict[str, str] = {}
        if job.tasktype in GENERATING:
            wanted = await self._wanted(job)
            settled = await self._samplers.settle(body)
        order = await order_of(job.tasktype, body | settled, wanted=wanted, sampler=sampler_of(settled))
        await self._lane.warm()
        return replace(job, content=content, prepared=order)

    async def ready(self) -> bool:
        """Whether it answers and, where it has one model, that one is loaded; starts loading it if not."""
        try:
            await self._api.state()
            loaded = await self._models.loaded()
        except RuntimeRefusedStartError:
            self._clean_at = None
            return False
        if self._flight is None:
            self._models.note(loaded)
        if self._own_model is None:
            return True
        if self._warming is not None and self._warming.done():
            # Looked at, so that it is not reported as never retrieved; the next round tries again.
            failed = self._warming.cancelled() or self._warming.exception() is not None
            self._warming = None
            return not failed and loaded is not None
        if loaded is None and self._warming is None:
            self._warming = asyncio.create_task(self._models.load(self._own_model))
        return loaded is not None

    def has_loaded(self, job: Job) -> bool:
        """Whether the job could start without switching the model, as far as is known."""
        name = self._own_model or job.model
        if name is None or job.tasktype not in GENERATING:
            return True
        order = job.prepared
        if isinstance(order, Order) and order.wanted is not None:
            return self._models.has_loaded(order.wanted.checkpoint)
        checkpoint = self._models.known(name)
        return checkpoint is not None and self._models.has_loaded(checkpoint)

    async def run(self, job: Job, progress: Progress, freed: Freed = unheard) -> Result:
        """Run a prepared job; see `ports.Runtime.run`."""
        if not isinstance(job.prepared, Order):
            job = await self.prepare(job, {})
        order: Order = job.prepared
        async with self._interrupting:
            pass  # one that is under way ends first: it might hit this run
        self._check_going(job)
        self._begun += 1
        turn = self._begun
        checkpoint = await self._clear_the_way(job, order)
        flight = Flight(job.attempt, progress)
        async with self._answer_to(job, order, flight) as answer:
            if answer.status == 200:
                await self._hand_over(job, order, freed)
            reply = await answer.rest()
        if reply.status != 200:
            raise await self._failure(job, order, reply)
        await self._check_left_alone(flight, turn)
        result = await result_of(await reply.json())
        check_complete(result, order.pictures)
        self._check_asked_for(order, checkpoint, result)
        return result

    async def interrupt(self, job: Job) -> bool:
        """Interrupt until the job's request is answered and nothing runs; whether that was seen.

        Once is not enough: what comes before the run begins is forgotten when it does (runtimes.md).
        """
        self._stopped = job.attempt
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._interrupt_seconds), self._interrupting:
                while self._flight is None or self._flight.attempt == job.attempt:
                    with contextlib.suppress(httpx.RequestError, RuntimeRefusedStartError):
                        await self._api.interrupt()
                        answered = self._flight is None
                        if (await self._api.state()).idle and answered:
                            return True
                    await asyncio.sleep(INTERRUPT_POLL_SECONDS)
                return True  # its run is over, and another one is not to be hit
        return False

    async def aclose(self) -> None:
        """Close connections."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        await self._lane.aclose()
        await self._http.aclose()

    async def _wanted(self, job: Job) -> Wanted | None:
        """Find the checkpoint that a job needs; None where it is the one that is loaded."""
        if self._own_model is None:
            return Wanted(job.model, await self._models.find(job.model)) if job.model else None
        try:
            own = await self._models.find(self._own_model)
        except TaskFailedError as exc:
            # Not the task's fault: this runtime was set up for a model that it does not have.
            raise RuntimeRefusedStartError(str(exc)) from exc
        if job.model and not (own.is_called(job.model) or own.is_like(job.model) or own.has_hash(job.model)):
            raise TaskFailedError(
                TaskCode.UNKNOWN_MODEL, f"the runtime serves {self._own_model} only, not {job.model}"
            )
        return Wanted(self._own_model, own)

    async def _clear_the_way(self, job: Job, order: Order) -> Checkpoint | None:
        """See that nothing of other runs is in the way, and that the model is loaded; return it.

        Asks nothing where all of it is known.
        """
        if self._clean_at is None or time.monotonic() - self._clean_at > self._trust_seconds:
            await self._wait_idle(job)
            await self._options.settle()
            self._models.forget()
        self._clean_at = None
        checkpoint = None
        if order.wanted is not None:
            checkpoint = await self._load(order.wanted)
        if order.overrides:
            await self._options.note(order.overrides)
        self._check_going(job)
        return checkpoint

    async def _load(self, wanted: Wanted) -> Checkpoint:
        if self._models.has_loaded(wanted.checkpoint):
            return wanted.checkpoint
        if self._warming is not None:
            await asyncio.gather(self._warming, return_exceptions=True)
        try:
            return await self._models.ensure(wanted.name, wanted.checkpoint)
        except TaskFailedError as exc:
            if self._own_model is None:
                raise
            raise RuntimeRefusedStartError(str(exc)) from exc

    async def _wait_idle(self, job: Job) -> None:
        """Let a run end that this agent did not start, or lost sight of: its settings are in force now."""
        try:
            async with asyncio.timeout(self._busy_seconds):
                while True:
                    self._check_going(job)
                    if (await self._api.state()).idle:
                        return
                    await asyncio.sleep(self._progress_seconds)
        except TimeoutError as exc:
            raise RuntimeRefusedStartError("the runtime is busy with another run") from exc

    @contextlib.asynccontextmanager
    async def _answer_to(self, job: Job, order: Order, flight: Flight) -> AsyncIterator[Answering]:
        """Send the request, watch the run, and give the answer once its head is there."""
        self._flight = flight
        flight.watch(self._api.state, every=self._progress_seconds)
        try:
            async with contextlib.AsyncExitStack() as stack:
                try:
                    start = self._api.start(order.path, order.body, timeout=self._run_timeout)
                    answer = await stack.enter_async_context(start)
                except RuntimeLostError:
                    # Whatever broke it, the agent had given the run up before.
                    self._check_going(job)
                    # A lost connection does not end the run (recording a05), and nobody wants it any more.
                    with contextlib.suppress(httpx.RequestError):
                        await self._api.interrupt()
                    raise
                finally:
                    flight.land()
                    self._flight = None
                # An interrupted run answers 200 with a half-made picture that nothing marks (recording a05).
                self._check_going(job)
                yield answer
        finally:
            await flight.ended()

    async def _hand_over(self, job: Job, order: Order, freed: Freed) -> None:
        """Settle what the next run must not meet, and let it begin."""
        if order.switches:
            self._models.forget()
        if order.overrides:
            try:
                await self._options.settle()
            except RuntimeRefusedStartError:
                return  # it is settled before the next run, or that one does not start
            self._check_going(job)
        self._clean_at = time.monotonic()
        freed()

    async def _failure(self, job: Job, order: Order, reply: Reply) -> AgentError:
        fault = fault_of(reply.status, await reply.said(), options=order.overrides)
        with contextlib.suppress(AgentError):
            await self._options.settle()
        self._check_going(job)
        return fault

    async def _check_left_alone(self, flight: Flight, turn: int) -> None:
        """Check that nobody interrupted the run from outside, as far as that can still be seen.

        The mark stays until the next run begins: where one has, only what was seen before counts. One that
        waits for the GPU is let through first.
        """
        await asyncio.sleep(LET_THROUGH_SECONDS)
        if not flight.interrupted and self._begun == turn:
            with contextlib.suppress(RuntimeRefusedStartError):
                state = await self._api.state()
                if self._begun == turn:
                    flight.interrupted = state.interrupted
        if flight.interrupted:
            raise RuntimeLostError("the run was interrupted from outside")

    def _check_asked_for(self, order: Order, checkpoint: Checkpoint | None, result: Result) -> None:
        """Check that the answer was made with what was asked for; the server says 200 to anything."""
        info = info_of(result)
        spans.note_answer(info)
        if checkpoint is not None:
            try:
                check_made_by(checkpoint, info)
            except RuntimeLostError:
                self._models.forget()  # what was believed to be loaded is not
                raise
        if order.sampler is not None and not self._samplers.made(order.sampler, info):
            raise TaskFailedError(
                TaskCode.RUNTIME_REFUSED,
                f"the runtime used sampler {info['sampler_name']}, not {order.sampler}",
            )

    def _check_going(self, job: Job) -> None:
        if self._stopped == job.attempt:
            raise InterruptedRunError("the run was interrupted")
