"""The adapter to ComfyUI (runtimes.md; recordings of 0.3.64)."""

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx

from queue_agent import comfyui_outputs as outputs
from queue_agent import spans
from queue_agent.comfyui_api import ComfyUiApi
from queue_agent.comfyui_ear import Ear
from queue_agent.comfyui_events import PromptEvents
from queue_agent.comfyui_faults import lost, refusal_of, refused_nodes
from queue_agent.comfyui_follow import Follower, Patience
from queue_agent.comfyui_graph import FOLDER, loader_links, nodes_of
from queue_agent.comfyui_orders import Order, order_of
from queue_agent.errors import (
    InterruptedRunError,
    RuntimeLostError,
    RuntimeRefusedStartError,
    TaskFailedError,
)
from queue_agent.links import with_values
from queue_agent.ports import Freed, InputLink, Job, JsonPath, Output, Progress, Result, unheard
from queue_agent.runtime_http import RuntimeHttp, before_start, runtime_client
from queue_agent.runtime_lane import Lane
from queue_agent.runtime_reply import Reply
from s3io.inputs import FetchedInput
from task_schema import LOADER_INPUTS, TASK_TYPES, TaskCode

INTERRUPT_SECONDS = 30.0
INTERRUPT_POLL_SECONDS = 0.2
SOCKET_SECONDS = 1.0  # that preparing a workflow waits for the websocket
OUTPUT_LIMIT = 1024 * 1024 * 1024  # bytes of one file
LOOKS_AFTER_LOSS = 5  # at the queue, for a prompt whose submission was not answered
VIEWS_AT_ONCE = 4


class ComfyUi:
    """A `Runtime`: one ComfyUI.

    A workflow is made ready, inputs uploaded, while another one runs. The next one may begin as soon as this
    one is known to have run to its end; what it made is looked up and downloaded after that.

    Args:
        url: its base URL.
        client: for questions, in place of `runtime_http.runtime_client()`; closed by `aclose`.
        loader_inputs: more loader nodes whose file inputs may be links: class -> names of inputs.
        patience: how long what is waited for.
        interrupt_seconds: how long `interrupt` tries.
        output_limit: bytes that one output may have.
    """

    def __init__(
        self,
        url: str,
        *,
        client: httpx.AsyncClient | None = None,
        loader_inputs: Mapping[str, Sequence[str]] | None = None,
        patience: Patience | None = None,
        interrupt_seconds: float = INTERRUPT_SECONDS,
        output_limit: int = OUTPUT_LIMIT,
    ) -> None:
        self._http = RuntimeHttp(url, client or runtime_client())
        self._lane = Lane(url)
        self._api = ComfyUiApi(self._http, self._lane)
        self._ear = Ear(self._api.socket_url)
        more = {name: tuple(inputs) for name, inputs in (loader_inputs or {}).items()}
        self._loaders = {**LOADER_INPUTS, **more}
        self._patience = patience or Patience()
        self._interrupt_seconds = interrupt_seconds
        self._output_limit = output_limit
        self._stopped: str | None = None  # the attempt that was interrupted last
        self._ours: set[str] = set()  # prompts that were submitted and are not known to have ended
        self._stale_cache = False
        self._submitting = asyncio.Lock()

    @property
    def task_types(self) -> frozenset[str]:
        """The task types that it runs."""
        return frozenset(TASK_TYPES["comfyui"])

    def links(self, job: Job) -> Sequence[InputLink]:
        """Find the links in file inputs of loader nodes; any other URL is the workflow's own (DESIGN 4.4)."""
        return tuple(loader_links(job.content, self._loaders))

    async def prepare(self, job: Job, inputs: Mapping[InputLink, FetchedInput]) -> Job:
        """Upload the inputs, each once, and make the prompt, with the uploads' names in the links' place.

        Raises:
            TaskFailedError: an input is not taken.
            RuntimeRefusedStartError: an input cannot be uploaded.
        """
        names: dict[str, str] = {}
        values: dict[JsonPath, str] = {}
        for link, data in inputs.items():
            digest = (await asyncio.to_thread(hashlib.sha256, data.data)).hexdigest()[:32]
            if digest not in names:
                names[digest] = await self._api.upload(f"{digest}.{data.media.extension}", data)
            values[link.path] = names[digest]
        job = replace(job, content=with_values(job.content, values)) if values else job
        classes = {node["class_type"] for _, node in nodes_of(job.content)}
        known = {name: await self._api.node_class(name) for name in sorted(classes)}
        await self._ear.open(timeout=SOCKET_SECONDS)
        await self._lane.warm()
        return replace(job, prepared=await order_of(job, known))

    async def ready(self) -> bool:
        """Whether it answers. Models are loaded by the workflows themselves."""
        return await self._api.answers()

    def has_loaded(self, job: Job) -> bool:  # noqa: ARG002 - which models a workflow loads cannot be known
        """Always: a workflow names its models in its nodes."""
        return True

    async def run(self, job: Job, progress: Progress, freed: Freed = unheard) -> Result:
        """Run a prepared job; see `ports.Runtime.run`.

        A workflow that only makes text succeeds with its answer and no outputs; one that was to save or show
        a picture and did not fails with `no_output`.
        """
        if not isinstance(job.prepared, Order):
            job = await self.prepare(job, {})
        order: Order = job.prepared

        over = False

        def succeeded() -> None:
            nonlocal over
            if not over and not self._is_stopped(job):
                over = True
                self._ours.discard(job.attempt)
                freed()

        await self._clear_the_way()
        events = PromptEvents(job.attempt, order.graph, progress, spans.node_watcher(), succeeded)
        try:
            with self._ear.attending(events):
                client_id = await self._submit(job, order)
                follower = Follower(
                    self._api, job.attempt, stopped=lambda: self._is_stopped(job), patience=self._patience
                )
                entry = await follower.entry(events.wake)
            self._ours.discard(job.attempt)
            if not events.heard:
                self._ear.doubt(client_id)
            return await self._result(job, order, entry, succeeded)
        finally:
            await self._api.forget(job.attempt)

    async def interrupt(self, job: Job) -> bool:
        """Take the job from the queue, or interrupt it, until none of this agent's prompts waits or runs.

        An interruption between two prompts, or before a prompt's first node, is forgotten (runtimes.md 24).
        """
        self._stopped = job.attempt
        try:
            async with asyncio.timeout(self._interrupt_seconds):
                async with self._submitting:
                    pass  # what is on its way is there now; what is not will not be sent any more
                await self._see_idle()
        except TimeoutError:
            return False
        return True

    async def aclose(self) -> None:
        """Close connections."""
        await self._ear.aclose()
        await self._lane.aclose()
        await self._http.aclose()

    async def _clear_the_way(self) -> None:
        """See that no earlier prompt of this agent is left, and that none is answered from a cache in doubt.

        Asks nothing where the prompts before have ended properly.
        """
        try:
            async with asyncio.timeout(self._interrupt_seconds):
                while self._ours:
                    await self._push_out()
                    await asyncio.sleep(INTERRUPT_POLL_SECONDS if self._ours else 0)
        except TimeoutError as exc:
            raise RuntimeRefusedStartError("the runtime is busy with a run that was given up") from exc
        except httpx.RequestError as exc:
            raise before_start(exc) from exc
        except RuntimeLostError as exc:
            raise RuntimeRefusedStartError(str(exc)) from exc
        if self._stale_cache:
            await self._api.free(unload_models=False)
            self._stale_cache = False

    async def _see_idle(self) -> None:
        """Return once none of this agent's prompts is seen in the queue, whatever else goes wrong."""
        while True:
            with contextlib.suppress(httpx.RequestError, RuntimeLostError):
                await self._push_out()
                if not self._ours:
                    return
            await asyncio.sleep(INTERRUPT_POLL_SECONDS)

    async def _push_out(self) -> None:
        """Look once at the queue, and send away what is there of this agent's prompts."""
        queue = await self._api.queue()
        self._ours &= queue.running | queue.pending
        for prompt_id in sorted(self._ours):
            if prompt_id in queue.pending:
                await self._api.unqueue(prompt_id)
            else:
                await self._api.interrupt(prompt_id)

    async def _submit(self, job: Job, order: Order) -> str:
        """Hand the prompt over, once; return the client's id that its messages go to."""
        async with self._submitting:
            if self._is_stopped(job):
                raise InterruptedRunError("the run was interrupted before it began")
            client_id = self._ear.client_id
            self._ours.add(job.attempt)
            try:
                reply = await self._api.submit(order.body(client_id))
            except RuntimeLostError as exc:
                await self._look_for(job, exc)
            else:
                await self._check_taken(job, reply)
        return client_id

    async def _check_taken(self, job: Job, reply: Reply) -> None:
        said = await reply.said()
        if reply.status != 200:
            self._ours.discard(job.attempt)
            raise refusal_of(reply.status, said, uploads=f"{FOLDER}/")
        refused = said.get("node_errors") if isinstance(said, dict) else None
        if isinstance(refused, dict) and refused:
            # The rest runs, and would end in success with pictures missing (recording 03).
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interrupt_seconds):
                    await self._see_idle()
            raise refused_nodes(refused, uploads=f"{FOLDER}/")

    async def _look_for(self, job: Job, exc: RuntimeLostError) -> None:
        """Find out whether a prompt whose submission was not answered is there after all.

        Raises:
            RuntimeRefusedStartError: it is not, so nothing was started. It is not posted again here: one that
                comes through late would run twice.
        """
        for _ in range(LOOKS_AFTER_LOSS):
            with contextlib.suppress(httpx.RequestError, RuntimeLostError):
                queue = await self._api.queue()
                if job.attempt in queue.running | queue.pending or await self._api.history(job.attempt):
                    return
            await asyncio.sleep(self._patience.glance)
        raise RuntimeRefusedStartError(f"the runtime did not take the workflow: {exc}") from exc

    async def _result(
        self, job: Job, order: Order, entry: Mapping[str, Any], succeeded: Callable[[], None]
    ) -> Result:
        failure = outputs.end_of(entry, stopped=self._is_stopped(job))
        if failure is not None:
            # The next one has not begun: it would have to load its models a second time.
            if isinstance(failure, RuntimeLostError) and failure.code is TaskCode.OUT_OF_MEMORY:
                await self._api.free(unload_models=True)
            raise failure
        succeeded()  # a deaf socket has not said so
        answer = outputs.answer_of(job.attempt, entry)
        files = outputs.files_of(entry)
        if not files and (order.saves or not outputs.has_outputs(entry)):
            raise TaskFailedError(TaskCode.NO_OUTPUT, "the workflow ended without an output", answer=answer)
        if outputs.from_cache(entry, files):
            # Whose files they are cannot be known; without the cache the next attempt writes its own.
            self._stale_cache = True
            raise lost("it answered with files of an earlier run")
        return Result(answer=answer, outputs=await self._download(files))

    async def _download(self, files: Sequence[outputs.FileRef]) -> tuple[Output, ...]:
        """Download files, several at once; all or none."""
        places = asyncio.Semaphore(VIEWS_AT_ONCE)

        async def view(ref: outputs.FileRef) -> Output:
            async with places:
                return Output(data=await self._api.view(ref, limit=self._output_limit), path=ref.path)

        views = [asyncio.create_task(view(ref)) for ref in files]
        try:
            return tuple(await asyncio.gather(*views))
        finally:
            for each in views:
                each.cancel()
            await asyncio.gather(*views, return_exceptions=True)

    def _is_stopped(self, job: Job) -> bool:
        return self._stopped == job.attempt
