"""What is known of a task beside the API's own words: its request, its `.out`, what to do about its error."""

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from console import notifications, traces
from console.advice import advice_on
from console.context import Beside, Context
from console.errors import RefusedError, UnavailableError
from console.ids import task_id
from console.models import TaskRequest
from console.outputs import Looks, fetch
from darkroom_client import Output, Task

log = logging.getLogger(__name__)

MAX_OUT = 16 * 1024 * 1024  # bytes
_MAX_REQUEST = 1024 * 1024  # bytes of one that is taken from an `.out`
_KEPT = 200  # requests
_PATIENCE = 6.0  # seconds that a page's answer may be held back by the store
_PICTURES = frozenset({"png", "jpg", "jpeg", "webp", "gif"})


def create(context: Context) -> "TaskDetails":
    """Return the port of `TaskDetail`."""
    return TaskDetails(context)


def routes(context: Context) -> Sequence[BaseRoute]:
    """Return the routes to a task's `.out`, notification and trace."""
    looks = Looks(context)

    async def out(request: Request) -> Response:
        task = await looks.task(task_id(request), request.query_params.get("s") or None)
        read = await read_out(context.http, task)
        return Response(read.text, media_type="application/json")

    return [Route("/api/tasks/{id}/out", out), *notifications.routes(context), *traces.routes(context)]


class TaskDetails:
    """See `console.context.Details`. Requests that `.out`s tell are kept: they never change."""

    def __init__(self, context: Context) -> None:
        self._submitted = context.submitted
        self._http = context.http
        self._told: OrderedDict[str, TaskRequest | None] = OrderedDict()

    async def beside(self, task: Task) -> Beside:
        """Return what is known of a task; what cannot be fetched is left out."""
        request = self._submitted.request(task.id, task.submission) or await self._request(task)
        return Beside(
            request=request,
            has_out=task.output is not None,
            advice=None if task.error is None else advice_on(task.error.code),
        )

    def kind_of(self, name: str) -> Literal["image", "file"]:
        """Say by an output's file name whether it is one that is shown."""
        return "image" if name.rpartition(".")[2].lower() in _PICTURES else "file"

    async def _request(self, task: Task) -> TaskRequest | None:
        if task.output is None:
            return None
        if task.submission not in self._told:
            try:
                async with asyncio.timeout(_PATIENCE):
                    read = await read_out(self._http, task)
            except (RefusedError, TimeoutError) as exc:
                log.info("the request of task %s is not known: %s", task.id, exc)
                return None
            self._told[task.submission] = await asyncio.to_thread(request_in, read.document, task)
            while len(self._told) > _KEPT:
                self._told.popitem(last=False)
        return self._told[task.submission]


@dataclass(frozen=True, slots=True)
class Out:
    """An `.out`: its JSON text, and what that says."""

    text: bytes
    document: Any


async def read_out(http: httpx.AsyncClient, task: Task) -> Out:
    """Return a task's `.out`.

    Raises:
        RefusedError: there is none, or it cannot be had.
    """
    output: Output | None = task.output
    if output is None:
        raise RefusedError.of(404, "not_found", f"task {task.id} is {task.status} and has no .out")
    text = await fetch(http, output, MAX_OUT)
    if text is None:
        message = f"{output.s3} has more than {MAX_OUT // 2**20} MiB: fetch it with the AWS command line"
        raise RefusedError.of(413, "too_large", message)
    document = await asyncio.to_thread(_read, text)
    if document is None:
        raise UnavailableError(f"{output.s3} is not JSON")
    return Out(text, document)


def request_in(document: Any, task: Task) -> TaskRequest | None:
    """Return the request that an `.out` tells, as somebody could submit it again; None where it tells none.

    Context, callback and `expires_in` are not in it. Neither is the content of large requests, which the
    payload bucket has. Not for the event loop: what is not large is known once it was measured.
    """
    record = _at(_at(document, "darkroom"), "request")
    content = _at(record, "content")
    if not isinstance(content, dict) or _at(record, "submission") != task.submission:
        return None
    if len(json.dumps(content)) > _MAX_REQUEST:
        return None
    metadata = {
        "id": task.id,
        "runtime": task.runtime,
        "tasktype": task.tasktype,
        "prefix": _prefix(task),
    }
    return {"task": {"metadata": metadata, "content": content}}


def _prefix(task: Task) -> str:
    """Return the folder that the request asked for: outputs are in `s3://<bucket>/<prefix>/<id>`."""
    _, _, folder = task.output_location.removeprefix("s3://").rstrip("/").partition("/")
    return folder.removesuffix(task.id).strip("/")


def _at(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def _read(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
