"""Reading ComfyUI's refusals and failures (recordings 03, 04, 18 and 19); what they mean is in `faults`."""

from collections.abc import Iterator
from typing import Any

from queue_agent.errors import AgentError
from queue_agent.faults import Said, Sign, Voice, error_of

_MAX_PROBLEMS = 5
_MAX_DETAIL_CHARS = 200
_CIRCLE = "its nodes may depend on each other in a circle"


def refusal_of(status: int, said: Any, *, uploads: str) -> AgentError:
    """Turn an answer to `POST /prompt` that is not 200 into the error to raise; see `read_refusal`."""
    return error_of(read_refusal(status, said, uploads=uploads))


def read_refusal(status: int, said: Any, *, uploads: str) -> Said:
    """Read an answer to `POST /prompt` that is not 200.

    Args:
        status: the HTTP status.
        said: the body: `{"error": {...}, "node_errors": {...}}`, or text.
        uploads: the folder that the agent uploads inputs to.
    """
    node_errors = said.get("node_errors") if isinstance(said, dict) else None
    if isinstance(node_errors, dict) and node_errors:
        return read_nodes(node_errors, uploads=uploads)
    error = said.get("error") if isinstance(said, dict) else None
    if isinstance(error, dict):
        return Said(Voice.PROMPT, status, message=_general(error))
    return Said(Voice.PROMPT, status, signs=frozenset({Sign.SPEECHLESS}))


def refused_nodes(node_errors: dict[str, Any], *, uploads: str) -> AgentError:
    """Turn the errors of single nodes into one error; see `read_nodes`."""
    return error_of(read_nodes(node_errors, uploads=uploads))


def read_nodes(node_errors: dict[str, Any], *, uploads: str) -> Said:
    """Read the errors of single nodes.

    Args:
        node_errors: node id -> `{"errors": [...], "class_type": ...}`.
        uploads: the folder that the agent uploads inputs to.
    """
    problems = list(_problems(node_errors))
    signs = set[Sign]()
    if any(uploads in problem.details and problem.kind == "custom_validation_failed" for problem in problems):
        signs.add(Sign.OWN_UPLOAD)
    if problems and all(problem.is_missing_model for problem in problems):
        signs.add(Sign.MISSING_MODELS)
    shown = "; ".join(str(problem) for problem in problems[:_MAX_PROBLEMS])
    more = len(problems) - _MAX_PROBLEMS
    if more > 0:
        shown += f"; and {more} more"
    return Said(Voice.NODES, message=shown or "the runtime refuses the workflow", signs=frozenset(signs))


def failure_of(event: dict[str, Any]) -> AgentError:
    """Turn an `execution_error` message into the error to raise; its traceback is for nobody's eyes.

    Args:
        event: `node_id`, `node_type`, `exception_type`, `exception_message`.
    """
    error = {key: event.get(key) for key in ("node_id", "node_type", "exception_type", "exception_message")}
    return error_of(read_failure(event), answer={"error": error})


def read_failure(event: dict[str, Any]) -> Said:
    """Read an `execution_error` message; see `failure_of`."""
    return Said(
        Voice.RUN,
        kind=_text(event.get("exception_type")),
        message=_text(event.get("exception_message")).strip(),
        where=f"node {event.get('node_id')} ({event.get('node_type')})",
    )


def upload_fault(status: int) -> AgentError:
    """Turn an answer to `POST /upload/image` that is not 200 into the error to raise."""
    return error_of(Said(Voice.UPLOAD, status))


def lost(reason: str) -> AgentError:
    """Return the error for a run that vanished."""
    return error_of(Said(Voice.QUEUE, message=reason))


def worker_died(reason: str) -> AgentError:
    """Return the error for a prompt that never begins although nothing runs."""
    return error_of(Said(Voice.QUEUE, message=reason, signs=frozenset({Sign.NEVER_BEGAN})))


class _Problem:
    def __init__(self, node_id: str, class_type: str, error: dict[str, Any]) -> None:
        self.kind = _text(error.get("type"))
        self.details = _text(error.get("details"))
        self._message = _text(error.get("message"))
        extra = error.get("extra_info")
        self._input = _text(extra.get("input_name")) if isinstance(extra, dict) else ""
        self._node = f"node {node_id} ({class_type})"
        self._class_type = class_type

    @property
    def is_missing_model(self) -> bool:
        # KSampler's sampler_name is a list too, but no file.
        return (
            self.kind == "value_not_in_list"
            and self._input.endswith(("_name", "_name1", "_name2", "_name3", "model", "lora", "vae"))
            and "load" in self._class_type.lower()
        )

    def __str__(self) -> str:
        details = self.details
        if self._input and self._input not in details:
            details = f"{self._input}: {details}" if details else self._input
        if len(details) > _MAX_DETAIL_CHARS:
            details = details[: _MAX_DETAIL_CHARS - 1] + "…"
        return f"{self._node}: {self._message}: {details}" if details else f"{self._node}: {self._message}"


def _problems(node_errors: dict[str, Any]) -> Iterator[_Problem]:
    for node_id, node in node_errors.items():
        if not isinstance(node, dict):
            continue
        errors = node.get("errors")
        for error in errors if isinstance(errors, list) else []:
            if isinstance(error, dict):
                yield _Problem(node_id, _text(node.get("class_type")), error)


def _general(error: dict[str, Any]) -> str:
    message, details = _text(error.get("message")).rstrip("."), _text(error.get("details"))
    if not details and error.get("type") == "prompt_outputs_failed_validation":
        details = _CIRCLE  # recording 03: a circle is refused without a word of why
    return f"{message}: {details}" if details and details != message else message or "the workflow is refused"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
