"""What ComfyUI's refusals and failures mean for a task (recordings 03, 04, 18 and 19)."""

from collections.abc import Iterator
from typing import Any

from queue_agent.errors import AgentError, RuntimeLostError, RuntimeRefusedStartError, TaskFailedError
from queue_agent.runtime_faults import hardware_fault
from task_schema import TaskCode

_MAX_PROBLEMS = 5
_MAX_DETAIL_CHARS = 200
_NOT_NOW = frozenset({401, 403, 404, 405, 408, 425, 429, 502, 503, 504})
_CIRCLE = "its nodes may depend on each other in a circle"


def refusal_of(status: int, said: Any, *, uploads: str) -> AgentError:
    """Turn an answer to `POST /prompt` that is not 200 into the error to raise.

    Args:
        status: the HTTP status.
        said: the body: `{"error": {...}, "node_errors": {...}}`, or text.
        uploads: the folder that the agent uploads inputs to.
    """
    if status in _NOT_NOW:
        return RuntimeRefusedStartError(f"the runtime takes no workflow from the agent ({status})")
    if status == 413:
        return TaskFailedError(TaskCode.INPUT_TOO_LARGE, "the workflow is larger than the runtime takes")
    if isinstance(said, dict) and isinstance(said.get("node_errors"), dict) and said["node_errors"]:
        return refused_nodes(said["node_errors"], uploads=uploads)
    if isinstance(said, dict) and isinstance(said.get("error"), dict):
        return TaskFailedError(TaskCode.BAD_GRAPH, _general(said["error"]))
    # The agent sends JSON with an object: what the server trips over is the shape of a node, for ever.
    return TaskFailedError(TaskCode.BAD_GRAPH, f"the runtime cannot read the workflow (it answered {status})")


def refused_nodes(node_errors: dict[str, Any], *, uploads: str) -> AgentError:
    """Turn the errors of single nodes into one error: a missing model has a code of its own.

    An input that was uploaded and is gone is nobody's fault: the runtime has been started anew since.
    """
    problems = list(_problems(node_errors))
    if any(uploads in problem.details and problem.kind == "custom_validation_failed" for problem in problems):
        return RuntimeRefusedStartError("the runtime has lost the inputs that were uploaded to it")
    missing_model = bool(problems) and all(problem.is_missing_model for problem in problems)
    shown = "; ".join(str(problem) for problem in problems[:_MAX_PROBLEMS])
    more = len(problems) - _MAX_PROBLEMS
    if more > 0:
        shown += f"; and {more} more"
    code = TaskCode.UNKNOWN_MODEL if missing_model else TaskCode.BAD_GRAPH
    return TaskFailedError(code, shown or "the runtime refuses the workflow")


def failure_of(event: dict[str, Any]) -> AgentError:
    """Turn an `execution_error` message into the error to raise; its traceback is for nobody's eyes.

    Args:
        event: `node_id`, `node_type`, `exception_type`, `exception_message`.
    """
    kind = _text(event.get("exception_type"))
    message = _text(event.get("exception_message")).strip()
    hardware = hardware_fault(kind, message)
    if hardware is not None:
        return hardware
    node = f"node {event.get('node_id')} ({event.get('node_type')})"
    error = {key: event.get(key) for key in ("node_id", "node_type", "exception_type", "exception_message")}
    return TaskFailedError(
        TaskCode.RUNTIME_REFUSED, f"{node} failed: {kind}: {message}", answer={"error": error}
    )


def upload_fault(status: int) -> AgentError:
    """Turn an answer to `POST /upload/image` that is not 200 into the error to raise."""
    if status == 413:
        return TaskFailedError(TaskCode.INPUT_TOO_LARGE, "an input is larger than the runtime takes")
    if status == 400:
        return TaskFailedError(TaskCode.INPUT_REFUSED, "the runtime does not take an input")
    return RuntimeRefusedStartError(f"the runtime answered {status} to an upload")


def lost(reason: str) -> RuntimeLostError:
    """Return the error for a run that vanished."""
    return RuntimeLostError(f"the runtime lost the run: {reason}")


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
