"""Faults of requests, as users see them (DESIGN 4.1)."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, ValidationError

from task_schema._codes import RequestCode

# What a user can take in at a glance; a longer list says how many more there are.
MAX_FAULTS = 50
# Messages and paths quote what the user sent, which may be megabytes; an answer must not be.
_MAX_MESSAGE = 500
_MAX_FIELD = 200


class Fault(BaseModel):
    """One fault of a request: code, a message for a person, and the path of the field, `task.metadata.id`."""

    model_config = ConfigDict(frozen=True)

    code: RequestCode
    message: str
    field: str | None = None

    def shortened(self) -> "Fault":
        """Return the fault with at most 500 characters of its message and 200 of its field."""
        field = None if self.field is None else _shorten(self.field, _MAX_FIELD)
        return Fault(code=self.code, message=_shorten(self.message, _MAX_MESSAGE), field=field)


class Refusal(BaseModel):
    """Body of every answer that refuses: `error` is the first fault, `errors` are all."""

    error: Fault
    errors: list[Fault]


# In the words of JSON: pydantic's own speak of Python's types, and of our classes.
_EXPECTED = {
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
}
_CODES = {"missing": RequestCode.MISSING_FIELD, "extra_forbidden": RequestCode.UNKNOWN_FIELD}


def faults_of(error: ValidationError, prefix: str = "") -> list[Fault]:
    """Turn what pydantic found into faults whose fields start with `prefix`, each once."""
    faults: dict[Fault, None] = {}
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        field = join(prefix, *found["loc"]) or None
        code = _CODES.get(found["type"], RequestCode.BAD_VALUE)
        if code is RequestCode.MISSING_FIELD:
            message = f"{field} is required"
        elif code is RequestCode.UNKNOWN_FIELD:
            message = f"{field} is not a known field"
        else:
            message = f"{field or 'the body'}: {_EXPECTED.get(found['type'], found['msg'])}"
        faults[Fault(code=code, message=message, field=field)] = None
    return list(faults)


def unsupported_tasktype(tasktype: str, served: Sequence[str], field: str) -> Fault:
    """Make the fault of a task type that nobody here runs."""
    message = f"task type {tasktype[:128]!r} is not served here; these are: {', '.join(served)}"
    return Fault(code=RequestCode.UNSUPPORTED_TASKTYPE, message=message, field=field)


def _shorten(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 3] + "..."


def join(prefix: str, *parts: object) -> str:
    """Join a path as users write it: `task.content.init_images[0]`."""
    path = prefix
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else str(part)
    return path
