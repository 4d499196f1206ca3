"""Checks of a ComfyUI workflow in API format that are certain without knowing the nodes."""

from collections.abc import Iterator, Mapping
from typing import Any

from task_schema._codes import RequestCode
from task_schema._faults import MAX_FAULTS, Fault, join

_EDITOR_FORMAT = (
    "this is the editor's own format; in ComfyUI switch on the dev mode options and use Save (API Format), "
    "or Workflow > Export (API)"
)


def check_graph(graph: Mapping[str, Any], prefix: str) -> list[Fault]:
    """Find the faults of a workflow.

    Args:
        graph: node id -> `{"class_type": str, "inputs": {...}}`.
        prefix: path of the graph in the request, for the faults' `field`.

    Returns:
        Faults with the code `bad_graph`: nodes of another shape, links to nodes that do not exist, a cycle.
        ComfyUI would refuse each of them, but only once a GPU is awake (runtimes.md, ComfyUI 7).
    """
    if isinstance(graph.get("nodes"), list) and "links" in graph:
        return [_fault(_EDITOR_FORMAT, prefix)]
    if not graph:
        return [_fault(f"{prefix} is empty: a workflow in API format is expected", prefix)]
    faults = [fault for node_id, node in graph.items() for fault in _check_node(graph, node_id, node, prefix)]
    if not faults:
        cycle = _cycle(graph)
        if cycle:
            path = " -> ".join(cycle)
            faults = [_fault(f"the nodes {path} depend on each other", join(prefix, cycle[0]))]
    return faults[:MAX_FAULTS]


def links(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a node's links (`[node id, output index]`): name of the input, id of the node it comes from."""
    for name, value in node["inputs"].items():
        if _is_link(value):
            yield name, value[0]


def _is_link(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int | float)
        and not isinstance(value[1], bool)
    )


def _check_node(graph: Mapping[str, Any], node_id: str, node: Any, prefix: str) -> Iterator[Fault]:
    field = join(prefix, node_id)
    if not isinstance(node, dict):
        yield _fault(f"node {node_id} is not an object", field)
        return
    if not isinstance(node.get("class_type"), str) or not node["class_type"]:
        yield _fault(f"node {node_id} has no class_type", join(field, "class_type"))
    if not isinstance(node.get("inputs"), dict):
        yield _fault(f"node {node_id} has no inputs", join(field, "inputs"))
        return
    for name, source in links(node):
        if source not in graph:
            message = f"input {name} of node {node_id} comes from node {source}, which does not exist"
            yield _fault(message, join(field, "inputs", name))


def _cycle(graph: Mapping[str, Any]) -> list[str]:
    """Return the ids along one cycle, the first repeated at the end; empty where there is none."""
    done: set[str] = set()
    for start in graph:
        if start not in done and (cycle := _cycle_from(graph, start, done)):
            return cycle
    return []


def _cycle_from(graph: Mapping[str, Any], start: str, done: set[str]) -> list[str]:
    # By hand instead of by recursion: a workflow may be a chain of thousands of nodes.
    open_nodes: dict[str, Iterator[str]] = {start: _sources(graph, start)}
    while open_nodes:
        node_id = next(reversed(open_nodes))
        source = next(open_nodes[node_id], None)
        if source is None:
            del open_nodes[node_id]
            done.add(node_id)
        elif source in open_nodes:
            path = list(open_nodes)
            return [*path[path.index(source) :], source]
        elif source not in done:
            open_nodes[source] = _sources(graph, source)
    return []


def _sources(graph: Mapping[str, Any], node_id: str) -> Iterator[str]:
    return iter([source for _, source in links(graph[node_id])])


def _fault(message: str, field: str) -> Fault:
    return Fault(code=RequestCode.BAD_GRAPH, message=message, field=field)
