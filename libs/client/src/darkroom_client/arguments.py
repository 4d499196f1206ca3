"""What callers give, as the API takes it."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Required, TypedDict

from darkroom_client.errors import BadArgumentError

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")  # as a header keeps it
_ID_PATHS = {"v1alpha2": ("task", "metadata", "id"), "v1alpha1": ("alwayson_scripts", "id_task")}
DEFAULT_PREFIX = "output"


def new_id() -> str:
    """Return an id that nobody has used."""
    return f"task-{secrets.token_hex(10)}"


class TaskOptions(TypedDict, total=False):
    """What `submit` takes besides the content. What is not given is left to the API.

    Attributes:
        runtime: which runtime is to do it.
        tasktype: such as `text-to-image` or `pipeline`.
        id: of the task; a new one if none is given.
        prefix: folder of the outputs; `output` if none is given.
        context: any JSON, returned in notifications.
        callback_url: where a webhook goes.
        expires_in: seconds in which it has to start.
    """

    runtime: Required[str]
    tasktype: Required[str]
    id: str | None
    prefix: str
    context: Any
    callback_url: str | None
    expires_in: int | None


@dataclass(frozen=True)
class NewTask:
    """A request to run a task: where it is posted, and what is posted."""

    id: str
    version: str
    body: Mapping[str, Any]
    idempotency_key: str

    @property
    def headers(self) -> dict[str, str]:
        """The headers that it needs."""
        return {"idempotency-key": self.idempotency_key}


def new_task(content: Mapping[str, Any], options: TaskOptions, idempotency_key: str | None) -> NewTask:
    """Return the request for a task of v1alpha2."""
    given = {name: value for name, value in options.items() if value is not None}
    metadata = {"id": new_id(), "prefix": DEFAULT_PREFIX, **given}
    return of_request({"task": {"metadata": metadata, "content": dict(content)}}, idempotency_key)


def of_request(body: Mapping[str, Any], idempotency_key: str | None) -> NewTask:
    """Return a whole request of either version of the API as it can be posted.

    Without a key it gets one of its own: a request that is sent again since no answer came, while its task
    has come to its end already, must not be taken for a new one.

    Raises:
        BadArgumentError: it has no id where one of the versions has it, or the key cannot be one.
    """
    if idempotency_key is None:
        idempotency_key = secrets.token_hex(16)
    elif not _KEY.fullmatch(idempotency_key):
        raise BadArgumentError("an idempotency key has 1 to 255 printable ASCII characters")
    for version, path in _ID_PATHS.items():
        found = _at(body, path)
        if isinstance(found, str):
            return NewTask(found, version, body, idempotency_key)
    where = " or ".join(f"{'.'.join(path)} ({version})" for version, path in _ID_PATHS.items())
    raise BadArgumentError(f"the request has no id: {where}")


def task_path(task_id: str) -> str:
    """Return the path of a task.

    Raises:
        BadArgumentError: no task can have that id.
    """
    if not _ID.fullmatch(task_id):
        raise BadArgumentError(f"{task_id[:130]!r} cannot be a task's id")
    return f"v1alpha2/tasks/{task_id}"


def _at(value: Any, path: Sequence[str]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
