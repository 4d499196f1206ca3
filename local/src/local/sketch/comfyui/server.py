"""One ComfyUI process: its queue, its cache, its sockets, and the one worker."""

import asyncio
import contextlib
import tempfile
import time
import weakref
from pathlib import Path
from typing import Any

from local.sketch.comfyui.files import Files
from local.sketch.comfyui.graph import CacheKeys
from local.sketch.comfyui.nodes import Context, Outcome
from local.sketch.comfyui.queue import Item, PromptQueue
from local.sketch.comfyui.run import PromptRun
from local.sketch.comfyui.sockets import Sockets
from local.sketch.errors import ServerRestartedError
from local.sketch.faults import FaultKind, FaultPlan
from local.sketch.gpu import Gpu
from local.sketch.prepared import PreparedPicture
from local.sketch.settings import SketchSettings
from local.sketch.stats import Stats
from local.sketch.studio import Studio

RESTART_SECONDS = 1.0
LATE_HISTORY_SECONDS = 0.5


class ComfyServer:
    """The process behind the HTTP API; made inside a running event loop."""

    def __init__(self, settings: SketchSettings, faults: FaultPlan, stats: Stats) -> None:
        self.settings = settings
        self.faults = faults
        self.stats = stats
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        if settings.folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="sketch-comfyui-")
        self.files = Files(settings.folder or Path(self._temporary.name if self._temporary else "."))
        self.prepared = PreparedPicture(settings.picture_bytes) if settings.picture_bytes else None
        self.studio = Studio(prepared=not settings.paint, blank=self.prepared is not None)
        self.transports: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()
        self.away_until = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self.boot()

    def boot(self) -> None:
        """Start with nothing in memory but the files on disk."""
        self.gpu = Gpu(self.stats)
        self.sockets = Sockets()
        self.queue = PromptQueue(self.tell_status)
        self.loaded: set[str] = set()
        self.interrupted = False
        self.drop_cache = False
        self.garbled: set[str] = set()
        self._cache: dict[str, Outcome] = {}
        self._tasks = [asyncio.create_task(self.sockets.publish()), asyncio.create_task(self._work())]

    def restart(self, seconds: float | None = None) -> None:
        """Die and come back: queue, history and running prompt are gone, connections end without a word."""
        self.gpu.closing.set()
        self.sockets.cut()
        for transport in list(self.transports):
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()
        here = asyncio.current_task()
        for task in self._tasks:
            if task is not here:
                task.cancel()
        away = RESTART_SECONDS if seconds is None else seconds
        self.away_until = asyncio.get_running_loop().time() + away
        self.boot()

    async def close(self) -> None:
        """End for good."""
        self.gpu.closing.set()
        await self.sockets.close()
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._temporary is not None:
            self._temporary.cleanup()

    def context(self) -> Context:
        """What validation and /object_info need."""
        return Context(self.settings, self.files, self.studio, prepared=self.prepared)

    def status(self) -> dict[str, Any]:
        """The `status` of GET /prompt and of the websocket."""
        return {"exec_info": {"queue_remaining": self.queue.remaining}}

    def tell_status(self) -> None:
        """All sockets hear about each change of the queue."""
        self.sockets.send("status", {"status": self.status()}, None)

    def interrupt(self, prompt_id: str | None) -> None:
        """Interrupt what runs; with an id only if that is what runs."""
        if prompt_id is None or (self.queue.running and self.queue.running.prompt_id == prompt_id):
            self.interrupted = True

    def recall(self, keys: CacheKeys, prompt: dict[str, Any]) -> dict[str, Outcome]:
        """The cached nodes of a prompt; what this prompt cannot use is dropped, as the real cache does."""
        if self.drop_cache:
            self._cache.clear()
            self.loaded.clear()
            self.drop_cache = False
        wanted = {node_id: _key(keys, node_id) for node_id in prompt}
        self._cache = {key: value for key, value in self._cache.items() if key in wanted.values()}
        return {node_id: self._cache[key] for node_id, key in wanted.items() if key in self._cache}

    def remember(self, key: str, outcome: Outcome) -> None:
        """Keep a node's result for the next prompt."""
        self._cache[key] = outcome

    async def _work(self) -> None:
        while True:
            item = await self.queue.get()
            self.interrupted = False
            try:
                await self._run(item)
            except ServerRestartedError:
                return

    async def _run(self, item: Item) -> None:
        sockets, queue, fault = self.sockets, self.queue, item.fault
        sockets.deaf = bool(fault and fault.kind is FaultKind.DEAF_WEBSOCKET)
        sockets.client_id = item.client_id
        run = PromptRun(self, item)
        async with self.gpu.job(item.prompt_id, "prompt", item.traceparent) as record:
            begun_ns = time.monotonic_ns()
            entry = await run.run()
            record.finish(run.outcome)
            self.stats.ran(item.prompt_id, begun_ns=begun_ns)
        delay = self.settings.history_delay
        if fault and fault.kind is FaultKind.HISTORY_LATE:
            delay = fault.seconds_or(LATE_HISTORY_SECONDS)
        if fault and fault.kind is FaultKind.GARBAGE_JSON:
            self.garbled.add(item.prompt_id)
        if delay:
            await asyncio.sleep(delay)
        queue.done(entry)
        if item.client_id is not None:
            sockets.send("executing", {"node": None, "prompt_id": item.prompt_id}, item.client_id)
        sockets.last_node = None
        sockets.deaf = False


def _key(keys: CacheKeys, node_id: str) -> str | None:
    try:
        return keys.of(node_id)
    except (KeyError, TypeError, IndexError, RecursionError):
        return None  # a node that no good output depends on may be broken
