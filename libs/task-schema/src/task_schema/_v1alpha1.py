"""Reading `POST /v1alpha1`: an SD Web UI request with routing keys in `alwayson_scripts` (DESIGN 4.1)."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictStr, ValidationError

from task_schema._codes import RequestCode
from task_schema._content import check_content
from task_schema._deployment import IMAGE_TO_IMAGE, SDWEBUI, TEXT_TO_IMAGE, Deployment, RuntimeSpec
from task_schema._faults import Fault, faults_of, unsupported_tasktype
from task_schema._metadata import Metadata, Prefix, TaskId
from task_schema._requests import ParsedRequest, hash_of, load_json, merged
from task_schema._routing import split_routing
from task_schema.errors import RequestRefusedError

DEFAULT_PREFIX = "output"

_SERVED = (TEXT_TO_IMAGE, IMAGE_TO_IMAGE)
_MODEL = "alwayson_scripts.sd_model_checkpoint"
_TASK = "alwayson_scripts.task"
_LINK = "alwayson_scripts.image_link"
# Stands for the runtime while the checkpoint names none, so that the rest can be checked all the same.
_ANY_SDWEBUI = RuntimeSpec(name="", type=SDWEBUI, dynamic_model=True)


class RoutingKeys(BaseModel):
    """`alwayson_scripts` of a v1alpha1 request: who runs it and where it goes, beside real scripts."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    task: Annotated[StrictStr, Field(min_length=1, max_length=128, json_schema_extra={"enum": list(_SERVED)})]
    sd_model_checkpoint: Annotated[StrictStr, Field(min_length=1)]
    id_task: TaskId
    save_dir: Annotated[Prefix | None, AfterValidator(lambda value: value or DEFAULT_PREFIX)] = DEFAULT_PREFIX
    image_link: StrictStr | None = None
    uid: Any = None
    sd_vae: StrictStr | None = None
    override_settings: dict[str, Any] | None = None


class V1Alpha1Request(BaseModel):
    """Body of `POST /v1alpha1`; the other fields are those of the runtime's own API."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    alwayson_scripts: RoutingKeys


def parse_v1alpha1(body: str | bytes, deployment: Deployment) -> ParsedRequest:
    """Read the body of `POST /v1alpha1`.

    Args:
        body: JSON text.
        deployment: the runtimes, one of which serves the checkpoint.

    Raises:
        RequestRefusedError: with every fault found.
    """
    data = load_json(body)
    try:
        keys = V1Alpha1Request.model_validate(data).alwayson_scripts
    except ValidationError as exc:
        raise RequestRefusedError(merged(faults_of(exc), _faults_beside(data, deployment))) from exc
    spec, faults = _check(keys.sd_model_checkpoint, keys.task, data, deployment)
    if faults or spec is None:
        raise RequestRefusedError(faults)
    metadata = Metadata(
        id=keys.id_task, runtime=spec.name, tasktype=keys.task, prefix=keys.save_dir or DEFAULT_PREFIX
    )
    return ParsedRequest("v1alpha1", metadata, data, hash_of(data))


def _faults_beside(data: Any, deployment: Deployment) -> list[Fault]:
    """Find what else is wrong with a request whose routing keys are: all faults go into one answer."""
    scripts = data.get("alwayson_scripts") if isinstance(data, dict) else None
    if not isinstance(scripts, dict):
        return []
    return _check(scripts.get("sd_model_checkpoint"), scripts.get("task"), data, deployment)[1]


def _check(
    model: Any, tasktype: Any, data: dict[str, Any], deployment: Deployment
) -> tuple[RuntimeSpec | None, list[Fault]]:
    faults = []
    spec = deployment.runtime_for_model(model) if isinstance(model, str) and model else None
    if spec is None and isinstance(model, str):
        message = f"no runtime of this deployment serves the checkpoint {model[:200]!r}"
        faults.append(Fault(code=RequestCode.MODEL_NOT_SERVED, message=message, field=_MODEL))
    if tasktype in _SERVED:
        faults += _named(check_content(spec or _ANY_SDWEBUI, tasktype, data, ""), data)
    elif isinstance(tasktype, str):
        faults.append(unsupported_tasktype(tasktype, _SERVED, _TASK))
    return spec, faults


def _named(faults: list[Fault], data: dict[str, Any]) -> list[Fault]:
    """Name the picture as v1alpha1 does: who sends no `init_images` is told of `image_link`."""
    if "init_images" in split_routing(data)[0]:
        return faults
    missing = Fault(code=RequestCode.MISSING_FIELD, message=f"{_LINK} is required", field=_LINK)
    return [missing if fault.field == "init_images" else fault for fault in faults]
