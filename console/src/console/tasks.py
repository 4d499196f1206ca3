"""Submit, look at and cancel tasks: the API's own answers and refusals."""

import json
from collections.abc import Sequence

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from console.answers import said
from console.bodies import read_body
from console.context import Context, Details
from console.feed import Feed, row_of
from console.gateway import Gateway
from console.ids import task_id
from console.models import OutputFile, TaskDetail
from console.watching import Watcher
from darkroom_client import Task
from task_schema import MAX_BODY_BYTES

_HINT = "upload large pictures and put the reference into the request"


class Tasks:
    """The routes of tasks."""

    def __init__(
        self, context: Context, gateway: Gateway, feed: Feed, watcher: Watcher, details: Details
    ) -> None:
        self._context = context
        self._gateway = gateway
        self._feed = feed
        self._watcher = watcher
        self._details = details

    def routes(self) -> Sequence[BaseRoute]:
        """Return them."""
        return [
            Route("/api/tasks", self._submit, methods=["POST"]),
            Route("/api/tasks/{id}", self._get),
            Route("/api/tasks/{id}", self._cancel, methods=["DELETE"]),
        ]

    async def _submit(self, request: Request) -> Response:
        body = await read_body(request, MAX_BODY_BYTES, hint=_HINT)
        reply = await self._gateway.submit(body)
        accepted = reply.said.get("id") if reply.status < 300 else None
        answer = Response(reply.body, reply.status, headers=reply.headers, media_type="application/json")
        if isinstance(accepted, str):
            self._keep(accepted, body)
            answer.background = BackgroundTask(self._watcher.follow, accepted)
        return answer

    def _keep(self, accepted: str, body: bytes) -> None:
        known = self._feed.row(accepted)
        before = known.submission if known is not None and known.status.is_terminal else None
        self._context.submitted.keep(accepted, json.loads(body), before=before)

    async def _get(self, request: Request) -> Response:
        task = await self._context.api.get(task_id(request))
        self._watcher.note([task])
        return said(await self._detail(task))

    async def _cancel(self, request: Request) -> Response:
        task = await self._context.api.cancel(task_id(request))
        self._watcher.note([task])
        self._watcher.hurry()
        return said(row_of(task), status=202)

    async def _detail(self, task: Task) -> TaskDetail:
        beside = await self._details.beside(task)
        row = row_of(task)
        outputs = [
            OutputFile(s3=output.s3, name=output.name, kind=self._details.kind_of(output.name))
            for output in task.images
        ]
        return TaskDetail(
            **{name: value for name, value in row if name != "images"},
            attempts=task.attempts,
            output_location=task.output_location,
            images=outputs,
            images_total=row.images,
            trace_id=task.trace_id,
            position_estimate=None if task.queue is None else task.queue.position_estimate,
            request=beside.request,
            has_out=beside.has_out,
            advice=beside.advice,
        )
