"""The adapter to ComfyUI (runtimes.md; recordings of 0.3.64)."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx

from queue_agent import comfyui_outputs as outputs
from queue_agent.comfyui_api import ComfyUiApi
from queue_agent.comfyui_events import NodeWatcher, PromptEvents, listen
from queue_agent.comfyui_faults import lost, refusal_of, refused_nodes
from queue_agent.comfyui_follow import Follower, Patience
from queue_agent.comfyui_graph import (
    FOLDER,
    LOADER_INPUTS,
    loader_links,
    nodes_of,
    own_graph,
    saves_files,
)
from queue_agent.errors import (
    InterruptedRunError,
    RuntimeLostError,
    RuntimeRefusedStartError,
    TaskFailedError,
)
from queue_agent.links import with_values
from queue_agent.ports import Freed, InputLink, Job, JsonPath, Output, Progress, Result, unheard
from queue_agent.runtime_http import Reply, RuntimeHttp, before_start, nothing_sent, runtime_client
from s3io.inputs import FetchedInput
from task_schema import TASK_TYPES, TaskCode

INTERRUPT_SECONDS = 30.0
INTERRUPT_POLL_SECONDS = 0.2
OUTPUT_LIMIT = 1024 * 1024 * 1024  # bytes of one file
LOOKS_AFTER_LOSS = 5  # at the queue, for a prompt whose submission was not answered


class ComfyUi:
    """A `Runtime`: one ComfyUI.

    Args:
        url: its base URL.
        client: in place of `runtime_http.runtime_client()`, with its properties; closed by `aclose`.
        loader_inputs: more loader nodes whose file inputs may be links: class -> names of inputs.
        patience: how long what is waited for.
        interrupt_seconds: how long `interrupt` tries.
        output_limit: bytes that one output may have.
        node_done: told of each executed node, for tracing.
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
        node_done: NodeWatcher | None = None,
    ) -> None:
        self._http = RuntimeHttp(url, client or runtime_client())
        self._api = ComfyUiApi(self._http)
        more = {name: tuple(inputs) for name, inputs in (loader_inputs or {}).items()}
        self._loaders = {**LOADER_INPUTS, **more}
        self._patience = patience or Patience()
        self._interrupt_seconds = interrupt_seconds
        self._output_limit = output_limit
        self._node_done = node_done
        self._stopped: str | None = None  # the attempt that was interrupted last
        self._submitting = asyncio.Lock()

    @property
    def task_types(self) -> frozenset[str]:
        """The task types that it runs."""
        return frozenset(TASK_TYPES["comfyui"])

    def links(self, job: Job) -> Sequence[InputLink]:
        """Find the links in file inputs of loader nodes; any other URL is the workflow's own (DESIGN 4.4)."""
        return tuple(loader_links(job.content, self._loaders))

    async def prepare(self, job: Job, inputs: Mapping[InputLink, FetchedInput]) -> Job:
        """Upload the inputs, each once, and put the names that the uploads got in the links' place."""
        names: dict[str, str] = {}
        values: dict[JsonPath, str] = {}
        for link, data in inputs.items():
            digest = (await asyncio.to_thread(hashlib.sha256, data.data)).hexdigest()[:32]
            if digest not in names:
                names[digest] = await self._api.upload(f"{digest}.{data.media.extension}", data)
            values[link.path] = names[digest]
        return replace(job, content=with_values(job.content, values)) if values else job

    async def ready(self) -> bool:
        """Whether it answers. Models are loaded by the workflows themselves."""
        return await self._api.answers()

    def has_loaded(self, job: Job) -> bool:  # noqa: ARG002 - which models a workflow loads cannot be known
        """Always: a workflow names its models in its nodes."""
        return True

    async def run(self, job: Job, progress: Progress, freed: Freed = unheard) -> Result:  # noqa: ARG002 - next step
        """Run a prepared job; see `ports.Runtime.run`.

        A workflow that only makes text succeeds with its answer and no outputs; one that was to save or show
        a picture and did not fails with `no_output`.
        """
        classes = {node["class_type"] for _, node in nodes_of(job.content)}
        known = {name: await self._api.node_class(name) for name in sorted(classes)}
        graph = own_graph(job.content, job.attempt, known)
        events = PromptEvents(job.attempt, graph, progress, self._node_done)
        try:
            async with self._listening(job, events):
                await self._submit(job, graph)
                follower = Follower(
                    self._api, job.attempt, stopped=lambda: self._is_stopped(job), patience=self._patience
                )
                entry = await follower.entry(events.wake)
            return await self._result(job, entry)
        finally:
            await self._api.forget(job.attempt)

    async def interrupt(self, job: Job) -> bool:
        """Take the job from the queue, or interrupt it, until it is in neither place.

        An interruption between two prompts, or before a prompt's first node, is forgotten (runtimes.md 24).
        """
        self._stopped = job.attempt
        try:
            async with asyncio.timeout(self._interrupt_seconds):
                async with self._submitting:
                    pass  # what is on its way is there now; what is not will not be sent any more
                await self._push_out(job.attempt)
        except TimeoutError:
            return False
        return True

    async def aclose(self) -> None:
        """Close connections."""
        await self._http.aclose()

    async def _push_out(self, prompt_id: str) -> None:
        """Return once the prompt neither waits nor runs."""
        while True:
            with contextlib.suppress(httpx.RequestError, RuntimeLostError):
                queue = await self._api.queue()
                if prompt_id in queue.pending:
                    await self._api.unqueue(prompt_id)
                elif prompt_id in queue.running:
                    await self._api.interrupt(prompt_id)
                else:
                    return
            await asyncio.sleep(INTERRUPT_POLL_SECONDS)

    @contextlib.asynccontextmanager
    async def _listening(self, job: Job, events: PromptEvents) -> AsyncIterator[None]:
        listener = asyncio.create_task(listen(self._api.socket_url, job.attempt, events))
        try:
            yield
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    async def _submit(self, job: Job, graph: dict[str, Any]) -> None:
        """Hand the prompt over, once.

        The client's id is the attempt's too: events go to the socket of the attempt, and a socket of an
        earlier one that closes late cannot make this one deaf (runtimes.md ComfyUI 14).
        """
        body = {
            "prompt": graph,
            "prompt_id": job.attempt,
            "client_id": job.attempt,
            "extra_data": {"darkroom": {"id": job.id, "submission": job.submission}},
        }
        async with self._submitting:
            if self._is_stopped(job):
                raise InterruptedRunError("the run was interrupted before it began")
            try:
                reply = await self._api.submit(body)
            except httpx.RequestError as exc:
                if nothing_sent(exc):
                    raise before_start(exc) from exc
                await self._look_for(job, exc)
                return
            await self._check_taken(job, reply)

    async def _check_taken(self, job: Job, reply: Reply) -> None:
        if reply.status != 200:
            raise refusal_of(reply.status, await reply.said(), uploads=f"{FOLDER}/")
        said = await reply.said()
        refused = said.get("node_errors") if isinstance(said, dict) else None
        if isinstance(refused, dict) and refused:
            # The rest runs, and would end in success with pictures missing (recording 03).
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interrupt_seconds):
                    await self._push_out(job.attempt)
            raise refused_nodes(refused, uploads=f"{FOLDER}/")

    async def _look_for(self, job: Job, exc: httpx.RequestError) -> None:
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
        raise RuntimeRefusedStartError(
            f"the runtime did not take the workflow: {type(exc).__name__}"
        ) from exc

    async def _result(self, job: Job, entry: Mapping[str, Any]) -> Result:
        failure = outputs.end_of(entry, stopped=self._is_stopped(job))
        if failure is not None:
            if isinstance(failure, RuntimeLostError) and failure.code is TaskCode.OUT_OF_MEMORY:
                await self._api.free(unload_models=True)
            raise failure
        answer = outputs.answer_of(job.attempt, entry)
        files = outputs.files_of(entry)
        if not files and (saves_files(job.content) or not outputs.has_outputs(entry)):
            raise TaskFailedError(TaskCode.NO_OUTPUT, "the workflow ended without an output", answer=answer)
        if outputs.from_cache(entry, files):
            # Whose files they are cannot be known; without the cache the next attempt writes its own.
            await self._api.free(unload_models=False)
            raise lost("it answered with files of an earlier run")
        taken = [Output(data=await self._view(ref), path=ref.path) for ref in files]
        if self._is_stopped(job):
            raise InterruptedRunError("the run was interrupted")
        return Result(answer=answer, outputs=tuple(taken))

    async def _view(self, ref: outputs.FileRef) -> bytes:
        return await self._api.view(ref, limit=self._output_limit)

    def _is_stopped(self, job: Job) -> bool:
        return self._stopped == job.attempt
