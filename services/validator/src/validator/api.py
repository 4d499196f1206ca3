"""The routes, and what each outcome is in HTTP (DESIGN 4.1)."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from aws_lambda_powertools.event_handler.api_gateway import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from task_schema import (
    Accepted,
    AcceptedV1Alpha1,
    Deployment,
    ParsedRequest,
    RequestCode,
    RequestRefusedError,
    output_location,
    parse_v1alpha1,
    parse_v1alpha2,
)
from telemetry.context import TRACEPARENT, read_traceparent
from telemetry.segments import Span
from validator.bodies import MEDIA_TYPE, header, idempotency_digest, read_body
from validator.submission import Submitted, Submitter
from validator.traced import asked_for

V1ALPHA1 = "/v1alpha1"
V1ALPHA2 = "/v1alpha2"

type Parse = Callable[[str | bytes], ParsedRequest]


class Api:
    """Answers REST proxy events; whatever no route expects is raised.

    Args:
        submitter: takes good tasks.
        deployment: the runtimes that a request may name.
        output_bucket: where outputs go.
        insecure_callbacks: allow http callbacks to loopback.
    """

    def __init__(
        self,
        *,
        submitter: Submitter,
        deployment: Deployment,
        output_bucket: str,
        insecure_callbacks: bool,
    ) -> None:
        self._submitter = submitter
        self._deployment = deployment
        self._output_bucket = output_bucket
        self._insecure_callbacks = insecure_callbacks
        # Its debug mode prints whole events, so it is not left to an environment variable.
        self._app = APIGatewayRestResolver(debug=False)
        self._app.post(V1ALPHA1)(self._post_v1alpha1)
        self._app.post(V1ALPHA2)(self._post_v1alpha2)
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
            seen: gets what may be logged of the request: ids and codes, never what the user wrote.
            span: of the request. A trace of the client's own is only linked to: the one at hand is the
                gateway's, which knows no `traceparent`.
        """
        span.link(read_traceparent(header(event, TRACEPARENT)))
        self._app.append_context(seen=seen, span=span)  # type: ignore[no-untyped-call]  # powertools left it untyped
        return dict(self._app.resolve(event, context))

    def _post_v1alpha1(self) -> Response[str]:
        request, submitted = self._submit(lambda body: parse_v1alpha1(body, self._deployment))
        accepted = AcceptedV1Alpha1(
            id_task=submitted.task.id,
            sd_model_checkpoint=request.content["alwayson_scripts"]["sd_model_checkpoint"],
            output_location=self._output_location(submitted),
        )
        return self._accept(submitted, accepted.model_dump_json())

    def _post_v1alpha2(self) -> Response[str]:
        _, submitted = self._submit(
            lambda body: parse_v1alpha2(body, self._deployment, insecure_callbacks=self._insecure_callbacks)
        )
        accepted = Accepted(
            id_task=submitted.task.id,
            id=submitted.task.id,
            runtime=submitted.task.runtime,
            output_location=self._output_location(submitted),
        )
        return self._accept(submitted, accepted.model_dump_json())

    def _submit(self, parse: Parse) -> tuple[ParsedRequest, Submitted]:
        event, span = self._app.current_event.raw_event, self._span
        with span.child("parse"):
            body = read_body(event)
            idempotency_key = idempotency_digest(event)
            request = parse(body)
        metadata = request.metadata
        self._seen.update(
            task=metadata.id,
            runtime=metadata.runtime,
            tasktype=metadata.tasktype,
            api_version=request.api_version,
        )
        span.update(asked_for(request))
        submitted = self._submitter.submit(request, span=span, idempotency_key=idempotency_key)
        self._seen.update(outcome=submitted.outcome, submission=submitted.task.submission)
        return request, submitted

    def _accept(self, submitted: Submitted, body: str) -> Response[str]:
        stage = self._app.current_event.request_context.stage
        location = f"/{stage}{V1ALPHA2}/tasks/{submitted.task.id}"
        return Response(200, content_type=MEDIA_TYPE, body=body, headers={"Location": location})

    def _output_location(self, submitted: Submitted) -> str:
        return output_location(self._output_bucket, submitted.task.prefix, submitted.task.id)

    def _no_route(self, _error: NotFoundError) -> Response[str]:
        # API Gateway answers these itself; they come here only if somebody calls the function past it.
        path = self._app.current_event.path.rstrip("/")
        if path in {V1ALPHA1, V1ALPHA2}:
            message = "this path takes POST only"
            refused = RequestRefusedError.of(RequestCode.METHOD_NOT_ALLOWED, message)
            return self._refuse(refused, {"Allow": "POST"})
        message = f"there is no such path; tasks are posted to {V1ALPHA2}"
        return self._refuse(RequestRefusedError.of(RequestCode.NOT_FOUND, message))

    def _refuse(
        self, refused: RequestRefusedError, headers: Mapping[str, str] | None = None
    ) -> Response[str]:
        codes = sorted({fault.code.value for fault in refused.faults})
        code = refused.faults[0].code.value
        self._seen.update(outcome="refused", code=code, codes=codes, faults=len(refused.faults))
        return Response(
            refused.http_status,
            content_type=MEDIA_TYPE,
            body=refused.refusal().model_dump_json(),
            headers=dict(headers or {}),
        )

    @property
    def _seen(self) -> dict[str, Any]:
        seen: dict[str, Any] = self._app.context["seen"]
        return seen

    @property
    def _span(self) -> Span:
        span: Span = self._app.context["span"]
        return span


def _raise(error: Exception) -> NoReturn:
    # Without a handler powertools logs the message of the exception, which may quote the request.
    raise error
