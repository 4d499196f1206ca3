"""`POST /api/workflow`: the nodes of a ComfyUI workflow, the API's own faults of it beside them.

The check is the API's: `task_schema`'s parser of whole requests, for a deployment of one ComfyUI runtime.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from console.answers import said
from console.bodies import read_body
from console.errors import RefusedError
from console.models import Fault, NodeInput, Workflow, WorkflowNode
from task_schema import (
    MAX_BODY_BYTES,
    Deployment,
    RequestCode,
    RequestRefusedError,
    RuntimeSpec,
    parse_v1alpha2,
)

_CONTENT = "task.content"
_BAD_JSON = RequestCode.BAD_JSON.value
_METADATA = {"id": "workflow", "runtime": "comfyui", "tasktype": "pipeline", "prefix": "output"}
_DEPLOYMENT = Deployment(runtimes=(RuntimeSpec(name="comfyui", type="comfyui"),))


async def endpoint(request: Request) -> Response:
    """Answer with the nodes of `{"workflow": {...}}`."""
    body = await read_body(request, MAX_BODY_BYTES)
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError.of(400, "bad_json", "the body is not JSON") from None
    workflow = given.get("workflow") if isinstance(given, dict) else None
    if not isinstance(workflow, dict):
        raise RefusedError.of(400, "bad_value", "workflow must be an object", "workflow")
    return said(check(workflow))


def check(graph: Mapping[str, Any]) -> Workflow:
    """Return the nodes in the order in which they come, and each fault with its node or with none.

    Args:
        graph: what would be sent as a task's `content`.
    """
    faults = _faults(graph)
    of_nodes: dict[str | None, list[Fault]] = {}
    for field, fault in faults:
        of_nodes.setdefault(_node_at(field, graph), []).append(fault)
    # Where the whole is no workflow (the editor's own format, say), its members are no nodes.
    whole = any(field == _CONTENT or fault.code == _BAD_JSON for field, fault in faults)
    nodes = {} if whole else graph
    return Workflow(
        nodes=[_node(node_id, node, of_nodes.get(node_id, [])) for node_id, node in nodes.items()],
        faults=of_nodes.get(None, []),
    )


def _faults(graph: Mapping[str, Any]) -> list[tuple[str | None, Fault]]:
    """Return the faults in the API's words, each with its field as it was before it was shortened."""
    try:
        parse_v1alpha2(json.dumps({"task": {"metadata": _METADATA, "content": graph}}), _DEPLOYMENT)
    except RequestRefusedError as exc:
        told_all = exc.refusal().errors  # the last may be none of the faults: how many more there are
        return [
            (
                found.field if found is not None and found.shortened() == told else None,
                Fault(code=told.code.value, message=told.message, field=told.field),
            )
            for found, told in zip_longest(exc.faults[: len(told_all)], told_all)
        ]
    except RecursionError:
        return [(None, Fault(code=_BAD_JSON, message="the workflow is nested too deeply"))]
    return []


def _node_at(field: str | None, graph: Mapping[str, Any]) -> str | None:
    """Return the node that a field is of: its id may have dots itself, so the longest that fits."""
    if field is None:
        return None
    fitting = [node_id for node_id in graph if (field + ".").startswith(f"{_CONTENT}.{node_id}.")]
    return max(fitting, key=len, default=None)


def _node(node_id: str, node: Any, faults: Sequence[Fault]) -> WorkflowNode:
    members = node if isinstance(node, dict) else {}
    kind, inputs, meta = (members.get(name) for name in ("class_type", "inputs", "_meta"))
    title = meta.get("title") if isinstance(meta, dict) else None
    return WorkflowNode(
        id=node_id,
        class_type=kind if isinstance(kind, str) else "",
        title=title if isinstance(title, str) else None,
        inputs=[
            NodeInput(name=name, value=value, link=_link(value))
            for name, value in (inputs.items() if isinstance(inputs, dict) else ())
        ],
        faults=list(faults),
    )


def _link(value: Any) -> str | None:
    """Return the id of the node that an input comes from: a link is `[node id, number of its output]`."""
    is_link = isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)
    return value[0] if is_link and type(value[1]) in (int, float) else None
