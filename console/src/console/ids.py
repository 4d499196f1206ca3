"""Ids of tasks in paths."""

import re

from starlette.requests import Request

from console.errors import RefusedError

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def task_id(request: Request) -> str:
    """Return the id in a path with `{id}`.

    Raises:
        RefusedError: 404, no task can have it.
    """
    text = str(request.path_params["id"])
    if not _ID.fullmatch(text):
        raise RefusedError.of(404, "not_found", "there is no such task: no task can have that id")
    return text
