"""The routes: one task, which is shown or cancelled, and the list of all (DESIGN 4.1)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aws_lambda_powertools.event_handler.api_gateway import Response

from lambda_api.events import header
from lambda_api.ports import Clock
from lambda_api.routing import Router, json_answer
from status.asked import bad_value, list_of, wait_of
from status.cancelling import Canceller
from status.reading import Reader
from status.viewing import Views
from task_schema import RequestCode, RequestRefusedError
from task_store import BadCursorError, Task, TaskStore, list_newest
from telemetry import names
from telemetry.segments import Span

TASKS = "/v1alpha2/tasks"
TASK = f"{TASKS}/<task_id>"
# Links are for whoever asked, and a task changes.
CACHING = {"Cache-Control": "private, no-cache"}


class Api:
    """Answers REST proxy events; whatever no route expects is raised.

    Args:
        reader: reads tasks.
        canceller: cancels them.
        views: shows them.
        store: lists them.
        runtimes: those that a list without a runtime goes over.
        clock: the time.
    """

    def __init__(
        self,
        *,
        reader: Reader,
        canceller: Canceller,
        views: Views,
        store: TaskStore,
        runtimes: Sequence[str],
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._canceller = canceller
        self._views = views
        self._store = store
        self._runtimes = runtimes
        self._clock = clock
        self._router = Router(_no_route)
        self._router.add("GET", TASKS, self._list)
        self._router.add("GET", TASK, self._get)
        self._router.add("DELETE", TASK, self._delete)

    def answer(
        self, event: Mapping[str, Any], context: Any, seen: dict[str, Any], span: Span
    ) -> dict[str, Any]:
        """Return the proxy answer to an event; see `Router.answer`."""
        return self._router.answer(event, context, seen, span)

    def _get(self, task_id: str) -> Response[str]:
        event = self._router.event
        read = self._reader.read(task_id, wait=wait_of(event), known=header(event, "If-None-Match"))
        waiting = self._reader.waiting(read.task)
        headers = {"ETag": read.tag, **CACHING, **self._retry_after(read.task, waiting)}
        self._note(read.task, "unchanged" if read.unchanged else "shown")
        if read.unchanged:
            return Response(304, body="", headers=headers)
        return _answer(200, self._views.whole(read.task, waiting), headers)

    def _delete(self, task_id: str) -> Response[str]:
        task = self._canceller.cancel(task_id, self._router.span)
        self._note(task, "cancelled" if task.status.is_terminal else "cancel_requested")
        headers = {"ETag": self._views.tag(task), **CACHING, **self._retry_after(task, None)}
        return _answer(202, self._views.whole(task), headers)

    def _list(self) -> Response[str]:
        asked = list_of(self._router.event)
        try:
            page = list_newest(
                self._store,
                self._runtimes if asked.runtime is None else [asked.runtime],
                now=self._clock(),
                limit=asked.limit,
                status=asked.status,
                cursor=asked.cursor,
            )
        except BadCursorError as exc:
            raise bad_value("cursor", "is not one of a former page of this list") from exc
        self._router.seen.update(outcome="listed", tasks=len(page.tasks))
        tasks = [self._views.listed(task) for task in page.tasks]
        return _answer(200, {"tasks": tasks, "cursor": page.cursor}, CACHING)

    def _retry_after(self, task: Task, waiting: int | None) -> dict[str, str]:
        seconds = self._reader.retry_after(task, waiting)
        return {} if seconds is None else {"Retry-After": str(seconds)}

    def _note(self, task: Task, outcome: str) -> None:
        self._router.seen.update(
            outcome=outcome,
            task=task.id,
            runtime=task.runtime,
            submission=task.submission,
            task_status=task.status.value,
        )
        self._router.span.update({names.TASK_ID: task.id, names.RUNTIME: task.runtime})


def _answer(status: int, body: Any, headers: Mapping[str, str]) -> Response[str]:
    return json_answer(status, json.dumps(body, ensure_ascii=True, separators=(",", ":")), headers)


def _no_route(_path: str) -> tuple[RequestRefusedError, Mapping[str, str]]:
    message = f"there is no such path; tasks are at {TASKS}/<id>"
    return RequestRefusedError.of(RequestCode.NOT_FOUND, message), {}
