"""The order in which nodes run, and the keys of the cache."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from local.sketch.comfyui.library import NODE_TYPES
from local.sketch.comfyui.nodes import Context

HOPS = 2
"""Nodes this near to an output go first, as users like to see results early."""


def sources(node: Mapping[str, Any]) -> list[str]:
    """The nodes that a node's inputs are linked to."""
    links = [value for value in node.get("inputs", {}).values() if isinstance(value, list)]
    return [str(link[0]) for link in links]


class CacheKeys:
    """For each node a key that says what its result depends on: itself and all before it."""

    def __init__(self, context: Context, prompt: Mapping[str, Any]) -> None:
        self._context = context
        self._prompt = prompt
        self._keys: dict[str, str] = {}

    def of(self, node_id: str) -> str:
        """The key of one node; equal for equal work, whatever the node ids are."""
        if node_id not in self._keys:
            self._keys[node_id] = self._make(node_id)
        return self._keys[node_id]

    def _make(self, node_id: str) -> str:
        node = self._prompt[node_id]
        node_type = NODE_TYPES[node["class_type"]]
        inputs = node.get("inputs", {})
        # Unknown inputs count too, as in the real cache (recording 19): a node may be salted with one.
        parts = {
            name: [self.of(str(value[0])), value[1]] if self._is_link(value) else value
            for name, value in inputs.items()
        }
        extra = node_type.fingerprint(self._context, inputs) if node_type.fingerprint else ""
        text = json.dumps([node["class_type"], parts, extra], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def _is_link(self, value: Any) -> bool:
        return isinstance(value, list) and len(value) == 2 and str(value[0]) in self._prompt


class Schedule:
    """Hands out the nodes of a prompt one by one, each after all that it needs."""

    def __init__(self, prompt: Mapping[str, Any], outputs: list[str], cached: set[str]) -> None:
        self._prompt = prompt
        self._needs: dict[str, set[str]] = {}
        for output in outputs:
            self._collect(output, cached)

    def _collect(self, output: str, cached: set[str]) -> None:
        todo = [output]
        while todo:
            node_id = todo.pop()
            if node_id not in self._needs:
                # Inputs of a cached output are not looked at: its result is there already.
                before = (
                    []
                    if node_id in cached
                    else [each for each in sources(self._prompt[node_id]) if each not in cached]
                )
                self._needs[node_id] = set(before)
                todo += before

    def __len__(self) -> int:
        return len(self._needs)

    def take(self) -> str:
        """The next node to run; only called while there is one."""
        ready = [node_id for node_id, needs in self._needs.items() if not needs]
        node_id = next((each for each in ready if self._is_output(each)), None)
        for hops in range(1, HOPS + 1):
            node_id = node_id or next((each for each in ready if self._feeds_output(each, hops)), None)
        chosen = node_id or ready[0]
        del self._needs[chosen]
        for needs in self._needs.values():
            needs.discard(chosen)
        return chosen

    def class_types(self) -> set[str]:
        """The classes of the nodes still to run."""
        return {self._prompt[node_id]["class_type"] for node_id in self._needs}

    def _is_output(self, node_id: str) -> bool:
        return NODE_TYPES[self._prompt[node_id]["class_type"]].is_output

    def _feeds_output(self, node_id: str, hops: int) -> bool:
        fed = [other for other, needs in self._needs.items() if node_id in needs]
        if hops == 1:
            return any(self._is_output(other) for other in fed)
        return any(self._feeds_output(other, hops - 1) for other in fed)
