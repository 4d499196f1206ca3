"""The routes, and what each outcome is in HTTP (DESIGN 4.1)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from aws_lambda_powertools.event_handler.api_gateway import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from status.asked import bad_value, header, list_of, wait_of
from status.cancelling import Canceller
from status.ports import Clock
from status.reading import Reader
from status.viewing import Views
from task_schema import RequestCode, RequestRefusedError
from task_store import BadCursorError, Task, TaskStore, list_newest
from telemetry import names
from telemetry.context import TRACEPARENT, read_traceparent
from telemetry.segments import Span

MEDIA_TYPE = "application/json"
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
        # Its debug mode prints whole events, so it is not left to an environment variable.
        self._app = APIGatewayRestResolver(debug=False)
        self._app.get(TASKS)(self._list)
        self._app.get(TASK)(self._get)
        self._app.delete(TASK)(self._delete)
        self._app.not_found(self._no_route)
        self._app.exception_handler(RequestRefusedError)(self._refuse)
        self._app.exception_handler(Exception)(_raise)

    def answer(
        self, event: Mapping[str, Any], context: Any, seen: dict[str, Any], span: Span
    ) -> dict[str, Any]:
        """Return the proxy answer to an event.

        Args:
            event: REST proxy event of API Gateway.
            context: Lambda's.
            seen: gets what may be logged of the request: ids and codes.
            span: of the request. A trace of the client's own is only linked to.
        """
        span.link(read_traceparent(header(event, TRACEPARENT)))
        self._app.append_context(seen=seen, span=span)  # type: ignore[no-untyped-call]  # powertools left it untyped
        return dict(self._app.resolve(event, context))

    def _get(self, task_id: str) -> Response[str]:
        event = self._event
        read = self._reader.read(task_id, wait=wait_of(event), known=header(event, "If-None-Match"))
        waiting = self._reader.waiting(read.task)
        headers = {"ETag": read.tag, **CACHING, **self._retry_after(read.task, waiting)}
        self._note(read.task, "unchanged" if read.unchanged else "shown")
        if read.unchanged:
            return Response(304, body="", headers=headers)
        return _answer(200, self._views.whole(read.task, waiting), headers)

    def _delete(self, task_id: str) -> Response[str]:
        task = self._canceller.cancel(task_id, self._span)
        self._note(task, "cancelled" if task.status.is_terminal else "cancel_requested")
        headers = {"ETag": self._views.tag(task), **CACHING, **self._retry_after(task, None)}
        return _answer(202, self._views.whole(task), headers)

    def _list(self) -> Response[str]:
        asked = list_of(self._event)
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
        self._seen.update(outcome="listed", tasks=len(page.tasks))
        tasks = [self._views.listed(task) for task in page.tasks]
        return _answer(200, {"tasks": tasks, "cursor": page.cursor}, CACHING)

    def _retry_after(self, task: Task, waiting: int | None) -> dict[str, str]:
        seconds = self._reader.retry_after(task, waiting)
        return {} if seconds is None else {"Retry-After": str(seconds)}

    def _note(self, task: Task, outcome: str) -> None:
        self._seen.update(
            outcome=outcome,
            task=task.id,
            runtime=task.runtime,
            submission=task.submission,
            task_status=task.status.value,
        )
        self._span.update({names.TASK_ID: task.id, names.RUNTIME: task.runtime})

    def _no_route(self, _error: NotFoundError) -> Response[str]:
        # API Gateway answers these itself; they come here only if somebody calls the function past it.
        message = f"there is no such path; tasks are at {TASKS}/<id>"
        return self._refuse(RequestRefusedError.of(RequestCode.NOT_FOUND, message))

    def _refuse(self, refused: RequestRefusedError) -> Response[str]:
        self._seen.update(outcome="refused", code=refused.faults[0].code.value)
        return Response(
            refused.http_status, content_type=MEDIA_TYPE, body=refused.refusal().model_dump_json()
        )

    @property
    def _event(self) -> dict[str, Any]:
        event: dict[str, Any] = self._app.current_event.raw_event
        return event

    @property
    def _seen(self) -> dict[str, Any]:
        seen: dict[str, Any] = self._app.context["seen"]
        return seen

    @property
    def _span(self) -> Span:
        span: Span = self._app.context["span"]
        return span


def _answer(status: int, body: Any, headers: Mapping[str, str]) -> Response[str]:
    text = json.dumps(body, ensure_ascii=True, separators=(",", ":"))
    return Response(status, content_type=MEDIA_TYPE, body=text, headers=dict(headers))


def _raise(error: Exception) -> NoReturn:
    # Without a handler powertools logs the message of the exception, which may quote the request.
    raise error
