"""What a request's span is called and says: ids, codes and numbers, no prompt and no header (DESIGN 6)."""

from collections.abc import Mapping
from typing import Any

from task_schema import ParsedRequest, split_routing
from telemetry import names
from telemetry.segments import Value

_ROUTES = {"/v1alpha1", "/v1alpha2", "/v1alpha2/uploads"}
_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
_NUMBERS = {
    "steps": names.STEPS,
    "width": names.WIDTH,
    "height": names.HEIGHT,
    "seed": names.SEED,
}
# The API's older name comes second.
_SAMPLERS = ("sampler_name", "sampler_index")
_GRAPH = "pipeline"  # a workflow has none of these at a known place


def span_name(event: Any) -> tuple[str, dict[str, Value]]:
    """Return the name of the span for an event, `POST /v1alpha2`, and what is known before it is read."""
    told = event if isinstance(event, Mapping) else {}
    method, path = str(told.get("httpMethod")), str(told.get("path")).rstrip("/")
    if method not in _METHODS:
        return "request", {}
    if path not in _ROUTES:
        return method, {names.HTTP_METHOD: method}
    return f"{method} {path}", {names.HTTP_METHOD: method, names.HTTP_ROUTE: path}


def asked_for(request: ParsedRequest) -> dict[str, Value]:
    """Return what a request asks for."""
    metadata = request.metadata
    return {
        names.TASK_ID: metadata.id,
        names.RUNTIME: metadata.runtime,
        names.TASK_TYPE: metadata.tasktype,
        **(_settings(request.content) if metadata.tasktype != _GRAPH else {}),
    }


def _settings(content: Mapping[str, Any]) -> dict[str, Value]:
    body, routing = split_routing(content)
    told: dict[str, Value] = {
        name: value
        for key, name in _NUMBERS.items()
        if isinstance(value := body.get(key), int) and not isinstance(value, bool)
    }
    if isinstance(routing.model, str):
        told[names.MODEL] = routing.model
    samplers = [value for key in _SAMPLERS if isinstance(value := body.get(key), str) and value]
    if samplers:
        told[names.SAMPLER] = samplers[0]
    return told
