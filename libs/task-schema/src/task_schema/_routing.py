"""The routing keys that users put into `alwayson_scripts` (DESIGN 4.1, both API versions).

SD Web UI answers 422 to a script that it does not know, so none of these keys may reach it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from task_schema._deployment import IMAGE_TO_IMAGE

_SCRIPTS = "alwayson_scripts"
_DROPPED = ("task", "id_task", "uid", "save_dir")


@dataclass(frozen=True, slots=True)
class Routing:
    """What the routing keys ask for: `model` is the checkpoint to run with, None for the one loaded."""

    model: str | None = None


def split_routing(content: Mapping[str, Any]) -> tuple[dict[str, Any], Routing]:
    """Part the content of a task from its routing keys.

    Args:
        content: the body of an SD Web UI request, perhaps with routing keys in `alwayson_scripts`.

    Returns:
        The body as the runtime may see it, in a new dict (values are shared, not copied), and what the
        keys asked for. `image_link` became the first of `init_images` (unless it is empty, or `task` names
        another type than image-to-image), `sd_vae` and `override_settings` were moved into the body's
        `override_settings`, and the checkpoint was taken out of it.
    """
    body = dict(content)
    model = None
    scripts = body.get(_SCRIPTS)
    if isinstance(scripts, dict):
        scripts = dict(scripts)
        body[_SCRIPTS] = scripts
        takes_link = scripts.get("task") == IMAGE_TO_IMAGE or not isinstance(scripts.get("task"), str)
        for key in _DROPPED:
            # A script of that name would be an object with "args": that one is the user's.
            if not isinstance(scripts.get(key), dict):
                scripts.pop(key, None)
        link = scripts.pop("image_link", None)
        if link not in (None, "") and takes_link:
            given = body.get("init_images")
            body["init_images"] = [link, *(given if isinstance(given, list) else [])]
        model = scripts.pop("sd_model_checkpoint", None)
        moved = scripts.pop("override_settings", None)
        moved = dict(moved) if isinstance(moved, dict) else {}
        vae = scripts.pop("sd_vae", None)
        if vae is not None:
            moved["sd_vae"] = vae
        if moved:
            own = body.get("override_settings")
            body["override_settings"] = {**(own if isinstance(own, dict) else {}), **moved}
    settings = body.get("override_settings")
    if isinstance(settings, dict) and "sd_model_checkpoint" in settings:
        settings = dict(settings)
        model = model or settings.pop("sd_model_checkpoint")
        settings.pop("sd_model_checkpoint", None)
        body["override_settings"] = settings
    return body, Routing(model=model if isinstance(model, str) and model else None)
