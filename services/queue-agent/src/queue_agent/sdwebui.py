"""The adapter to SD Web UI: AUTOMATIC1111's API, also as Forge serves it (facts/a1111-contract.md)."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx

from queue_agent.errors import (
    AgentError,
    InterruptedRunError,
    RuntimeLostError,
    RuntimeRefusedStartError,
    TaskFailedError,
)
from queue_agent.links import find_links, with_values
from queue_agent.ports import Freed, InputLink, Job, Progress, Result, unheard
from queue_agent.runtime_http import RuntimeHttp, runtime_client
from queue_agent.sdwebui_answers import check_complete, info_of, result_of
from queue_agent.sdwebui_api import SdWebUiApi, State
from queue_agent.sdwebui_faults import fault_of
from queue_agent.sdwebui_models import LOAD_TIMEOUT, Checkpoint, Models, check_made_by
from queue_agent.sdwebui_options import OptionKeeper
from queue_agent.sdwebui_samplers import Samplers, sampler_of
from s3io.inputs import FetchedInput
from task_schema import TASK_TYPES, TaskCode

RUN_TIMEOUT = 3600.0  # seconds; a backstop: the worker's own limit is shorter and interrupts
BUSY_SECONDS = 120.0  # how long a run that is not ours is waited for
PROGRESS_SECONDS = 0.7
INTERRUPT_SECONDS = 30.0
INTERRUPT_POLL_SECONDS = 0.25

PATHS: Mapping[str, str] = {
    "text-to-image": "/txt2img",
    "image-to-image": "/img2img",
    "extra-single-image": "/extra-single-image",
    "extra-batch-images": "/extra-batch-images",
}
#: The task types that use a checkpoint; upscaling does not.
GENERATING = frozenset({"text-to-image", "image-to-image"})


class SdWebUi:
    """A `Runtime`: one SD Web UI.

    Args:
        url: its base URL; `http://user:password@host` where it was started with `--api-auth`.
        client: in place of `runtime_http.runtime_client()`, with its properties; closed by `aclose`.
        model_filename: the checkpoint of a static runtime; None where any may be asked for.
        dynamic_model: whether a job may ask for another checkpoint than the one loaded.
        run_timeout: seconds until a run without an answer is given up.
        load_timeout: seconds that loading a checkpoint may take.
        busy_seconds: how long a run that somebody else started is waited for.
        progress_seconds: time between two looks at the progress of a run.
        interrupt_seconds: how long `interrupt` tries.
    """

    def __init__(
        self,
        url: str,
        *,
        client: httpx.AsyncClient | None = None,
        model_filename: str | None = None,
        dynamic_model: bool = False,
        run_timeout: float = RUN_TIMEOUT,
        load_timeout: float = LOAD_TIMEOUT,
        busy_seconds: float = BUSY_SECONDS,
        progress_seconds: float = PROGRESS_SECONDS,
        interrupt_seconds: float = INTERRUPT_SECONDS,
    ) -> None:
        self._http = RuntimeHttp(url, client or runtime_client())
        self._api = SdWebUiApi(self._http)
        self._models = Models(self._api, load_timeout=load_timeout)
        self._options = OptionKeeper(self._api)
        self._samplers = Samplers(self._api)
        self._own_model = None if dynamic_model else model_filename
        self._run_timeout = run_timeout
        self._busy_seconds = busy_seconds
        self._progress_seconds = progress_seconds
        self._interrupt_seconds = interrupt_seconds
        self._in_flight: str | None = None  # the attempt whose request is with the server
        self._stopped: str | None = None  # the attempt that was interrupted last
        self._warming: asyncio.Task[Checkpoint] | None = None

    @property
    def task_types(self) -> frozenset[str]:
        """The task types that it runs."""
        return frozenset(TASK_TYPES["sdwebui"])

    def links(self, job: Job) -> Sequence[InputLink]:
        """Find every string that is a link, in any field but those for texts (DESIGN 4.4)."""
        return tuple(find_links(job.content))

    async def prepare(self, job: Job, inputs: Mapping[InputLink, FetchedInput]) -> Job:
        """Put base64 in the links' place. The server is never told a URL to fetch itself."""
        if not inputs:
            return job

        def encoded() -> dict[str, Any]:
            texts = {id(each.data): base64.b64encode(each.data).decode() for each in inputs.values()}
            values = {link.path: texts[id(each.data)] for link, each in inputs.items()}
            return with_values(job.content, values)

        return replace(job, content=await asyncio.to_thread(encoded))

    async def ready(self) -> bool:
        """Whether it answers and, where it has one model, that one is loaded; starts loading it if not."""
        try:
            await self._api.state()
            loaded = await self._models.loaded()
        except RuntimeRefusedStartError:
            return False
        if self._own_model is None:
            return True
        if self._warming is not None and self._warming.done():
            # Looked at, so that it is not reported as never retrieved; the next round tries again.
            failed = self._warming.cancelled() or self._warming.exception() is not None
            self._warming = None
            return not failed and loaded is not None
        if loaded is None and self._warming is None:
            self._warming = asyncio.create_task(self._models.ensure(self._own_model))
        return loaded is not None

    def has_loaded(self, job: Job) -> bool:
        """Whether the job could start without switching the model."""
        return job.model is None

    async def run(self, job: Job, progress: Progress, freed: Freed = unheard) -> Result:  # noqa: ARG002 - next step
        """Run a prepared job; see `ports.Runtime.run`."""
        await self._wait_idle(job)
        await self._options.settle()
        if job.tasktype not in GENERATING:
            return await self._run(job, {**job.content, "show_extras_results": True}, progress)
        body = _forced(job.content)
        checkpoint = await self._checkpoint(job)
        settled = await self._samplers.settle(body)
        body |= settled
        await self._options.note(body.get("override_settings") or {})
        try:
            result = await self._run(job, body, progress)
        finally:
            # After an interrupt it may still be running. What cannot be settled now is settled before the
            # next run, or that one does not start.
            if self._stopped != job.attempt:
                with contextlib.suppress(AgentError):
                    await self._options.settle()
        if checkpoint is not None:
            check_made_by(checkpoint, info_of(result))
        sampler = sampler_of(settled)
        if sampler is not None and not self._samplers.made(sampler, info_of(result)):
            used = info_of(result)["sampler_name"]
            raise TaskFailedError(TaskCode.RUNTIME_REFUSED, f"the runtime used sampler {used}, not {sampler}")
        return result

    async def interrupt(self, job: Job) -> bool:
        """Interrupt until the job's request is answered and nothing runs.

        Once is not enough: what comes before the run begins is forgotten when it does (runtimes.md).
        """
        self._stopped = job.attempt
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._interrupt_seconds):
                while True:
                    with contextlib.suppress(httpx.RequestError, RuntimeRefusedStartError):
                        await self._api.interrupt()
                        if (await self._api.state()).idle and self._in_flight != job.attempt:
                            return True
                    await asyncio.sleep(INTERRUPT_POLL_SECONDS)
        return False

    async def aclose(self) -> None:
        """Close connections."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        await self._http.aclose()

    async def _checkpoint(self, job: Job) -> Checkpoint | None:
        if self._own_model is None:
            return await self._models.ensure(job.model) if job.model else None
        try:
            if self._warming is not None:
                await asyncio.gather(self._warming, return_exceptions=True)
            own = await self._models.ensure(self._own_model)
        except TaskFailedError as exc:
            # Not the task's fault: this runtime was set up for a model that it does not have.
            raise RuntimeRefusedStartError(str(exc)) from exc
        if job.model and not (own.is_called(job.model) or own.is_like(job.model) or own.has_hash(job.model)):
            raise TaskFailedError(
                TaskCode.UNKNOWN_MODEL, f"the runtime serves {self._own_model} only, not {job.model}"
            )
        return own

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

    async def _run(self, job: Job, body: dict[str, Any], progress: Progress) -> Result:
        self._check_going(job)
        self._in_flight = job.attempt
        try:
            async with self._watching(progress) as watch:
                reply = await self._api.start(PATHS[job.tasktype], body, timeout=self._run_timeout)
        except RuntimeLostError:
            # Whatever broke it, the agent had given the run up before.
            self._check_going(job)
            # A lost connection does not end the run (recording a05), and nobody wants it any more.
            with contextlib.suppress(httpx.RequestError):
                await self._api.interrupt()
            raise
        finally:
            self._in_flight = None
        # An interrupted run answers 200 with a half-made picture that nothing marks (recording a05).
        self._check_going(job)
        if reply.status != 200:
            raise fault_of(reply.status, await reply.said(), options=body.get("override_settings") or {})
        # The flag stays until the next run begins.
        with contextlib.suppress(RuntimeRefusedStartError):
            watch.see(await self._api.state())
        if watch.interrupted:
            raise RuntimeLostError("the run was interrupted from outside")
        result = await result_of(await reply.json())
        check_complete(result, job.content)
        self._check_going(job)
        return result

    @contextlib.asynccontextmanager
    async def _watching(self, progress: Progress) -> AsyncIterator["_Watch"]:
        """Look at the progress of the run in the `with` block from time to time."""
        watch = _Watch(progress)

        async def look() -> None:
            while True:
                await asyncio.sleep(self._progress_seconds)
                with contextlib.suppress(RuntimeRefusedStartError):
                    state = await self._api.state()
                    if not state.idle:
                        watch.see(state)

        looking = asyncio.create_task(look())
        try:
            yield watch
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    def _check_going(self, job: Job) -> None:
        if self._stopped == job.attempt:
            raise InterruptedRunError("the run was interrupted")


class _Watch:
    """What was seen of one run from outside."""

    def __init__(self, progress: Progress) -> None:
        self.interrupted = False
        self._progress = progress
        self._furthest = 0.0

    def see(self, state: State) -> None:
        self.interrupted = self.interrupted or state.interrupted
        if state.progress > self._furthest:
            self._furthest = min(state.progress, 1.0)
            self._progress(self._furthest)


def _forced(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body with what the agent decides.

    Pictures come in the answer and are not kept on the server's disk; settings are restored; the checkpoint
    is never chosen by `override_settings`, where an unknown one would be dropped in silence.
    """
    body = {**content, "send_images": True, "save_images": False}
    overrides = body.get("override_settings")
    if isinstance(overrides, dict):
        body["override_settings"] = {k: v for k, v in overrides.items() if k != "sd_model_checkpoint"}
        body["override_settings_restore_afterwards"] = True
    return body
