"""From answers to objects, and to errors."""

import json
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

from darkroom_client.errors import (
    ApiError,
    ConflictError,
    DarkroomError,
    Fault,
    NoAnswerError,
    NotFoundError,
    ThrottledError,
    UnauthorizedError,
    UnavailableError,
    UnexpectedAnswerError,
)
from darkroom_client.retrying import retry_after
from darkroom_client.steps import Lost, Reply

_SHOWN = 300  # characters
_KINDS: dict[int, type[ApiError]] = {
    401: UnauthorizedError,
    403: UnauthorizedError,
    404: NotFoundError,
    409: ConflictError,
    429: ThrottledError,
}


def read[M: BaseModel](model: type[M], answer: httpx.Response) -> M:
    """Return what an answer of success says.

    Raises:
        ApiError: it is none.
        UnexpectedAnswerError: it is something else.
    """
    if not answer.is_success:
        raise error_of(answer)
    try:
        return model.model_validate_json(answer.content)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        message = f"not an answer of the API ({answer.status_code}): {where}: {first['msg']}"
        raise UnexpectedAnswerError(message, status=answer.status_code) from None


def error_of(reply: Reply) -> DarkroomError:
    """Return the error that a reply means."""
    if isinstance(reply, Lost):
        return NoAnswerError(f"the API does not answer: {reply.reason}")
    status = reply.status_code
    faults = _faults(reply)
    if not faults and status not in _KINDS and status < 500:
        message = f"not an answer of the API ({status}): {reply.text[:_SHOWN]}"
        return UnexpectedAnswerError(message, status=status)
    kind = UnavailableError if status >= 500 else _KINDS.get(status, ApiError)
    return kind(status, faults or [Fault(_code(status), _plain(reply))], retry_after=retry_after(reply))


def _code(status: int) -> str:
    names = {401: "unauthorized", 403: "unauthorized", 404: "not_found", 409: "conflict", 429: "throttled"}
    return names.get(status, "unavailable")


def _plain(answer: httpx.Response) -> str:
    """Return what somebody on the way said: a gateway's `message`, or the first words of a page."""
    body = _json(answer)
    message = body.get("message") if isinstance(body, dict) else None
    return str(message or answer.text.strip() or answer.reason_phrase)[:_SHOWN]


def _faults(answer: httpx.Response) -> list[Fault]:
    body = _json(answer)
    if not isinstance(body, dict):
        return []
    listed = body.get("errors")
    found = [_fault(one) for one in listed] if isinstance(listed, list) else []
    first = _fault(body.get("error"))
    faults = [fault for fault in found if fault is not None]
    return faults or ([first] if first is not None else [])


def _fault(value: Any) -> Fault | None:
    if not isinstance(value, dict) or not isinstance(value.get("code"), str):
        return None
    field = value.get("field")
    return Fault(value["code"], str(value.get("message", "")), field if isinstance(field, str) else None)


def _json(answer: httpx.Response) -> Any:
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        return None
