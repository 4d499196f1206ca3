"""What an SD Web UI's error answer means for a task (facts/a1111-contract.md, recordings a02 and a03)."""

import re
from collections.abc import Collection
from typing import Any

from queue_agent.errors import AgentError, RuntimeLostError, RuntimeRefusedStartError, TaskFailedError
from queue_agent.runtime_faults import hardware_fault
from task_schema import TaskCode

# These come as 500, but the same request would fail for ever.
_CALLERS_FAULT = (
    re.compile(r"^invalid encoded image", re.IGNORECASE),
    re.compile(r"^invalid image url", re.IGNORECASE),
    re.compile(r"^request(s|) (to local resource )?not allowed", re.IGNORECASE),
    re.compile(r"could not find upscaler named", re.IGNORECASE),
    re.compile(r"calculated padded input size per channel", re.IGNORECASE),
    re.compile(r"kernel size can't be greater than actual input size", re.IGNORECASE),
    re.compile(r"dimension out of range", re.IGNORECASE),
    re.compile(r"cannot identify image file", re.IGNORECASE),
    re.compile(r"exceeds limit of \d+ pixels", re.IGNORECASE),
    re.compile(r"(sampler|scheduler|script|style|mask|init image).* not found", re.IGNORECASE),
)
_UNKNOWN_MODEL = re.compile(r"^model '.*' not found", re.IGNORECASE)
# Wrong credentials, or too busy: another time or another set-up, but not the task's fault.
_NOT_NOW = frozenset({401, 403, 408, 425, 429, 503})
_MAX_PROBLEMS = 5


def fault_of(status: int, said: Any, *, options: Collection[str] = ()) -> AgentError:
    """Turn an answer that is not 200 into the error to raise.

    Args:
        status: the HTTP status.
        said: the body: one of four JSON shapes (a list in `detail`, a string in `detail`, Forge's
            `{error, detail, body, message}`, AUTOMATIC1111's `{error, detail, body, errors}`), or text.
        options: names in the request's `override_settings`; a KeyError that names one is the caller's.
    """
    kind, message = describe(said)
    if status >= 500 and status != 503:
        return _server_error(status, kind, message, options)
    if status in _NOT_NOW:
        return RuntimeRefusedStartError(f"the runtime takes nothing from the agent ({status}): {message}")
    if status == 404 and message in ("Not Found", ""):
        # The server is up before its API is. A missing init image is a 404 too, but that one has words.
        return RuntimeRefusedStartError("the runtime does not serve its API yet")
    if status == 413:
        return TaskFailedError(TaskCode.INPUT_TOO_LARGE, "the request is larger than the runtime takes")
    if status < 400:
        return RuntimeLostError(f"the runtime answered {status}")
    return TaskFailedError(TaskCode.RUNTIME_REFUSED, message or f"the runtime refuses the request ({status})")


def _server_error(status: int, kind: str, message: str, options: Collection[str]) -> AgentError:
    hardware = hardware_fault(kind, message)
    if hardware is not None:
        return hardware
    if _UNKNOWN_MODEL.search(message):
        return TaskFailedError(TaskCode.UNKNOWN_MODEL, message)
    if kind == "KeyError" and message.strip("'\"") in options:
        return TaskFailedError(
            TaskCode.RUNTIME_REFUSED, f"override_settings: the runtime has no option {message.strip(chr(39))}"
        )
    if any(sign.search(message) for sign in _CALLERS_FAULT):
        return TaskFailedError(TaskCode.RUNTIME_REFUSED, message)
    named = ": ".join(part for part in (kind, message) if part)
    return RuntimeLostError(f"the runtime failed ({status}): {named or 'without a word'}")


def describe(said: Any) -> tuple[str, str]:
    """Return an error's kind (an exception's name, or "") and a message fit for a person.

    What the user sent is never repeated: pydantic's `input` may be a whole picture.
    """
    if not isinstance(said, dict):
        return "", said.strip()[:200] if isinstance(said, str) else ""
    detail = said.get("detail")
    kind = said.get("error")
    kind = kind if isinstance(kind, str) and kind != "HTTPException" else ""
    if isinstance(detail, list):
        return kind, _problems(detail)
    for words in (detail, said.get("message"), said.get("errors")):
        if isinstance(words, str) and words.strip():
            return kind, words.strip()
    return kind, ""


def _problems(detail: list[Any]) -> str:
    problems = [_problem(each) for each in detail[:_MAX_PROBLEMS]]
    more = len(detail) - _MAX_PROBLEMS
    if more > 0:
        problems.append(f"and {more} more")
    return "; ".join(problems)


def _problem(each: Any) -> str:
    if not isinstance(each, dict):
        return str(each)[:200]
    where = ".".join(str(step) for step in each.get("loc", ()) if step != "body")
    what = str(each.get("msg", "is not valid"))
    return f"{where}: {what}" if where else what
