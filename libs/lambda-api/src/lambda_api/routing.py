"""Routes, and what each outcome is in HTTP (DESIGN 4.1)."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from aws_lambda_powertools.event_handler.api_gateway import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from lambda_api.events import MEDIA_TYPE, header
from task_schema import RequestRefusedError
from telemetry.context import TRACEPARENT, read_traceparent
from telemetry.segments import Span

#: Makes of a path that no route takes a refusal, and header fields that go with it.
type NoRoute = Callable[[str], tuple[RequestRefusedError, Mapping[str, str]]]


class Router:
    """Answers REST proxy events by the routes that it was given; whatever these do not expect is raised.

    Args:
        no_route: what is said of a path that no route takes. API Gateway answers such ones itself; they come
            here only if somebody calls the function past it.
    """

    def __init__(self, no_route: NoRoute) -> None:
        self._no_route = no_route
        # Its debug mode prints whole events, so it is not left to an environment variable.
        self._app = APIGatewayRestResolver(debug=False)
        self._app.not_found(self._refuse_path)
        self._app.exception_handler(RequestRefusedError)(self._refuse)
        self._app.exception_handler(Exception)(_raise)

    def add(self, method: str, path: str, answer: Callable[..., Response[str]]) -> None:
        """Let a function answer a method of a path; `<name>` in it becomes the argument of that name."""
        self._app.route(path, method)(answer)

    def answer(
        self, event: Mapping[str, Any], context: Any, seen: dict[str, Any], span: Span
    ) -> dict[str, Any]:
        """Return the proxy answer to an event.

        Args:
            event: REST proxy event of API Gateway.
            context: Lambda's.
            seen: gets what may be logged of the request: ids and codes, never what the user wrote.
            span: of the request. A trace of the client's own is only linked to: the one at hand is the
                gateway's, which knows no `traceparent`.
        """
        span.link(read_traceparent(header(event, TRACEPARENT)))
        self._app.append_context(seen=seen, span=span)  # type: ignore[no-untyped-call]  # powertools left it untyped
        return dict(self._app.resolve(event, context))

    @property
    def event(self) -> dict[str, Any]:
        """The event at hand."""
        event: dict[str, Any] = self._app.current_event.raw_event
        return event

    @property
    def stage(self) -> str:
        """The API's stage that the request went to."""
        return self._app.current_event.request_context.stage

    @property
    def seen(self) -> dict[str, Any]:
        """What may be logged of the request at hand."""
        seen: dict[str, Any] = self._app.context["seen"]
        return seen

    @property
    def span(self) -> Span:
        """The span of the request at hand."""
        span: Span = self._app.context["span"]
        return span

    def _refuse_path(self, _error: NotFoundError) -> Response[str]:
        return self._refuse(*self._no_route(self._app.current_event.path))

    def _refuse(
        self, refused: RequestRefusedError, headers: Mapping[str, str] | None = None
    ) -> Response[str]:
        codes = sorted({fault.code.value for fault in refused.faults})
        code = refused.faults[0].code.value
        self.seen.update(outcome="refused", code=code, codes=codes, faults=len(refused.faults))
        return json_answer(refused.http_status, refused.refusal().model_dump_json(), headers)


def json_answer(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response[str]:
    """Return an answer whose body is JSON text."""
    return Response(status, content_type=MEDIA_TYPE, body=text, headers=dict(headers or {}))


def _raise(error: Exception) -> NoReturn:
    # Without a handler powertools logs the message of the exception, which may quote the request.
    raise error
