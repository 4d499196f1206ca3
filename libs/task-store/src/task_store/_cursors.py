"""Cursors of lists: where the last page ended, as text for a URL."""

import base64
import binascii
import json
from dataclasses import dataclass

from task_store.errors import BadCursorError


@dataclass(frozen=True, slots=True)
class Position:
    """The last row of a page: an index is sorted by a time; the id tells rows of the same ms apart."""

    time: int
    task_id: str


def write(position: Position) -> str:
    """Return the text of a position."""
    text = json.dumps([position.time, position.task_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(cursor: str) -> Position:
    """Read what `write` wrote.

    Raises:
        BadCursorError: it is something else.
    """
    try:
        data = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError) as exc:
        raise BadCursorError("not a cursor of this list") from exc
    match data:
        case [int(created_at), str(task_id)] if not isinstance(data[0], bool) and task_id:
            return Position(created_at, task_id)
    raise BadCursorError("not a cursor of this list")
