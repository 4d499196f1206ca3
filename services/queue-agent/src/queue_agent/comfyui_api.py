"""The calls of ComfyUI's HTTP API that the adapter makes."""

import contextlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from queue_agent.comfyui_faults import lost, upload_fault
from queue_agent.comfyui_graph import FOLDER, NodeClass
from queue_agent.comfyui_outputs import FileRef
from queue_agent.errors import RuntimeLostError, RuntimeRefusedStartError, TaskFailedError
from queue_agent.runtime_http import RuntimeHttp, before_start
from queue_agent.runtime_lane import Lane
from queue_agent.runtime_reply import Reply
from s3io.inputs import FetchedInput
from task_schema import TaskCode

SUBMIT_TIMEOUT = 120.0  # seconds; validation reads the input files
UPLOAD_TIMEOUT = 120.0  # seconds
VIEW_TIMEOUT = 120.0  # seconds without a byte


@dataclass(frozen=True, slots=True)
class Queue:
    """Ids of the prompts that run and wait. The order of those that wait is a heap's, not that of running."""

    running: frozenset[str]
    pending: frozenset[str]


class ComfyUiApi:
    """Questions and orders to one ComfyUI. Methods raise `httpx.RequestError` where they say nothing else."""

    def __init__(self, http: RuntimeHttp, lane: Lane) -> None:
        self._http = http
        self._lane = lane
        self._classes: dict[str, NodeClass] = {}

    @property
    def socket_url(self) -> str:
        """URL of the websocket, without its query."""
        return "ws" + self._http.url.removeprefix("http") + "/ws"

    async def answers(self) -> bool:
        """Whether it answers at all. That a prompt would be run, it cannot say (runtimes.md 17)."""
        try:
            return (await self._http.get("/system_stats")).status == 200
        except httpx.RequestError:
            return False

    async def submit(self, body: bytes) -> Reply:
        """Send a prompt, as JSON; only once, as twice the same id would run twice (recording 09).

        Raises:
            RuntimeRefusedStartError: it never got the prompt.
            RuntimeLostError: nobody knows whether it did.
        """
        async with self._lane.posting("/prompt", body, timeout=SUBMIT_TIMEOUT) as answer:
            return await answer.rest()

    async def history(self, prompt_id: str) -> dict[str, Any] | None:
        """Return the prompt's entry; None where it waits, runs, or was never heard of: all look the same."""
        reply = await self._http.get(f"/history/{quote(prompt_id, safe='')}")
        said = await reply.json() if reply.status == 200 else None
        entry = said.get(prompt_id) if isinstance(said, dict) else None
        return entry if isinstance(entry, dict) else None

    async def queue(self) -> Queue:
        """Return what runs and waits.

        Raises:
            RuntimeLostError: the answer is not what it should be.
        """
        reply = await self._http.get("/queue")
        said = await reply.json()
        if reply.status != 200 or not isinstance(said, dict):
            raise RuntimeLostError(f"the runtime does not tell its queue ({reply.status})")
        return Queue(_ids(said.get("queue_running")), _ids(said.get("queue_pending")))

    async def unqueue(self, prompt_id: str) -> None:
        """Take a waiting prompt from the queue; one that runs is not touched."""
        await self._http.post("/queue", {"delete": [prompt_id]})

    async def interrupt(self, prompt_id: str) -> None:
        """Interrupt a running prompt. Old versions interrupt whatever runs: see first that it is this one."""
        await self._http.post("/interrupt", {"prompt_id": prompt_id})

    async def forget(self, prompt_id: str) -> None:
        """Delete the prompt's history entry, which holds the whole graph; that it fails is no concern."""
        with contextlib.suppress(httpx.RequestError):
            await self._http.post("/history", {"delete": [prompt_id]})

    async def free(self, *, unload_models: bool) -> None:
        """Have the caches dropped before the next prompt; that it fails is no concern."""
        with contextlib.suppress(httpx.RequestError):
            await self._http.post("/free", {"unload_models": unload_models, "free_memory": True})

    async def upload(self, name: str, data: FetchedInput) -> str:
        """Upload an input and return what a loader node calls it: the name in the answer may be another.

        Raises:
            TaskFailedError: too large, or not taken.
            RuntimeRefusedStartError: not reachable.
        """
        try:
            reply = await self._http.client.post(
                f"{self._http.url}/upload/image",
                files={"image": (name, data.data, data.media.content_type)},
                data={"subfolder": FOLDER, "type": "input"},
                timeout=UPLOAD_TIMEOUT,
            )
        except httpx.RequestError as exc:
            raise before_start(exc) from exc
        if reply.status_code != 200:
            raise upload_fault(reply.status_code)
        try:
            said = await Reply(reply.status_code, reply.content).json()
            folder, called = said.get("subfolder") or "", said["name"]
        except (RuntimeLostError, AttributeError, KeyError) as exc:
            raise RuntimeRefusedStartError("the runtime does not say what it calls an upload") from exc
        return f"{folder}/{called}" if folder else str(called)

    async def node_class(self, name: str) -> NodeClass | None:
        """Return what `/object_info` says of a node class; None where it says nothing. Asked once."""
        if name not in self._classes:
            with contextlib.suppress(httpx.RequestError, RuntimeLostError):
                reply = await self._http.get(f"/object_info/{quote(name, safe='')}")
                said = (await reply.json()) if reply.status == 200 else None
                info = said.get(name) if isinstance(said, dict) else None
                if isinstance(info, dict):
                    module = str(info.get("python_module", ""))
                    core = module == "nodes" or module.startswith("comfy_extras.")
                    self._classes[name] = NodeClass(writes=info.get("output_node") is True, core=core)
        return self._classes.get(name)

    async def view(self, ref: FileRef, *, limit: int) -> bytes:
        """Download an output.

        Args:
            ref: the file as the history names it.
            limit: bytes that it may have.

        Raises:
            RuntimeLostError: it is gone (404), cut off, or empty.
            TaskFailedError: it is larger than `limit`.
        """
        data = bytearray()
        url = f"{self._http.url}/view"
        try:
            async with self._http.client.stream("GET", url, params=ref.query, timeout=VIEW_TIMEOUT) as reply:
                if reply.status_code != 200:
                    raise lost(f"it answered {reply.status_code} when asked for {ref.filename}")
                async for chunk in reply.aiter_bytes():
                    data += chunk
                    if len(data) > limit:
                        message = f"{ref.filename} is larger than {limit} bytes"
                        raise TaskFailedError(TaskCode.RUNTIME_REFUSED, message)
        except httpx.RequestError as exc:
            raise lost(f"{ref.filename} could not be read: {type(exc).__name__}") from exc
        if not data:
            raise lost(f"{ref.filename} is empty")
        return bytes(data)


def _ids(items: Any) -> frozenset[str]:
    return frozenset(
        item[1]
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, list) and len(item) > 1 and isinstance(item[1], str)
    )
