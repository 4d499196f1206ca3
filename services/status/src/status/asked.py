"""What a request asks for: its header fields and query parameters (DESIGN 4.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from status.reading import MAX_WAIT
from task_schema import RequestCode, RequestRefusedError, Status

#: Tasks in a page of a list.
USUAL_LIMIT, MAX_LIMIT = 20, 100
_MAX_TEXT = 256  # characters of a runtime's name or of a cursor


@dataclass(frozen=True, slots=True)
class ListAsked:
    """What to list; None: whatever it is."""

    runtime: str | None
    status: Status | None
    limit: int
    cursor: str | None


def wait_of(event: Mapping[str, Any]) -> int:
    """Return for how many seconds a request may wait.

    Raises:
        RequestRefusedError: `bad_value`.
    """
    return _number(event, "wait", default=0, least=0, most=MAX_WAIT)


def list_of(event: Mapping[str, Any]) -> ListAsked:
    """Return what a request wants to have listed.

    Raises:
        RequestRefusedError: `bad_value`.
    """
    status = _text(event, "status")
    if status is not None and status not in set(Status):
        raise bad_value("status", f"must be one of {', '.join(Status)}")
    return ListAsked(
        runtime=_text(event, "runtime"),
        status=None if status is None else Status(status),
        limit=_number(event, "limit", default=USUAL_LIMIT, least=1, most=MAX_LIMIT),
        cursor=_text(event, "cursor"),
    )


def bad_value(name: str, message: str) -> RequestRefusedError:
    """Return the refusal of a query parameter."""
    return RequestRefusedError.of(RequestCode.BAD_VALUE, f"{name} {message}", name)


def _number(event: Mapping[str, Any], name: str, *, default: int, least: int, most: int) -> int:
    text = _given(event, name)
    if text is None:
        return default
    # No more digits than it takes: int() reads a megabyte of them for minutes.
    if (
        not (text.isascii() and text.isdigit() and len(text) <= len(str(most)))
        or not least <= int(text) <= most
    ):
        raise bad_value(name, f"must be a whole number from {least} to {most}")
    return int(text)


def _text(event: Mapping[str, Any], name: str) -> str | None:
    text = _given(event, name)
    if text is not None and not 0 < len(text) <= _MAX_TEXT:
        raise bad_value(name, f"must have 1 to {_MAX_TEXT} characters")
    return text


def _given(event: Mapping[str, Any], name: str) -> str | None:
    value = (event.get("queryStringParameters") or {}).get(name)
    return None if value is None else str(value)
