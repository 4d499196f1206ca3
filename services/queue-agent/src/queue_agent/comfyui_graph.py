"""What the agent changes in a workflow: links become uploads, outputs become this attempt's own."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from queue_agent.ports import InputLink
from s3io.inputs import is_link
from task_schema import loader_strings

#: An input that no node has. ComfyUI ignores it, but its cache takes it for a change (recording 19).
SALT = "darkroom_attempt"
FOLDER = "darkroom"
PREFIX = "filename_prefix"

_MAX_NAME_CHARS = 60
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_TOKEN = re.compile(r"%[^%]*%")


@dataclass(frozen=True, slots=True)
class NodeClass:
    """What a runtime says of a node class in `/object_info`.

    `writes`: its outputs show up in the history. `core`: it is ComfyUI's own, and makes folders.
    """

    writes: bool
    core: bool


def nodes_of(graph: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield id and node of all that are nodes; what is of another shape, the runtime refuses."""
    for node_id, node in graph.items():
        if (
            isinstance(node, dict)
            and isinstance(node.get("class_type"), str)
            and isinstance(node.get("inputs"), dict)
        ):
            yield node_id, node


def loader_links(graph: Mapping[str, Any], loaders: Mapping[str, tuple[str, ...]]) -> Iterator[InputLink]:
    """Yield the links in the file inputs of a graph's loader nodes; any other URL is the workflow's own."""
    for path, text in loader_strings(graph, loaders):
        if is_link(text):
            yield InputLink(url=text, path=path)


def own_graph(
    graph: Mapping[str, Any], attempt: str, classes: Mapping[str, NodeClass | None]
) -> dict[str, Any]:
    """Return the graph with outputs that can only be this attempt's.

    ComfyUI answers a graph that it has run before with the names of the old files, which may be another
    task's, or gone (runtimes.md ComfyUI 4). So every node that saves gets a prefix of its own, with the
    user's as its end; a node that writes without one, such as a preview, gets an input that only changes its
    place in the cache. All that comes before them is still taken from the cache.

    Args:
        graph: the workflow in API format, checked.
        attempt: unique to this attempt.
        classes: what is known of the graph's node classes; where nothing is, a node that no other one uses is
            taken for one that writes.
    """
    used = set(_sources(graph))
    own = dict(graph)
    for node_id, node in nodes_of(graph):
        known = classes.get(node["class_type"])
        inputs = node["inputs"]
        if isinstance(inputs.get(PREFIX), str):
            core = known is not None and known.core
            own[node_id] = {**node, "inputs": {**inputs, PREFIX: own_prefix(inputs[PREFIX], attempt, core)}}
        elif known.writes if known is not None else node_id not in used:
            own[node_id] = {**node, "inputs": {**inputs, SALT: attempt}}
    return own


def own_prefix(prefix: str, attempt: str, core: bool) -> str:
    """Return a `filename_prefix` that no other attempt has and that stays in the output folder.

    Args:
        prefix: the user's; may hold folders, `..`, an absolute path, or tokens that only the editor expands.
        attempt: unique to this attempt.
        core: whether the node makes folders as ComfyUI's own do; a custom one gets no new folder.
    """
    folders, _, base = _TOKEN.sub("", prefix).replace("\\", "/").rpartition("/")
    attempt, base = _NOT_IN_NAMES.sub("_", attempt), _plain(base) or "image"
    if core:
        return f"{FOLDER}/{attempt}/{base}"
    kept = [plain for part in folders.split("/") if (plain := _plain(part))]
    return "/".join([*kept, f"{attempt}-{base}"])


def saves_files(graph: Mapping[str, Any]) -> bool:
    """Whether a graph has a node from which a file is due, so that a result without any is none."""
    return any(
        PREFIX in node["inputs"] or node["class_type"] in ("PreviewImage", "MaskPreview")
        for _, node in nodes_of(graph)
    )


def _sources(graph: Mapping[str, Any]) -> Iterator[str]:
    for _, node in nodes_of(graph):
        for value in node["inputs"].values():
            if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str):
                yield value[0]


def _plain(name: str) -> str:
    return _NOT_IN_NAMES.sub("_", name).strip("._")[:_MAX_NAME_CHARS]
