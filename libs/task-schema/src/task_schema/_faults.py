"""Faults of requests and errors of tasks, as users see them (DESIGN 4.1, 4.3)."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from task_schema._codes import RequestCode, TaskCode

# What a user can take in at a glance; a longer list says how many more there are.
MAX_FAULTS = 50


class Fault(BaseModel):
    """One fault of a request: code, a message for a person, and the path of the field, `task.metadata.id`."""

    model_config = ConfigDict(frozen=True)

    code: RequestCode
    message: str
    field: str | None = None


class Refusal(BaseModel):
    """Body of every answer that refuses: `error` is the first fault, `errors` are all."""

    error: Fault
    errors: list[Fault]


class TaskError(BaseModel):
    """Why a task did not succeed. `retryable`: the same request may succeed when it is sent again."""

    model_config = ConfigDict(frozen=True)

    code: TaskCode
    message: str
    retryable: bool

    @classmethod
    def of(cls, code: TaskCode, message: str) -> "TaskError":
        """Make the error with the code's usual `retryable`."""
        return cls(code=code, message=message, retryable=code.retryable)


_CODES = {"missing": RequestCode.MISSING_FIELD, "extra_forbidden": RequestCode.UNKNOWN_FIELD}


def faults_of(errors: Iterable[Mapping[str, Any]], prefix: str) -> list[Fault]:
    """Turn pydantic's error list into faults whose fields start with `prefix`.

    A union reports one error for each of its arms; the path keeps only what the user wrote.
    """
    faults: list[Fault] = []
    for error in errors:
        field = join(prefix, *error["loc"])
        code = _CODES.get(error["type"], RequestCode.BAD_VALUE)
        if code is RequestCode.MISSING_FIELD:
            message = f"{field} is required"
        elif code is RequestCode.UNKNOWN_FIELD:
            message = f"{field} is not a known field"
        else:
            message = f"{field}: {error['msg']}"
        fault = Fault(code=code, message=message, field=field)
        if fault not in faults:
            faults.append(fault)
    return faults


def join(prefix: str, *parts: object) -> str:
    """Join a path as users write it: `task.content.init_images[0]`."""
    path = prefix
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else str(part)
    return path
