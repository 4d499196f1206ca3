"""Listening to ComfyUI's websocket: it says how far a prompt is and when to look, never how it ended.

The truth is in `/history` and `/queue`. A socket can be refused, cut, or go deaf without a sign (runtimes.md
ComfyUI 14); then only progress is missing.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from queue_agent.comfyui_graph import nodes_of
from queue_agent.ports import Progress

MAX_MESSAGE_BYTES = 256 * 1024 * 1024  # an execution_error repeats the failed node's inputs
RECONNECT_SECONDS = 1.0
OPEN_TIMEOUT = 5.0  # seconds

_ENDS = frozenset({"execution_success", "execution_error", "execution_interrupted"})

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NodeRun:
    """One node of a prompt that was executed; times in nanoseconds since the epoch."""

    node_id: str
    class_type: str
    started_ns: int
    ended_ns: int


#: Told of each executed node, for tracing (DESIGN 6).
NodeWatcher = Callable[[NodeRun], None]


class PromptEvents:
    """Makes sense of the messages about one prompt.

    Progress counts nodes, a sampler as many as it has steps; nodes taken from the cache count as done.

    Args:
        prompt_id: messages about others are passed over.
        graph: the prompt.
        progress: told the share that is done, only ever a larger one.
        node_done: told of each node that was executed.
    """

    def __init__(
        self,
        prompt_id: str,
        graph: Mapping[str, Any],
        progress: Progress,
        node_done: NodeWatcher | None = None,
    ) -> None:
        self.wake = asyncio.Event()
        self._prompt_id = prompt_id
        self._classes = {node_id: node["class_type"] for node_id, node in nodes_of(graph)}
        self._weights = {node_id: _weight(node) for node_id, node in nodes_of(graph)}
        self._shares: dict[str, float] = {}
        self._progress = progress
        self._furthest = 0.0
        self._node_done = node_done
        self._executing: tuple[str, int] | None = None

    def take(self, message: str | bytes) -> None:
        """Take one message; previews (binary), unknown kinds and other prompts' are passed over."""
        if isinstance(message, bytes):
            return
        try:
            event = json.loads(message)
        except ValueError:
            return
        data = event.get("data") if isinstance(event, dict) else None
        if not isinstance(data, dict) or data.get("prompt_id") != self._prompt_id:
            return
        kind = event.get("type")
        if kind in _ENDS or (kind == "executing" and data.get("node") is None):
            self._next_node(None)
            self.wake.set()
        elif kind == "executing":
            self._next_node(data.get("node"))
        elif kind == "execution_cached":
            self._done({str(node): 1.0 for node in _list(data.get("nodes"))})
        elif kind == "progress":
            self._done({str(data.get("node")): _share(data)})
        elif kind == "progress_state" and isinstance(data.get("nodes"), dict):
            self._done({node: _share(state) for node, state in data["nodes"].items()})

    def _done(self, shares: Mapping[str, float]) -> None:
        for node, share in shares.items():
            self._shares[node] = max(share, self._shares.get(node, 0.0))
        total = sum(self._weights.values())
        done = sum(self._shares.get(node, 0.0) * weight for node, weight in self._weights.items())
        if total and done / total > self._furthest:
            self._furthest = min(done / total, 1.0)
            self._progress(self._furthest)

    def _next_node(self, node: Any) -> None:
        now = time.time_ns()
        if self._executing is not None:
            before, started = self._executing
            self._done({before: 1.0})
            if self._node_done is not None:
                self._node_done(NodeRun(before, self._classes.get(before, ""), started, now))
        self._executing = (node, now) if isinstance(node, str) else None


async def listen(url: str, client_id: str, events: PromptEvents) -> None:
    """Listen until cancelled; open the socket again when it ends, as long as it takes.

    Args:
        url: of the websocket.
        client_id: as it was submitted with the prompt: only this client's socket hears of it.
        events: takes the messages. Woken when a socket ends too: the runtime may have.
    """
    address = f"{url}?{urlencode({'clientId': client_id})}"
    while True:
        try:
            # No Origin (a foreign one is refused) and no proxy. No pings: a node that keeps Python busy would
            # delay the answer, and a socket that has died unnoticed costs nothing but progress.
            async with connect(
                address,
                max_size=MAX_MESSAGE_BYTES,
                open_timeout=OPEN_TIMEOUT,
                ping_interval=None,
                proxy=None,
                compression=None,
            ) as socket:
                await _take_all(socket, events)
        except (OSError, TimeoutError, WebSocketException) as exc:
            log.debug("the runtime's websocket ended", extra={"reason": str(exc)})
        events.wake.set()
        await asyncio.sleep(RECONNECT_SECONDS)


async def _take_all(socket: ClientConnection, events: PromptEvents) -> None:
    async for message in socket:
        events.take(message)


def _weight(node: Mapping[str, Any]) -> float:
    steps = node["inputs"].get("steps")
    return float(steps) if isinstance(steps, int | float) and steps > 1 else 1.0


def _share(state: Any) -> float:
    if not isinstance(state, dict):
        return 0.0
    if state.get("state") == "finished":
        return 1.0
    value, most = state.get("value"), state.get("max")
    if not isinstance(value, int | float) or not isinstance(most, int | float) or most <= 0:
        return 0.0
    return min(max(value / most, 0.0), 1.0)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
