"""The refusing half of the API's description: each code with a message as it may be told."""

from collections.abc import Iterable, Mapping
from typing import Any

from task_schema._codes import RequestCode
from task_schema._faults import Fault, Refusal

#: A message, and the field that it is about, for each code.
TOLD: Mapping[RequestCode, tuple[str, str | None]] = {
    RequestCode.BAD_JSON: ("the body is not JSON: Expecting value: line 1 column 1 (char 0)", None),
    RequestCode.MISSING_FIELD: ("task.metadata.prefix is required", "task.metadata.prefix"),
    RequestCode.BAD_VALUE: (
        "task.content.width: Input should be greater than 0",
        "task.content.width",
    ),
    RequestCode.UNKNOWN_FIELD: ("task.metadata.priority is not a known field", "task.metadata.priority"),
    RequestCode.UNKNOWN_RUNTIME: (
        "there is no runtime 'sdruntim'; this deployment has: sdruntime",
        "task.metadata.runtime",
    ),
    RequestCode.UNSUPPORTED_TASKTYPE: (
        "task type 'pipeline' is not served here; these are: text-to-image, image-to-image",
        "task.metadata.tasktype",
    ),
    RequestCode.MODEL_NOT_SERVED: (
        "runtime sdruntime serves v1-5-pruned-emaonly.safetensors only, not another.safetensors",
        "task.content.alwayson_scripts.sd_model_checkpoint",
    ),
    RequestCode.BAD_GRAPH: (
        "input samples of node 8 comes from node 3, which does not exist",
        "task.content.8.inputs.samples",
    ),
    RequestCode.UNAUTHORIZED: (
        "the header x-api-key is missing, or its value is not a key of this API",
        None,
    ),
    RequestCode.NOT_FOUND: ("there is no task with this id", None),
    RequestCode.METHOD_NOT_ALLOWED: ("this path takes POST only", None),
    RequestCode.CONFLICT: (
        "task.metadata.id: another task with the id test-t2i has not finished; take another id",
        "task.metadata.id",
    ),
    RequestCode.TOO_LARGE: ("the body is larger than this API takes", None),
    RequestCode.UNSUPPORTED_MEDIA_TYPE: (
        "the header Content-Type must be application/json (in UTF-8)",
        "Content-Type",
    ),
    RequestCode.THROTTLED: (
        "too many requests with this API key; send this one again in a moment",
        None,
    ),
    RequestCode.UNAVAILABLE: (
        "the task was not accepted; send the same request again in a moment",
        None,
    ),
}

_WORDS = {
    400: "The request has faults; nothing was done. `errors` lists all of them.",
    401: "The header `x-api-key` is missing, or its value is not a key of this API.",
    404: "There is no task with this id.",
    409: "The task's state does not allow it.",
    413: "It is too large; large pictures are sent as links or uploads.",
    415: "The body is not sent as `application/json` in UTF-8.",
    429: "Too many requests with this key. Send it again after `Retry-After` seconds.",
    503: "It could not be handled just now. It is safe to send the same request again.",
}
_WITH_RETRY_AFTER = {429, 503}
_EVERYWHERE = (RequestCode.UNAUTHORIZED, RequestCode.THROTTLED, RequestCode.UNAVAILABLE)


def refusals(
    codes: Iterable[RequestCode], told: Mapping[RequestCode, tuple[str, str | None]] | None = None
) -> dict[str, Any]:
    """Return the refusing answers of an operation: HTTP status -> response object.

    Args:
        codes: the operation's own; those that any may get come on top.
        told: messages and fields of this operation, where they differ from `TOLD`.
    """
    known = {**TOLD, **(told or {})}
    by_status: dict[int, list[RequestCode]] = {}
    for code in sorted((*codes, *_EVERYWHERE), key=lambda code: code.http_status):
        by_status.setdefault(code.http_status, []).append(code)
    return {
        str(status): _response(status, {code: known[code] for code in of_it})
        for status, of_it in by_status.items()
    }


def _response(status: int, told: Mapping[RequestCode, tuple[str, str | None]]) -> dict[str, Any]:
    codes = ", ".join(f"`{code}`" for code in told)
    response: dict[str, Any] = {
        "description": f"{_WORDS[status]} Codes: {codes}.",
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Refusal"},
                "examples": {code.value: {"value": _refusal(code, *words)} for code, words in told.items()},
            }
        },
    }
    if status in _WITH_RETRY_AFTER:
        response["headers"] = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
    return response


def _refusal(code: RequestCode, message: str, field: str | None) -> dict[str, Any]:
    fault = Fault(code=code, message=message, field=field)
    return Refusal(error=fault, errors=[fault]).model_dump(mode="json")
