"""The requests that `verify` sends: for each runtime, those that the guide names for its type."""

import base64
import io
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from darkroom_cli import bodies
from darkroom_cli.bodies import Json, Request, Wish
from local.sketch.paint import paint
from task_schema import Deployment, RuntimeSpec

PREFIX = "verify"  # folder in the output bucket
PROMPT = "a lighthouse at dusk, oil painting"
STEPS = 16
SIDE = 512  # pixels
SCALE = 2.0
_SDWEBUI, _COMFYUI = "sdwebui", "comfyui"


@dataclass(frozen=True)
class Kind:
    """One request of `verify`: what it is called, and the request."""

    label: str
    request: Request


def kinds(spec: RuntimeSpec, deployment: Deployment, model: str | None = None) -> Iterator[Kind]:
    """Yield the requests of a runtime; of a type that is not built in, there are none.

    Pictures travel inside the requests, so that no other server takes part. The older version of the API
    finds a runtime by its model: it is asked only where that leads to this runtime.

    Args:
        spec: the runtime.
        deployment: all of them.
        model: checkpoint to ask for, where the runtime loads any.
    """
    wish = Wish(prompt=PROMPT, seed=7, steps=STEPS, width=SIDE, height=SIDE)
    if spec.type == _COMFYUI:
        content = bodies.pipeline(replace(wish, model=model), bodies.default_workflow(), None)
        yield _current(spec, bodies.PIPELINE, content)
    if spec.type != _SDWEBUI:
        return
    asked = replace(wish, model=model if spec.dynamic_model else None)
    picture = _picture()
    yield _current(spec, bodies.TEXT_TO_IMAGE, bodies.text_to_image(asked))
    yield _current(spec, bodies.IMAGE_TO_IMAGE, bodies.image_to_image(asked, picture))
    yield _current(spec, bodies.EXTRA_SINGLE_IMAGE, bodies.extra_single_image(Wish(scale=SCALE), picture))
    checkpoint = spec.model_filename or model
    found = deployment.runtime_for_model(checkpoint) if checkpoint else None
    if checkpoint and found is not None and found.name == spec.name:
        yield _older(spec, bodies.TEXT_TO_IMAGE, bodies.text_to_image(wish), checkpoint)
        yield _older(spec, bodies.IMAGE_TO_IMAGE, bodies.image_to_image(wish, picture), checkpoint)


def _current(spec: RuntimeSpec, tasktype: str, content: Json) -> Kind:
    return _kind(
        tasktype,
        "v1alpha2",
        lambda task_id: bodies.task(
            task_id=task_id, runtime=spec.name, tasktype=tasktype, content=content, prefix=PREFIX
        ),
    )


def _older(spec: RuntimeSpec, tasktype: str, content: Json, checkpoint: str) -> Kind:
    def made(task_id: str) -> Request:
        routing = {
            "task": tasktype,
            "sd_model_checkpoint": checkpoint,
            "id_task": task_id,
            "save_dir": PREFIX,
        }
        return Request(task_id, tasktype, spec.name, "v1alpha1", content | {"alwayson_scripts": routing})

    return _kind(tasktype, "v1alpha1", made)


def _kind(tasktype: str, version: str, made: Callable[[str], Request]) -> Kind:
    return Kind(f"{tasktype} {version}", made(f"verify-{tasktype}-{version}-{secrets.token_hex(4)}"))


def _picture() -> str:
    packed = io.BytesIO()
    paint("a cat on a wall at sunset", "", 7, SIDE, SIDE, STEPS).save(packed, "PNG")
    return base64.b64encode(packed.getvalue()).decode()
