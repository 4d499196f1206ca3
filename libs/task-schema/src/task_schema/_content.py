"""Checks of `content` by task type: only what is certain (DESIGN 4.1)."""

from collections.abc import Mapping
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
        return check_graph(content, prefix)
    if spec.type == SDWEBUI:
        return _check_sdwebui(spec, tasktype, content, prefix)
    return []


def _check_sdwebui(spec: RuntimeSpec, tasktype: str, content: Mapping[str, Any], prefix: str) -> list[Fault]:
    body, routing = split_routing(content)
    faults = _check_routing_keys(content, prefix)
    try:
        CONTENT_MODELS[tasktype].model_validate(body)
    except ValidationError as exc:
        faults += faults_of(exc.errors(include_url=False, include_context=False, include_input=False), prefix)
    return faults + _check_model(spec, routing, join(prefix, "alwayson_scripts", "sd_model_checkpoint"))


def _check_routing_keys(content: Mapping[str, Any], prefix: str) -> list[Fault]:
    scripts = content.get("alwayson_scripts")
    if not isinstance(scripts, dict):
        return []
    return [
        Fault(code=RequestCode.BAD_VALUE, message=f"{field} must be {what}", field=field)
        for key, kind, what in (
            ("sd_model_checkpoint", str, "the name of a checkpoint"),
            ("image_link", str, "a link"),
            ("sd_vae", str, "the name of a VAE"),
            ("override_settings", dict, "an object"),
        )
        if scripts.get(key) is not None and not isinstance(scripts[key], kind)
        for field in [join(prefix, "alwayson_scripts", key)]
    ]


def _check_model(spec: RuntimeSpec, routing: Routing, field: str) -> list[Fault]:
    if spec.dynamic_model or routing.model is None or same_model(spec.model_filename, routing.model):
        return []
    message = f"runtime {spec.name} serves {spec.model_filename} only, not {routing.model}"
    return [Fault(code=RequestCode.MODEL_NOT_SERVED, message=message, field=field)]
