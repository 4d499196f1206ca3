"""What a finished prompt's history entry becomes: the files that it names, and the rest for the `.out`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from queue_agent.comfyui_faults import failure_of, lost
from queue_agent.errors import AgentError, InterruptedRunError
from queue_agent.ports import JsonPath


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file that a node wrote, as the history names it; `path` leads to its entry in the answer."""

    node: str
    filename: str
    subfolder: str
    type: str
    path: JsonPath

    @property
    def query(self) -> dict[str, str]:
        """The query of `GET /view` for it."""
        return {"filename": self.filename, "subfolder": self.subfolder, "type": self.type}


def end_of(entry: Mapping[str, Any], *, stopped: bool) -> AgentError | None:
    """Return the error that a history entry tells of; None where the prompt succeeded.

    An interrupted prompt says `error` too, and a failed one may name files that were saved before
    (runtimes.md ComfyUI 6): both are told apart by their messages, and leave nothing.

    Args:
        entry: the value of `/history/{id}`.
        stopped: whether the agent asked for an interruption.
    """
    if stopped:
        return InterruptedRunError("the run was interrupted")
    events = events_of(entry)
    if "execution_error" in events:
        return failure_of(events["execution_error"])
    if "execution_interrupted" in events:
        return lost("it was interrupted from outside")
    status = entry.get("status")
    if isinstance(status, dict) and (status.get("status_str") == "error" or status.get("completed") is False):
        return lost("it ended without success and without a reason")
    return None


def events_of(entry: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the messages of a history entry by name."""
    status = entry.get("status")
    messages = status.get("messages") if isinstance(status, dict) else None
    pairs = [pair for pair in messages if _is_event(pair)] if isinstance(messages, list) else []
    return dict(pairs)


def files_of(entry: Mapping[str, Any]) -> list[FileRef]:
    """List the files that are due: what was saved, else, where nothing was, the previews.

    Any key of a node's output may hold files; booleans, texts and numbers stand beside them (runtimes.md
    ComfyUI 15). A file named twice is taken once. Nodes come in the order of their numbers.
    """
    outputs = entry.get("outputs")
    if not isinstance(outputs, dict):
        return []
    found: dict[tuple[str, str, str], FileRef] = {}
    for node_id in sorted(outputs, key=_node_order):
        by_key = outputs[node_id]
        for key, values in by_key.items() if isinstance(by_key, dict) else []:
            for index, value in enumerate(values) if isinstance(values, list) else []:
                ref = _read(value, node_id, ("outputs", node_id, key, index, "s3"))
                if ref is not None:
                    found.setdefault((ref.type, ref.subfolder, ref.filename), ref)
    saved = [ref for ref in found.values() if ref.type == "output"]
    return saved or [ref for ref in found.values() if ref.type == "temp"]


def from_cache(entry: Mapping[str, Any], files: list[FileRef]) -> bool:
    """Whether a file was not written by this run but remembered from an earlier one."""
    cached = events_of(entry).get("execution_cached", {}).get("nodes")
    return isinstance(cached, list) and any(ref.node in cached for ref in files)


def answer_of(prompt_id: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the `.out` says: outputs, status and node names; the graph is the user's and stays away."""
    return {
        "prompt_id": prompt_id,
        **{key: entry[key] for key in ("outputs", "status", "meta") if key in entry},
    }


def has_outputs(entry: Mapping[str, Any]) -> bool:
    """Whether any node gave anything at all, such as text."""
    outputs = entry.get("outputs")
    return isinstance(outputs, dict) and any(outputs.values())


def _read(value: Any, node_id: str, path: JsonPath) -> FileRef | None:
    if not isinstance(value, dict) or not isinstance(value.get("filename"), str) or not value["filename"]:
        return None
    subfolder, kind = value.get("subfolder"), value.get("type")
    return FileRef(
        node=node_id,
        filename=value["filename"],
        subfolder=subfolder if isinstance(subfolder, str) else "",
        type=kind if isinstance(kind, str) else "output",
        path=path,
    )


def _is_event(pair: Any) -> bool:
    return (
        isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], dict)
    )


def _node_order(node_id: str) -> tuple[tuple[int, int, str], ...]:
    # Nodes in subgraphs are called "57:3", those that a node makes as it runs "4.0.0.1".
    parts = node_id.replace(":", ".").split(".")
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)
