"""Reading the requests of both API versions (DESIGN 4.1)."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from task_schema._codes import RequestCode
from task_schema._content import check_content
from task_schema._deployment import IMAGE_TO_IMAGE, TEXT_TO_IMAGE, Deployment, RuntimeSpec
from task_schema._faults import Fault, faults_of, join
from task_schema._metadata import Metadata
from task_schema._routing import split_routing
from task_schema.errors import RequestRefusedError

ApiVersion = Literal["v1alpha1", "v1alpha2"]

#: Largest body as Lambda gets it, that is escaped inside the event's JSON; Lambda takes 6 MB in all.
MAX_BODY_BYTES = 5 * 1024 * 1024 + 512 * 1024
DEFAULT_PREFIX = "output"

_SCRIPTS = "alwayson_scripts"
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


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A request that was accepted.

    `content` is as the user sent it. `body_hash` is the SHA-256, in hex, of the parsed body: two bodies
    that differ in white space or in the order of keys only are the same request.
    """

    api_version: ApiVersion
    metadata: Metadata
    content: dict[str, Any]
    body_hash: str


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
        faults = faults_of(exc.errors(include_url=False, include_context=False, include_input=False), "")
        raise RequestRefusedError(faults + _faults_beside(data, deployment)) from exc
    faults = _check_callback(task.metadata, insecure_callbacks)
    faults += _check_task(task.metadata.runtime, task.metadata.tasktype, task.content, deployment)
    if faults:
        raise RequestRefusedError(faults)
    return ParsedRequest("v1alpha2", task.metadata, task.content, _hash(data))


def parse_v1alpha1(body: str | bytes, deployment: Deployment) -> ParsedRequest:
    """Read the body of `POST /v1alpha1`: an SD Web UI request with routing keys in `alwayson_scripts`.

    Raises:
        RequestRefusedError: with every fault found.
    """
    data = load_json(body)
    if not isinstance(data, dict):
        raise RequestRefusedError.of(RequestCode.BAD_VALUE, "the body must be a JSON object")
    scripts = data.get(_SCRIPTS)
    if not isinstance(scripts, dict):
        code = RequestCode.BAD_VALUE if _SCRIPTS in data else RequestCode.MISSING_FIELD
        raise RequestRefusedError.of(code, f"{_SCRIPTS} must be an object with the routing keys", _SCRIPTS)
    spec, faults = _serving(scripts.get("sd_model_checkpoint"), deployment)
    metadata, more = _v1alpha1_metadata(scripts, spec)
    faults += more
    tasktype = scripts.get("task")
    if tasktype in {TEXT_TO_IMAGE, IMAGE_TO_IMAGE}:
        faults += check_content(spec or _ANY_SDWEBUI, tasktype, data, "")
    elif isinstance(tasktype, str):
        faults.append(_unsupported(tasktype, f"{_SCRIPTS}.task", (TEXT_TO_IMAGE, IMAGE_TO_IMAGE)))
    if faults or metadata is None:
        raise RequestRefusedError(_v1alpha1_names(faults, data))
    return ParsedRequest("v1alpha1", metadata, data, _hash(data))


_ANY_SDWEBUI = RuntimeSpec(name="", type="sdwebui", dynamic_model=True)


def load_json(body: str | bytes) -> Any:
    """Parse JSON as strictly as the rest of the way needs it.

    Raises:
        RequestRefusedError: `bad_json` for what is not JSON, NaN and Infinity, text that is not Unicode
            (lone surrogates could not be stored), and nesting deeper than the parser goes.
    """
    try:
        data = json.loads(body, parse_constant=_refuse_constant)
        # Numbers such as 1e999 and lone surrogates only show when written again.
        json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError as exc:
        raise RequestRefusedError.of(RequestCode.BAD_JSON, "the body is nested too deeply") from exc
    except ValueError as exc:
        message = (
            f"the body is not JSON: {exc}"
            if isinstance(exc, json.JSONDecodeError)
            else "the body is not JSON"
        )
        raise RequestRefusedError.of(RequestCode.BAD_JSON, message) from exc
    return data


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _hash(data: Any) -> str:
    canonical = json.dumps(data, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _faults_beside(data: Any, deployment: Deployment) -> list[Fault]:
    """Find what else is wrong with a request whose shape is: all faults go into one answer."""
    task = data.get("task") if isinstance(data, dict) else None
    metadata = task.get("metadata") if isinstance(task, dict) else None
    if not isinstance(metadata, dict) or not isinstance(task, dict):
        return []
    runtime, tasktype, content = metadata.get("runtime"), metadata.get("tasktype"), task.get("content")
    if not runtime or not isinstance(runtime, str):
        return []
    return _check_task(
        runtime,
        tasktype if isinstance(tasktype, str) and tasktype else None,
        content if isinstance(content, dict) else None,
        deployment,
    )


def _check_task(
    runtime: str, tasktype: str | None, content: dict[str, Any] | None, deployment: Deployment
) -> list[Fault]:
    spec = deployment.runtime(runtime)
    if spec is None:
        names = ", ".join(r.name for r in deployment.runtimes) or "none"
        message = f"there is no runtime {runtime!r}; this deployment has: {names}"
        return [Fault(code=RequestCode.UNKNOWN_RUNTIME, message=message, field="task.metadata.runtime")]
    if tasktype is None:
        return []
    if tasktype not in spec.serves:
        return [_unsupported(tasktype, "task.metadata.tasktype", spec.serves)]
    return check_content(spec, tasktype, content, "task.content") if content is not None else []


def _unsupported(tasktype: str, field: str, served: tuple[str, ...]) -> Fault:
    message = f"task type {tasktype!r} is not served here; these are: {', '.join(served)}"
    return Fault(code=RequestCode.UNSUPPORTED_TASKTYPE, message=message, field=field)


def _check_callback(metadata: Metadata, insecure_callbacks: bool) -> list[Fault]:
    if metadata.callback_url is None:
        return []
    url = urlsplit(metadata.callback_url)
    if url.scheme == "https" or (insecure_callbacks and url.hostname in _LOOPBACK):
        return []
    field = "task.metadata.callback_url"
    return [Fault(code=RequestCode.BAD_VALUE, message=f"{field}: must be an https:// URL", field=field)]


def _serving(model: Any, deployment: Deployment) -> tuple[RuntimeSpec | None, list[Fault]]:
    field = f"{_SCRIPTS}.sd_model_checkpoint"
    if model is None:
        return None, [Fault(code=RequestCode.MISSING_FIELD, message=f"{field} is required", field=field)]
    if not isinstance(model, str) or not model:
        message = f"{field} must be the name of a checkpoint"
        return None, [Fault(code=RequestCode.BAD_VALUE, message=message, field=field)]
    spec = deployment.runtime_for_model(model)
    if spec is None:
        message = f"no runtime of this deployment serves the checkpoint {model!r}"
        return None, [Fault(code=RequestCode.MODEL_NOT_SERVED, message=message, field=field)]
    return spec, []


# Where v1alpha1 keeps what v1alpha2 calls otherwise.
_V1ALPHA1_FIELDS = {"id": "id_task", "tasktype": "task", "prefix": "save_dir"}


def _v1alpha1_metadata(
    scripts: dict[str, Any], spec: RuntimeSpec | None
) -> tuple[Metadata | None, list[Fault]]:
    values = {name: scripts[key] for name, key in _V1ALPHA1_FIELDS.items() if scripts.get(key) is not None}
    values.setdefault("prefix", DEFAULT_PREFIX)
    try:
        return Metadata(runtime=spec.name if spec else "-", **values), []
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_context=False, include_input=False)
        named = [{**e, "loc": (_V1ALPHA1_FIELDS[str(e["loc"][0])], *e["loc"][1:])} for e in errors]
        return None, faults_of(named, _SCRIPTS)


def _v1alpha1_names(faults: list[Fault], data: dict[str, Any]) -> list[Fault]:
    """Name the picture as v1alpha1 does: who sends no `init_images` is told of `image_link`."""
    link = join(_SCRIPTS, "image_link")
    body, _ = split_routing(data)
    named: list[Fault] = []
    for fault in faults:
        if fault.field == "init_images" and "init_images" not in body:
            missing = Fault(code=RequestCode.MISSING_FIELD, message=f"{link} is required", field=link)
            named.append(missing)
        elif fault not in named:
            named.append(fault)
    return named
