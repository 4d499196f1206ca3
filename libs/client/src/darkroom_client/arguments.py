"""What callers give, as the API takes it."""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from darkroom_client.errors import BadArgumentError

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
DEFAULT_PREFIX = "output"


def new_id() -> str:
    """Return an id that nobody has used."""
    return f"task-{secrets.token_hex(10)}"


def metadata(
    *,
    runtime: str,
    tasktype: str,
    task_id: str | None,
    prefix: str,
    context: Any,
    callback_url: str | None,
    expires_in: int | None,
) -> dict[str, Any]:
    """Return the routing half of a request; what was not given is left to the API."""
    optional = {"context": context, "callback_url": callback_url, "expires_in": expires_in}
    return {
        "id": task_id or new_id(),
        "runtime": runtime,
        "tasktype": tasktype,
        "prefix": prefix,
        **{name: value for name, value in optional.items() if value is not None},
    }


def new_task(content: Mapping[str, Any], routing: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of `POST /v1alpha2`."""
    return {"task": {"metadata": dict(routing), "content": dict(content)}}


def task_path(task_id: str) -> str:
    """Return the path of a task.

    Raises:
        BadArgumentError: no task can have that id.
    """
    if not _ID.fullmatch(task_id):
        raise BadArgumentError(f"{task_id[:130]!r} cannot be a task's id")
    return f"v1alpha2/tasks/{task_id}"
