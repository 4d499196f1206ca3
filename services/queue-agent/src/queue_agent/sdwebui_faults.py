"""Reading SD Web UI's error answers (sdwebui-api.md, recordings a02, a03); their meaning is in `faults`."""

from collections.abc import Collection
from typing import Any

from queue_agent.errors import AgentError
from queue_agent.faults import Said, Sign, Voice, error_of

_MAX_PROBLEMS = 5


def fault_of(status: int, said: Any, *, options: Collection[str] = ()) -> AgentError:
    """Turn an answer that is not 200 into the error to raise; see `read`."""
    return error_of(read(status, said, options=options))


def read(status: int, said: Any, *, options: Collection[str] = ()) -> Said:
    """Read an answer that is not 200.

    Args:
        status: the HTTP status.
        said: the body: one of four JSON shapes (a list in `detail`, a string in `detail`, Forge's
            `{error, detail, body, message}`, AUTOMATIC1111's `{error, detail, body, errors}`), or text.
        options: names in the request's `override_settings`; a KeyError that names one is the caller's.
    """
    kind, message = describe(said)
    signs = frozenset[Sign]()
    if kind == "KeyError":
        message = message.strip("'\"")
        signs = frozenset({Sign.OWN_OPTION}) if message in options else signs
    return Said(Voice.WEBUI, status, kind, message, signs=signs)


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
    loc = each.get("loc")
    where = ".".join(str(step) for step in (loc if isinstance(loc, list) else []) if step != "body")
    what = str(each.get("msg", "is not valid"))
    return f"{where}: {what}" if where else what
