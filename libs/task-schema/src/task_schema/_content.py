"""Checks of `content` by task type: only what is certain (DESIGN 4.1)."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from task_schema import _sdwebui
from task_schema._codes import RequestCode
from task_schema._deployment import (
    COMFYUI,
    EXTRA_BATCH_IMAGES,
    EXTRA_SINGLE_IMAGE,
    IMAGE_TO_IMAGE,
    SDWEBUI,
    TEXT_TO_IMAGE,
    RuntimeSpec,
    same_model,
)
from task_schema._faults import Fault, faults_of, join
from task_schema._graph import check_graph
from task_schema._links import loader_strings, strings_in, upload_faults
from task_schema._routing import Routing, split_routing

CONTENT_MODELS: Mapping[str, type[_sdwebui.SdWebUiContent]] = {
    TEXT_TO_IMAGE: _sdwebui.TextToImageContent,
    IMAGE_TO_IMAGE: _sdwebui.ImageToImageContent,
    EXTRA_SINGLE_IMAGE: _sdwebui.ExtraSingleImageContent,
    EXTRA_BATCH_IMAGES: _sdwebui.ExtraBatchImagesContent,
}


def check_content(
    spec: RuntimeSpec, tasktype: str, content: Mapping[str, Any], prefix: str = "content"
) -> list[Fault]:
    """Find the faults of a task's content.

    Args:
        spec: the runtime that is to run it. Content for a runtime of a custom type is not looked into.
        tasktype: one that the runtime serves.
        content: as the user sent it, routing keys included.
        prefix: path of the content in the request, for the faults' `field`.

    Returns:
        All faults found, in the order of the fields; empty where there is none.
    """
    if spec.type == COMFYUI:
        return check_graph(content, prefix) + upload_faults(loader_strings(content), prefix)
    if spec.type == SDWEBUI:
        return _check_sdwebui(spec, tasktype, content, prefix)
    return []


def _check_sdwebui(spec: RuntimeSpec, tasktype: str, content: Mapping[str, Any], prefix: str) -> list[Fault]:
    body, routing = split_routing(content)
    faults = _check_routing_keys(content, prefix) + _check_displaced(content, body, prefix)
    model = CONTENT_MODELS.get(tasktype)
    try:
        if model is not None:
            model.model_validate(body)
    except ValidationError as exc:
        faults += faults_of(exc, prefix)
    # In all that was sent: it is the agent that knows what a script of v1alpha1 moves where.
    faults += upload_faults(strings_in(content), prefix)
    return faults + _check_model(spec, routing, _model_field(content, prefix))


def _check_routing_keys(content: Mapping[str, Any], prefix: str) -> list[Fault]:
    settings = join(prefix, "override_settings")
    faults = _check_types(content.get("override_settings"), settings, _MODEL_KEY)
    scripts = content.get("alwayson_scripts")
    if isinstance(scripts, dict):
        path = join(prefix, "alwayson_scripts")
        moved = scripts.get("override_settings")
        faults += _check_types(scripts, path, (*_MODEL_KEY, *_OTHER_KEYS))
        faults += _check_types(moved, join(path, "override_settings"), _MODEL_KEY)
    return faults


_MODEL_KEY = (("sd_model_checkpoint", str, "the name of a checkpoint"),)
_OTHER_KEYS = (
    ("image_link", str, "a link"),
    ("sd_vae", str, "the name of a VAE"),
    ("override_settings", dict, "an object"),
)


def _check_types(values: Any, path: str, expected: Iterable[tuple[str, type, str]]) -> list[Fault]:
    if not isinstance(values, dict):
        return []
    return [
        Fault(code=RequestCode.BAD_VALUE, message=f"{field} must be {what}", field=field)
        for key, kind, what in expected
        if values.get(key) is not None and not isinstance(values[key], kind)
        for field in [join(path, key)]
    ]


def _check_displaced(content: Mapping[str, Any], body: Mapping[str, Any], prefix: str) -> list[Fault]:
    # What a routing key was moved into must have been fit for it: the move would hide what is not.
    return [
        Fault(code=RequestCode.BAD_VALUE, message=f"{field} must be {what}", field=field)
        for key, kind, what in (("init_images", list, "a list"), ("override_settings", dict, "an object"))
        if content.get(key) is not None
        and content[key] is not body.get(key)
        and not isinstance(content[key], kind)
        for field in [join(prefix, key)]
    ]


def _model_field(content: Mapping[str, Any], prefix: str) -> str:
    """Return where a request names its model; in the order in which `split_routing` looks."""
    settings = ("override_settings", "sd_model_checkpoint")
    script = ("alwayson_scripts", "sd_model_checkpoint")
    for path in (script, ("alwayson_scripts", *settings), settings):
        value: Any = content
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value:
            return join(prefix, *path)
    return join(prefix, *script)


def _check_model(spec: RuntimeSpec, routing: Routing, field: str) -> list[Fault]:
    if spec.dynamic_model or routing.model is None or same_model(spec.model_filename, routing.model):
        return []
    message = f"runtime {spec.name} serves {spec.model_filename} only, not {routing.model}"
    return [Fault(code=RequestCode.MODEL_NOT_SERVED, message=message, field=field)]
