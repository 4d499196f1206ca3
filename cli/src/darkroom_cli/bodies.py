"""Request bodies of the API's version v1alpha2, from what a user says on the command line."""

import copy
import json
import math
import re
import secrets
from dataclasses import dataclass
from importlib import resources
from typing import Any

from darkroom_cli.errors import BadRequestOptionError

TEXT_TO_IMAGE = "text-to-image"
IMAGE_TO_IMAGE = "image-to-image"
EXTRA_SINGLE_IMAGE = "extra-single-image"
PIPELINE = "pipeline"

DEFAULT_STEPS = 20
DEFAULT_SIDE = 512  # pixels
DEFAULT_SCALE = 4.0
DEFAULT_PREFIX = "output"
UPSCALER = "R-ESRGAN 4x+"
LONGEST_SIDE = 1024  # pixels; what a picture of the user's is brought down to where no size is asked for
_STEP = 8  # sides are multiples of this
_SLUG_LENGTH = 40

type Json = dict[str, Any]


@dataclass(frozen=True)
class Wish:
    """What the user wants; None is "as usual"."""

    prompt: str | None = None
    negative: str | None = None
    seed: int | None = None
    steps: int | None = None
    width: int | None = None
    height: int | None = None
    model: str | None = None
    strength: float | None = None
    scale: float | None = None


@dataclass(frozen=True)
class Request:
    """A request that can be posted: `version` is the last part of the path; `runtime` is for show."""

    id: str
    tasktype: str
    runtime: str
    version: str
    body: Json


def new_id(about: str) -> str:
    """Return an id that nobody has used, with some words of the prompt in it."""
    slug = re.sub(r"[^a-z0-9]+", "-", about.lower()).strip("-")[:_SLUG_LENGTH].strip("-")
    return f"{slug or 'task'}-{secrets.token_hex(3)}"


def task(
    *, task_id: str, runtime: str, tasktype: str, content: Json, prefix: str = DEFAULT_PREFIX
) -> Request:
    """Return the request around a content."""
    metadata = {"id": task_id, "runtime": runtime, "tasktype": tasktype, "prefix": prefix, "context": {}}
    body = {"task": {"metadata": metadata, "content": content}}
    return Request(task_id, tasktype, runtime, "v1alpha2", body)


def text_to_image(wish: Wish) -> Json:
    """Return the content of a text-to-image task."""
    scripts = {"sd_model_checkpoint": wish.model} if wish.model else {}
    content: Json = {
        "alwayson_scripts": scripts,
        "prompt": wish.prompt or "",
        "steps": wish.steps or DEFAULT_STEPS,
        "width": wish.width or DEFAULT_SIDE,
        "height": wish.height or DEFAULT_SIDE,
    }
    if wish.negative:
        content["negative_prompt"] = wish.negative
    if wish.seed is not None:
        content["seed"] = wish.seed
    return content


def image_to_image(wish: Wish, image: str) -> Json:
    """Return the content of an image-to-image task; `image` is a URL or base64."""
    content = text_to_image(wish) | {"init_images": [image]}
    if wish.strength is not None:
        content["denoising_strength"] = wish.strength
    return content


def extra_single_image(wish: Wish, image: str) -> Json:
    """Return the content of an upscaling task; `image` is a URL or base64."""
    return {
        "resize_mode": 0,
        "upscaling_resize": wish.scale or DEFAULT_SCALE,
        "upscaler_1": UPSCALER,
        "image": image,
    }


def default_workflow() -> Json:
    """Return the workflow of the guide's pipeline example: text to image."""
    text = resources.files("task_schema.examples").joinpath("v1alpha2-pipeline.json").read_text()
    workflow: Json = json.loads(text)["task"]["content"]
    return workflow


def pipeline(wish: Wish, workflow: Json, image: str | None = None) -> Json:
    """Return a workflow with the wishes put where they belong: the sampler, its prompts, its empty picture.

    What was not asked for stays as it is in the file. `image` becomes the picture of the first loader.

    Raises:
        BadRequestOptionError: a wish has no place in this workflow.
    """
    content = copy.deepcopy(workflow)
    samplers = _nodes(content, "KSampler")
    for option, value, nodes, key in (
        ("--seed", wish.seed, samplers, "seed"),
        ("--steps", wish.steps, samplers, "steps"),
        ("--strength", wish.strength, samplers, "denoise"),
        ("the prompt", wish.prompt, _linked(content, samplers, "positive"), "text"),
        ("--negative", wish.negative, _linked(content, samplers, "negative"), "text"),
        ("--width", wish.width, _linked(content, samplers, "latent_image"), "width"),
        ("--height", wish.height, _linked(content, samplers, "latent_image"), "height"),
        ("--model", wish.model, _nodes(content, "CheckpointLoaderSimple"), "ckpt_name"),
        ("--image", image, _nodes(content, "LoadImage")[:1], "image"),
    ):
        if value is None:
            continue
        places = [node for node in nodes if key in node["inputs"]]
        if not places:
            raise BadRequestOptionError(
                f"the workflow has no place for {option}: put it into the file itself"
            )
        for node in places:
            node["inputs"][key] = value
    return content


def fitting_size(width: int, height: int) -> tuple[int, int]:
    """Return the size for a picture made from one of this size: same shape, sides that models can do."""
    shrink = min(1.0, LONGEST_SIDE / max(width, height))
    return _stepped(width * shrink), _stepped(height * shrink)


def from_json(body: Any, source: str) -> Request:
    """Return the request that a JSON file holds, in either version of the API.

    Raises:
        BadRequestOptionError: it is neither.
    """
    metadata = _at(body, "task", "metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("id"), str):
        return Request(
            metadata["id"], str(metadata.get("tasktype")), str(metadata.get("runtime")), "v1alpha2", body
        )
    scripts = _at(body, "alwayson_scripts")
    if isinstance(scripts, dict) and isinstance(scripts.get("id_task"), str):
        return Request(
            scripts["id_task"],
            str(scripts.get("task")),
            str(scripts.get("sd_model_checkpoint")),
            "v1alpha1",
            body,
        )
    raise BadRequestOptionError(
        f"{source} is not a request: it has neither task.metadata.id (v1alpha2) nor alwayson_scripts.id_task"
        " (v1alpha1). A workflow goes with --workflow"
    )


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _nodes(workflow: Json, class_type: str) -> list[Json]:
    return [
        node
        for node in workflow.values()
        if isinstance(node, dict)
        and node.get("class_type") == class_type
        and isinstance(node.get("inputs"), dict)
    ]


def _linked(workflow: Json, nodes: list[Json], name: str) -> list[Json]:
    """Return the nodes that an input of these nodes is linked to."""
    links = [node["inputs"].get(name) for node in nodes]
    found = [workflow.get(link[0]) for link in links if isinstance(link, list) and link]
    return [node for node in found if isinstance(node, dict) and isinstance(node.get("inputs"), dict)]


def _stepped(side: float) -> int:
    return max(_STEP, math.floor(side / _STEP) * _STEP)
