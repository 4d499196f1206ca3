"""The API as an OpenAPI 3.1 document: made from the models, with the guide's requests as examples.

`python -m task_schema.openapi FILE` writes it. Nothing that runs imports this.
"""

import json
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from task_schema import RequestCode, Status
from task_schema._metadata import ID_PATTERN
from task_schema._openapi_answers import HEADERS, TASK_EXAMPLES, UPLOAD_EXAMPLES, accepted, answer
from task_schema._openapi_refusals import refusals
from task_schema._openapi_schemas import ref, schemas

MAX_WAIT = 20  # seconds; services/status
USUAL_LIMIT, MAX_LIMIT = 20, 100  # tasks in a page; services/status

_ABOUT = """Asynchronous image generation: a task is posted, a GPU makes the picture, the picture lands in S3,
and subscribers of a topic, or a signed webhook, are told. Who prefers to ask may ask.

Every request needs the header `x-api-key`. Every refusal has the same shape, the gateway's own too: `error`
is the first fault, `errors` are all. A path that is not here is answered with 404 `not_found`, a method that
a path does not take with 405 `method_not_allowed` and the header `Allow`.
"""
_SUBMIT = (
    RequestCode.BAD_JSON,
    RequestCode.MISSING_FIELD,
    RequestCode.BAD_VALUE,
    RequestCode.UNKNOWN_FIELD,
    RequestCode.UNKNOWN_RUNTIME,
    RequestCode.UNSUPPORTED_TASKTYPE,
    RequestCode.MODEL_NOT_SERVED,
    RequestCode.BAD_GRAPH,
    RequestCode.CONFLICT,
    RequestCode.TOO_LARGE,
    RequestCode.UNSUPPORTED_MEDIA_TYPE,
)
_SUBMIT_V1ALPHA1 = tuple(
    code
    for code in _SUBMIT
    if code not in {RequestCode.UNKNOWN_FIELD, RequestCode.UNKNOWN_RUNTIME, RequestCode.BAD_GRAPH}
)
_FIELDS_V1ALPHA1 = {
    RequestCode.MISSING_FIELD: (
        "alwayson_scripts.image_link is required",
        "alwayson_scripts.image_link",
    ),
    RequestCode.BAD_VALUE: ("width: Input should be greater than 0", "width"),
    RequestCode.UNSUPPORTED_TASKTYPE: (
        "task type 'pipeline' is not served here; these are: text-to-image, image-to-image",
        "alwayson_scripts.task",
    ),
    RequestCode.MODEL_NOT_SERVED: (
        "no runtime of this deployment serves the checkpoint 'another.safetensors'",
        "alwayson_scripts.sd_model_checkpoint",
    ),
    RequestCode.CONFLICT: (
        "alwayson_scripts.id_task: another task with the id test-t2i has not finished; take another id",
        "alwayson_scripts.id_task",
    ),
}
_UPLOAD = (
    RequestCode.BAD_JSON,
    RequestCode.MISSING_FIELD,
    RequestCode.BAD_VALUE,
    RequestCode.UNKNOWN_FIELD,
    RequestCode.TOO_LARGE,
    RequestCode.UNSUPPORTED_MEDIA_TYPE,
)
_FIELDS_UPLOAD = {
    RequestCode.MISSING_FIELD: ("size is required", "size"),
    RequestCode.BAD_VALUE: ("size: Input should be greater than 0", "size"),
    RequestCode.UNKNOWN_FIELD: ("name is not a known field", "name"),
    RequestCode.TOO_LARGE: ("size: an input may have 33554432 bytes, not 50000000", "size"),
}
_NO_TASK = {RequestCode.NOT_FOUND: ("there is no task test-t2i", "id")}
_ENDED = {
    RequestCode.CONFLICT: (
        "task test-t2i has ended (succeeded); there is nothing left to cancel",
        "id",
    )
}
_BAD_WAIT = {RequestCode.BAD_VALUE: (f"wait must be a whole number from 0 to {MAX_WAIT}", "wait")}
_BAD_LIMIT = {RequestCode.BAD_VALUE: (f"limit must be a whole number from 1 to {MAX_LIMIT}", "limit")}


def document() -> dict[str, Any]:
    """Return the document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Darkroom",
            "version": "v1alpha2",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [_server()],
        "security": [{"apiKey": []}],
        "tags": [
            {"name": "Submitting", "description": "Limited by `APIGW.throttle`."},
            {"name": "Tasks", "description": "Limited by `APIGW.statusThrottle`."},
        ],
        "paths": {
            "/v1alpha2": {"post": _post_v1alpha2()},
            "/v1alpha2/uploads": {"post": _post_upload()},
            "/v1alpha2/tasks": {"get": _list()},
            "/v1alpha2/tasks/{id}": {
                "parameters": [{"$ref": "#/components/parameters/Id"}],
                "get": _get(),
                "delete": _delete(),
            },
            "/v1alpha1": {"post": _post_v1alpha1()},
        },
        "webhooks": {"ended": {"post": _webhook()}},
        "components": {
            "securitySchemes": {"apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"}},
            "parameters": _parameters(),
            "headers": HEADERS,
            "schemas": schemas(),
        },
    }


def document_text() -> str:
    """Return the document as it is kept in the repository."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def examples(version: str) -> dict[str, Any]:
    """Return the guide's requests of an API version: task type -> body."""
    found = resources.files("task_schema.examples").iterdir()
    of_version = {
        path.name.removesuffix(".json").removeprefix(f"{version}-"): path
        for path in found
        if path.name.startswith(f"{version}-")
    }
    return {tasktype: json.loads(path.read_text()) for tasktype, path in sorted(of_version.items())}


def _server() -> dict[str, Any]:
    return {
        "url": "https://{api}.execute-api.{region}.amazonaws.com/{stage}",
        "description": "The output FrontApiEndpoint of the stack, without the slash at its end.",
        "variables": {
            "api": {"default": "abcdefghij"},
            "region": {"default": "us-east-1"},
            "stage": {"default": "prod"},
        },
    }


def _parameters() -> dict[str, Any]:
    return {
        "Id": {
            "name": "id",
            "in": "path",
            "required": True,
            "description": "The task's id, as it was submitted.",
            "schema": {"type": "string", "pattern": ID_PATTERN},
            "example": "test-t2i",
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "A request with the key of a task of the same id is that task's, ended or not,"
            " whatever its body. Without it, the same id and the same body are, until the task has ended.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        },
    }


def _post_v1alpha2() -> dict[str, Any]:
    return {
        "tags": ["Submitting"],
        "operationId": "submit",
        "summary": "Submit a task",
        "parameters": [{"$ref": "#/components/parameters/IdempotencyKey"}],
        "requestBody": _body("TaskRequest", "v1alpha2"),
        "responses": {"200": accepted("Accepted"), **refusals(_SUBMIT)},
    }


def _post_v1alpha1() -> dict[str, Any]:
    return {
        "tags": ["Submitting"],
        "operationId": "submitV1Alpha1",
        "summary": "Submit a task in the older form: an SD Web UI request with routing keys",
        "parameters": [{"$ref": "#/components/parameters/IdempotencyKey"}],
        "requestBody": _body("V1Alpha1Request", "v1alpha1"),
        "responses": {
            "200": accepted("AcceptedV1Alpha1"),
            **refusals(_SUBMIT_V1ALPHA1, _FIELDS_V1ALPHA1),
        },
    }


def _post_upload() -> dict[str, Any]:
    asked = {"a picture": {"value": {"size": 1048576, "content_type": "image/png"}}}
    body = {"schema": ref("UploadRequest"), "examples": asked}
    ready = "Send the file to `url`, by `method` and with `headers`; then `reference` stands for it."
    return {
        "tags": ["Submitting"],
        "operationId": "createUpload",
        "summary": "Send a file ahead, to name it in tasks",
        "description": "It may have as many bytes as any input of a task, 32 MiB unless the deployment says"
        " otherwise, and is kept for 30 days.",
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": answer(ready, "Upload", UPLOAD_EXAMPLES),
            **refusals(_UPLOAD, _FIELDS_UPLOAD),
        },
    }


def _body(schema: str, version: str) -> dict[str, Any]:
    given = {tasktype: {"value": body} for tasktype, body in examples(version).items()}
    return {"required": True, "content": {"application/json": {"schema": ref(schema), "examples": given}}}


def _get() -> dict[str, Any]:
    wait = _query("wait", {"type": "integer", "minimum": 0, "maximum": MAX_WAIT, "default": 0})
    wait["description"] = (
        "Seconds to wait for news: until the task has ended, is not what `If-None-Match` names, or, without"
        " that header, has changed."
    )
    known = {
        "name": "If-None-Match",
        "in": "header",
        "description": "The `ETag` of an earlier answer.",
        "schema": {"type": "string"},
    }
    unchanged = {
        "description": "It still is as `If-None-Match` says.",
        "headers": _state_headers(),
    }
    return {
        "tags": ["Tasks"],
        "operationId": "getTask",
        "summary": "See what became of a task",
        "parameters": [wait, known],
        "responses": {
            "200": answer("The task.", "TaskView", TASK_EXAMPLES, headers=_state_headers()),
            "304": unchanged,
            **refusals((RequestCode.BAD_VALUE, RequestCode.NOT_FOUND), {**_NO_TASK, **_BAD_WAIT}),
        },
    }


def _delete() -> dict[str, Any]:
    cancelled = answer(
        "A queued task is cancelled; a running one will be in some seconds, or ends before.",
        "TaskView",
        {name: TASK_EXAMPLES[name] for name in ("cancelled", "running")},
        headers=_state_headers(),
    )
    return {
        "tags": ["Tasks"],
        "operationId": "cancelTask",
        "summary": "Cancel a task",
        "responses": {
            "202": cancelled,
            **refusals((RequestCode.NOT_FOUND, RequestCode.CONFLICT), {**_NO_TASK, **_ENDED}),
        },
    }


def _list() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1, "maxLength": 256}
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": USUAL_LIMIT}
    return {
        "tags": ["Tasks"],
        "operationId": "listTasks",
        "summary": "List tasks, newest first",
        "parameters": [
            _query("runtime", text),
            _query("status", {"type": "string", "enum": [status.value for status in Status]}),
            _query("limit", limit),
            {**_query("cursor", text), "description": "The `cursor` of the page before."},
        ],
        "responses": {
            "200": answer("A page of tasks.", "TaskList"),
            **refusals((RequestCode.BAD_VALUE,), _BAD_LIMIT),
        },
    }


def _webhook() -> dict[str, Any]:
    return {
        "summary": "A task with a `callback_url` has ended",
        "description": "Signed as Standard Webhooks 1.0 has it; subscribers of the topic get the same.",
        "security": [],
        "parameters": [_header(name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": ref("Notification")}},
        },
        "responses": {
            "2XX": {"description": "It was taken."},
            "410": {"description": "Not wanted any more: it is not sent again."},
        },
    }


def _query(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}


def _header(name: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}


def _state_headers() -> dict[str, Any]:
    return {
        "ETag": {"$ref": "#/components/headers/ETag"},
        "Retry-After": {"$ref": "#/components/headers/AskAgainAfter"},
    }


def main(file: str) -> None:
    """Write the document."""
    Path(file).write_text(document_text(), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m task_schema.openapi FILE")
    main(sys.argv[1])
