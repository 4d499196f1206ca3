"""What is known of a run before it begins: all that can be made ahead, while another run has the GPU."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from queue_agent.links import with_values
from queue_agent.ports import InputLink, Job
from queue_agent.runtime_reply import encode
from queue_agent.sdwebui_answers import ordered_by
from queue_agent.sdwebui_models import Checkpoint
from s3io.inputs import FetchedInput

PATHS: Mapping[str, str] = {
    "text-to-image": "/txt2img",
    "image-to-image": "/img2img",
    "extra-single-image": "/extra-single-image",
    "extra-batch-images": "/extra-batch-images",
}
#: The task types that use a checkpoint; upscaling does not.
GENERATING = frozenset({"text-to-image", "image-to-image"})
# Fields by which a run may leave another checkpoint loaded than it began with.
_SWITCHING = ("hr_checkpoint_name", "refiner_checkpoint", "script_name")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The checkpoint that a run needs: the name asked for, and what it was found to mean."""

    name: str
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Order:
    """One request, ready to be sent.

    Attributes:
        path: of the route, below the API's root.
        body: the request's JSON.
        wanted: the checkpoint it needs; None for the one loaded, whichever that is.
        sampler: the one that has to be in the answer; None where it does not matter.
        overrides: names of the settings that it overrides.
        switches: whether it may leave another checkpoint loaded.
        pictures: how many are due.
    """

    path: str
    body: bytes
    wanted: Wanted | None
    sampler: str | None
    overrides: frozenset[str]
    switches: bool
    pictures: int


async def embed(job: Job, inputs: Mapping[InputLink, FetchedInput]) -> dict[str, Any]:
    """Return a job's content with base64 in the links' place: the server never fetches a URL itself."""
    if not inputs:
        return job.content

    def encoded() -> dict[str, Any]:
        texts = {id(each.data): base64.b64encode(each.data).decode() for each in inputs.values()}
        return with_values(job.content, {link.path: texts[id(each.data)] for link, each in inputs.items()})

    return await asyncio.to_thread(encoded)


def body_of(tasktype: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body with what the agent decides.

    Pictures come in the answer and are not kept on the server's disk; settings are restored; the checkpoint
    is never chosen by `override_settings`, where an unknown one would be dropped in silence.
    """
    if tasktype not in GENERATING:
        return {**content, "show_extras_results": True}
    body = {**content, "send_images": True, "save_images": False}
    overrides = body.get("override_settings")
    if isinstance(overrides, dict):
        body["override_settings"] = {k: v for k, v in overrides.items() if k != "sd_model_checkpoint"}
        body["override_settings_restore_afterwards"] = True
    return body


async def order_of(
    tasktype: str, body: Mapping[str, Any], *, wanted: Wanted | None, sampler: str | None
) -> Order:
    """Make the order for a body in which all is settled; it is encoded in a thread."""
    overrides = body.get("override_settings")
    return Order(
        path=PATHS[tasktype],
        body=await asyncio.to_thread(encode, body),
        wanted=wanted,
        sampler=sampler,
        overrides=frozenset(overrides) if isinstance(overrides, dict) else frozenset(),
        switches=any(body.get(name) for name in _SWITCHING),
        pictures=ordered_by(body),
    )
