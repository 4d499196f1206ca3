"""The routes: tasks of both versions of the API, and uploads (DESIGN 4.1)."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from aws_lambda_powertools.event_handler.api_gateway import Response

from lambda_api.routing import Router, json_answer
from task_schema import (
    Accepted,
    AcceptedV1Alpha1,
    Deployment,
    ParsedRequest,
    RequestCode,
    RequestRefusedError,
    Upload,
    output_location,
    parse_upload,
    parse_v1alpha1,
    parse_v1alpha2,
    upload_reference,
)
from telemetry.segments import Span
from validator.bodies import idempotency_digest, read_body, tenant_of
from validator.ports import Uploads
from validator.submission import Submitted, Submitter
from validator.traced import asked_for

V1ALPHA1 = "/v1alpha1"
V1ALPHA2 = "/v1alpha2"
UPLOADS = f"{V1ALPHA2}/uploads"

type Parse = Callable[[str | bytes], ParsedRequest]


class Api:
    """Answers REST proxy events; whatever no route expects is raised.

    Args:
        submitter: takes good tasks.
        deployment: the runtimes that a request may name.
        output_bucket: where outputs go.
        insecure_callbacks: allow http callbacks to loopback.
        uploads: grants them.
        input_max: bytes that an upload may have.
    """

    def __init__(
        self,
        *,
        submitter: Submitter,
        deployment: Deployment,
        output_bucket: str,
        insecure_callbacks: bool,
        uploads: Uploads,
        input_max: int,
    ) -> None:
        self._submitter = submitter
        self._deployment = deployment
        self._output_bucket = output_bucket
        self._insecure_callbacks = insecure_callbacks
        self._uploads = uploads
        self._input_max = input_max
        self._router = Router(_no_route)
        self._router.add("POST", V1ALPHA1, self._post_v1alpha1)
        self._router.add("POST", V1ALPHA2, self._post_v1alpha2)
        self._router.add("POST", UPLOADS, self._post_upload)

    def answer(
        self, event: Mapping[str, Any], context: Any, seen: dict[str, Any], span: Span
    ) -> dict[str, Any]:
        """Return the proxy answer to an event; see `Router.answer`."""
        return self._router.answer(event, context, seen, span)

    def _post_v1alpha1(self) -> Response[str]:
        request, submitted = self._submit(lambda body: parse_v1alpha1(body, self._deployment))
        accepted = AcceptedV1Alpha1(
            id_task=submitted.task.id,
            sd_model_checkpoint=self._checkpoint(request, submitted),
            output_location=self._output_location(submitted),
        )
        return self._accept(submitted, accepted.model_dump_json())

    def _checkpoint(self, request: ParsedRequest, submitted: Submitted) -> str:
        """Return the task's checkpoint; by its key it may be a task that was sent with another one."""
        runtime = self._deployment.runtime(submitted.task.runtime)
        if request.metadata.runtime != submitted.task.runtime and runtime and runtime.model_filename:
            return runtime.model_filename
        asked: str = request.content["alwayson_scripts"]["sd_model_checkpoint"]
        return asked

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

    def _post_upload(self) -> Response[str]:
        with self._router.span.child("parse"):
            asked = parse_upload(read_body(self._router.event), max_bytes=self._input_max)
        upload_id = str(uuid4())
        put = self._uploads.grant(upload_id, size=asked.size, content_type=asked.content_type)
        self._router.seen.update(outcome="upload", bytes=asked.size)
        upload = Upload(
            id=upload_id,
            reference=upload_reference(upload_id),
            url=put.url,
            headers=dict(put.headers),
            expires_at=put.expires_at,
        )
        return json_answer(200, upload.model_dump_json(), {"Cache-Control": "no-store"})

    def _submit(self, parse: Parse) -> tuple[ParsedRequest, Submitted]:
        event, span = self._router.event, self._router.span
        with span.child("parse"):
            body = read_body(event)
            idempotency_key = idempotency_digest(event)
            request = parse(body)
        metadata = request.metadata
        self._router.seen.update(
            task=metadata.id,
            runtime=metadata.runtime,
            tasktype=metadata.tasktype,
            api_version=request.api_version,
        )
        span.update(asked_for(request))
        submitted = self._submitter.submit(
            request, span=span, idempotency_key=idempotency_key, tenant=tenant_of(event)
        )
        self._router.seen.update(outcome=submitted.outcome, submission=submitted.task.submission)
        return request, submitted

    def _accept(self, submitted: Submitted, body: str) -> Response[str]:
        stage = self._router.stage
        location = f"/{stage}{V1ALPHA2}/tasks/{submitted.task.id}"
        return json_answer(200, body, {"Location": location})

    def _output_location(self, submitted: Submitted) -> str:
        return output_location(self._output_bucket, submitted.task.prefix, submitted.task.id)


def _no_route(path: str) -> tuple[RequestRefusedError, Mapping[str, str]]:
    if path.rstrip("/") in {V1ALPHA1, V1ALPHA2, UPLOADS}:
        message = "this path takes POST only"
        return RequestRefusedError.of(RequestCode.METHOD_NOT_ALLOWED, message), {"Allow": "POST"}
    message = f"there is no such path; tasks are posted to {V1ALPHA2}"
    return RequestRefusedError.of(RequestCode.NOT_FOUND, message), {}
