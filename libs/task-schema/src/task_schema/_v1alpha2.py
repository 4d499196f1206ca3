"""Reading `POST /v1alpha2` (DESIGN 4.1)."""

from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from task_schema._codes import RequestCode
from task_schema._content import check_content
from task_schema._deployment import Deployment
from task_schema._faults import Fault, faults_of, unsupported_tasktype
from task_schema._metadata import Metadata
from task_schema._requests import ParsedRequest, hash_of, load_json, merged
from task_schema.errors import RequestRefusedError

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Task(BaseModel):
    """`task` of a v1alpha2 request: who runs it and where it goes, and what the runtime's own API takes."""

    model_config = ConfigDict(extra="forbid")

    metadata: Metadata
    content: dict[str, Any]


class TaskRequest(BaseModel):
    """Body of `POST /v1alpha2`."""

    model_config = ConfigDict(extra="forbid")

    task: Task


def parse_v1alpha2(
    body: str | bytes, deployment: Deployment, *, insecure_callbacks: bool = False
) -> ParsedRequest:
    """Read the body of `POST /v1alpha2`.

    Args:
        body: JSON text.
        deployment: the runtimes that it may name.
        insecure_callbacks: allow http callbacks to loopback (a local setting).

    Raises:
        RequestRefusedError: with every fault found.
    """
    data = load_json(body)
    try:
        task = TaskRequest.model_validate(data).task
    except ValidationError as exc:
        beside = _faults_beside(data, deployment, insecure_callbacks)
        raise RequestRefusedError(merged(faults_of(exc), beside)) from exc
    metadata = task.metadata
    faults = _check_callback(metadata.callback_url, insecure_callbacks)
    faults += _check_task(metadata.runtime, metadata.tasktype, task.content, deployment)
    if faults:
        raise RequestRefusedError(faults)
    return ParsedRequest("v1alpha2", metadata, task.content, hash_of(data))


def _faults_beside(data: Any, deployment: Deployment, insecure_callbacks: bool) -> list[Fault]:
    """Find what else is wrong with a request whose shape is: all faults go into one answer."""
    task = data.get("task") if isinstance(data, dict) else None
    metadata = task.get("metadata") if isinstance(task, dict) else None
    if not isinstance(metadata, dict) or not isinstance(task, dict):
        return []
    runtime, tasktype, content = metadata.get("runtime"), metadata.get("tasktype"), task.get("content")
    faults = _check_callback(metadata.get("callback_url"), insecure_callbacks)
    if runtime and isinstance(runtime, str):
        faults += _check_task(
            runtime,
            tasktype if isinstance(tasktype, str) and tasktype else None,
            content if isinstance(content, dict) else None,
            deployment,
        )
    return faults


def _check_task(
    runtime: str, tasktype: str | None, content: dict[str, Any] | None, deployment: Deployment
) -> list[Fault]:
    spec = deployment.runtime(runtime)
    if spec is None:
        names = ", ".join(r.name for r in deployment.runtimes) or "none"
        message = f"there is no runtime {runtime[:100]!r}; this deployment has: {names}"
        return [Fault(code=RequestCode.UNKNOWN_RUNTIME, message=message, field="task.metadata.runtime")]
    if tasktype is None:
        return []
    if tasktype not in spec.serves:
        return [unsupported_tasktype(tasktype, spec.serves, "task.metadata.tasktype")]
    return check_content(spec, tasktype, content, "task.content") if content is not None else []


def _check_callback(url: Any, insecure: bool) -> list[Fault]:
    if not isinstance(url, str):
        return []
    try:
        parts = urlsplit(url)
    except ValueError:
        return []  # the shape of the field, which Metadata tells
    if parts.scheme == "https" or (insecure and parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return []
    field = "task.metadata.callback_url"
    return [Fault(code=RequestCode.BAD_VALUE, message=f"{field}: must be an https:// URL", field=field)]
