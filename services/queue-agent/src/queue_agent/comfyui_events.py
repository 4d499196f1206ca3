"""What ComfyUI's messages say of one prompt: how far it is, that it has ended, and when to look how."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from queue_agent.comfyui_graph import nodes_of
from queue_agent.ports import Progress

_ENDS = frozenset({"execution_success", "execution_error", "execution_interrupted"})


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
        prompt_id: whose messages they are.
        graph: the prompt.
        progress: told the share that is done, only ever a larger one.
        node_done: told of each node that was executed.
        succeeded: called as soon as it is known that the prompt has run to its end.

    Attributes:
        wake: set when it is worth looking at the history.
        heard: whether there was any message.
    """

    def __init__(
        self,
        prompt_id: str,
        graph: Mapping[str, Any],
        progress: Progress,
        node_done: NodeWatcher | None = None,
        succeeded: Callable[[], None] | None = None,
    ) -> None:
        self.prompt_id = prompt_id
        self.wake = asyncio.Event()
        self.heard = False
        self._succeeded = succeeded
        self._classes = {node_id: node["class_type"] for node_id, node in nodes_of(graph)}
        self._weights = {node_id: _weight(node) for node_id, node in nodes_of(graph)}
        self._shares: dict[str, float] = {}
        self._progress = progress
        self._furthest = 0.0
        self._node_done = node_done
        self._executing: tuple[str, int] | None = None

    def take(self, kind: str, data: Mapping[str, Any]) -> None:
        """Take one message about this prompt; unknown kinds are passed over."""
        self.heard = True
        if kind == "execution_success" and self._succeeded is not None:
            self._succeeded()
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
