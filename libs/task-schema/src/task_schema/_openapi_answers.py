"""The accepting half of the API's description: answers, with an example for each, and headers."""

from collections.abc import Mapping
from typing import Any

HEADERS: Mapping[str, Any] = {
    "Location": {
        "description": "The path of the task: `/<stage>/v1alpha2/tasks/<id>`.",
        "schema": {"type": "string"},
        "example": "/prod/v1alpha2/tasks/test-t2i",
    },
    "ETag": {
        "description": "Names the state that is shown; presigned URLs and the estimate are not part of it.",
        "schema": {"type": "string"},
        "example": 'W/"5e0f0c7ab1c34c0d9d1b8d3c5f1f6a52"',
    },
    "RetryAfter": {
        "description": "Send the request again after so many seconds.",
        "schema": {"type": "integer", "minimum": 1},
        "example": 1,
    },
    "AskAgainAfter": {
        "description": "Seconds after which asking again makes sense; only while the task has not ended.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 30},
        "example": 5,
    },
}

_FOLDER = "s3://outputbucket/output/test-t2i"
_SIGNED = "https://outputbucket.s3.us-east-1.amazonaws.com/output/test-t2i"
_QUEUED: Mapping[str, Any] = {
    "id": "test-t2i",
    "submission": "6d1f4b1e-7a33-4c6b-a1cf-0b6b6f2f4f0e",
    "runtime": "sdruntime",
    "tasktype": "text-to-image",
    "status": "queued",
    "created_at": "2026-11-23T09:00:00.125000Z",
    "started_at": None,
    "finished_at": None,
    "attempts": 0,
    "progress": None,
    "output_location": _FOLDER,
    "images": [],
    "output_url": None,
    "error": None,
    "trace_id": "6921f0c2a1b2c3d4e5f60718293a4b5c",
}
_RUNNING = {
    **_QUEUED,
    "status": "running",
    "started_at": "2026-11-23T09:00:02.480000Z",
    "attempts": 1,
    "progress": 40,
}
_ENDED = {**_RUNNING, "finished_at": "2026-11-23T09:00:07.902000Z"}
_SUCCEEDED = {
    **_ENDED,
    "status": "succeeded",
    "progress": 100,
    "images": [
        {"s3": f"{_FOLDER}/test-t2i-abcd-1.png", "url": f"{_SIGNED}/test-t2i-abcd-1.png?X-Amz-Signature=..."}
    ],
    "output_url": f"{_FOLDER}/test-t2i-abcd.out",
    "output": {
        "s3": f"{_FOLDER}/test-t2i-abcd.out",
        "url": f"{_SIGNED}/test-t2i-abcd.out?X-Amz-Signature=...",
    },
}
_FAILED = {
    **_ENDED,
    "status": "failed",
    "error": {
        "code": "input_unreachable",
        "message": "https://example.com/cat.png answered 404",
        "retryable": True,
    },
}
_CANCELLED = {
    **_QUEUED,
    "status": "cancelled",
    "finished_at": "2026-11-23T09:00:01.311000Z",
    "error": {"code": "cancelled", "message": "cancelled by the user", "retryable": False},
}

#: The answer for a task in each state.
TASK_EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "queued": {**_QUEUED, "queue": {"position_estimate": 3}},
    "running": _RUNNING,
    "succeeded": _SUCCEEDED,
    "failed": _FAILED,
    "cancelled": _CANCELLED,
}

_LISTED = {name: value for name, value in _SUCCEEDED.items() if name != "output"}
_PAGE = {
    "tasks": [{**_LISTED, "images": [{"s3": f"{_FOLDER}/test-t2i-abcd-1.png"}]}],
    "cursor": None,
}
_UPLOAD_ID = "0b8f9a4e-6c1d-4a57-9d2e-3f0a5b7c1d2e"
#: The answer that says where a file is to be sent.
UPLOAD_EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "a picture": {
        "id": _UPLOAD_ID,
        "reference": f"upload://{_UPLOAD_ID}",
        "method": "PUT",
        "url": f"https://payloadbucket.s3.us-east-1.amazonaws.com/uploads/{_UPLOAD_ID}?X-Amz-Signature=...",
        "headers": {"content-length": "1048576", "content-type": "image/png"},
        "expires_at": "2026-11-23T09:15:00Z",
    }
}
_ACCEPTED = {"id_task": "test-t2i", "output_location": _FOLDER}
_EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "Accepted": {**_ACCEPTED, "id": "test-t2i", "runtime": "sdruntime"},
    "AcceptedV1Alpha1": {**_ACCEPTED, "sd_model_checkpoint": "v1-5-pruned-emaonly.safetensors"},
    "TaskList": _PAGE,
}


def answer(
    description: str,
    schema: str,
    examples: Mapping[str, Mapping[str, Any]] | None = None,
    headers: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a response object with a JSON body.

    Args:
        description: what it means.
        schema: name of the body's schema.
        examples: bodies by name; None for the one of the schema.
        headers: header objects by name.
    """
    given = {"of a task": _EXAMPLES[schema]} if examples is None else examples
    body = {
        "schema": {"$ref": f"#/components/schemas/{schema}"},
        "examples": {name: {"value": value} for name, value in given.items()},
    }
    response: dict[str, Any] = {"description": description, "content": {"application/json": body}}
    if headers:
        response["headers"] = dict(headers)
    return response


def accepted(schema: str) -> dict[str, Any]:
    """Return the response object of a task that was accepted."""
    headers = {"Location": {"$ref": "#/components/headers/Location"}}
    return answer("The task is recorded and will end, one way or the other.", schema, headers=headers)
