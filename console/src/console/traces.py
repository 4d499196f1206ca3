"""`GET /api/tasks/{id}/trace`: from the local trace store's reading API to what the page draws."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.answers import said
from console.context import Context
from console.errors import RefusedError, UnavailableError
from console.ids import task_id
from console.models import Span, SpanEvent, Step, Trace
from console.outputs import Looks

_TIMEOUT = 10.0  # seconds
_NO_STORE = "this console has no trace store to ask; traces of a deployed system are in AWS X-Ray"
_NOT_YET = "there is no trace of it, or not yet: spans come about a second after what they tell"
_STRANGER = "what answers is not a trace store of this version"


def routes(context: Context) -> Sequence[Route]:
    """Return the part's routes."""
    looks = Looks(context)
    url = context.sources.traces_url

    async def trace(request: Request) -> Response:
        if url is None:
            raise _none(_NO_STORE)
        task = await looks.task(task_id(request), request.query_params.get("s") or None)
        # By the task's id there may be others: of whoever looked at it, or had the id before.
        return said(await read_trace(context.http, url, task.trace_id or task.id))

    return [Route("/api/tasks/{id}/trace", trace)]


async def read_trace(http: httpx.AsyncClient, url: str, trace_or_task: str) -> Trace:
    """Ask a trace store.

    Raises:
        RefusedError: 404, it has none; 502, it does not answer.
    """
    address = f"{url.rstrip('/')}/api/traces/{quote(trace_or_task, safe='')}"
    try:
        answer = await http.get(address, timeout=_TIMEOUT)
    except httpx.HTTPError as exc:
        raise UnavailableError(f"the trace store does not answer: {type(exc).__name__}") from None
    if answer.status_code == 404:
        raise _none(_NOT_YET)
    if not answer.is_success:
        raise UnavailableError(f"the trace store answered {answer.status_code}")
    try:
        return _trace(json.loads(answer.content))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ValidationError):
        raise UnavailableError(_STRANGER) from None


def _trace(told: Mapping[str, Any]) -> Trace:
    """Take what the page draws: the store tells more."""
    spans = [
        _taken(Span, {**span, "events": [_taken(SpanEvent, event) for event in span["events"]]})
        for span in told["spans"]
    ]
    return _taken(Trace, {**told, "spans": spans, "steps": [_taken(Step, step) for step in told["steps"]]})


def _taken[Model: BaseModel](model: type[Model], told: Mapping[str, Any]) -> Model:
    return model.model_validate({name: told[name] for name in model.model_fields})


def _none(message: str) -> RefusedError:
    return RefusedError.of(404, "not_found", message)
