"""What a deployment serves: its runtimes, their types and models (`config.yaml`, DESIGN 4.1)."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

TEXT_TO_IMAGE = "text-to-image"
IMAGE_TO_IMAGE = "image-to-image"
EXTRA_SINGLE_IMAGE = "extra-single-image"
EXTRA_BATCH_IMAGES = "extra-batch-images"
PIPELINE = "pipeline"

SDWEBUI = "sdwebui"
COMFYUI = "comfyui"

#: Task types of the two built-in runtime types. A custom type brings its own with each runtime.
TASK_TYPES: Mapping[str, tuple[str, ...]] = {
    SDWEBUI: (TEXT_TO_IMAGE, IMAGE_TO_IMAGE, EXTRA_SINGLE_IMAGE, EXTRA_BATCH_IMAGES),
    COMFYUI: (PIPELINE,),
}

_HASH = re.compile(r" \[[0-9A-Fa-f]{8,64}\]$")


class RuntimeSpec(BaseModel):
    """One runtime of a deployment, with the guide's key names in JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: str
    type: str
    model_filename: Annotated[str | None, Field(alias="modelFilename")] = None
    dynamic_model: Annotated[bool, Field(alias="dynamicModel")] = False
    task_types: Annotated[tuple[str, ...] | None, Field(alias="taskTypes")] = None

    @property
    def serves(self) -> tuple[str, ...]:
        """The task types that the runtime takes."""
        return self.task_types if self.task_types is not None else TASK_TYPES.get(self.type, ())


class Deployment(BaseModel):
    """The runtimes that a request may name."""

    model_config = ConfigDict(frozen=True)

    runtimes: tuple[RuntimeSpec, ...]

    def runtime(self, name: str) -> RuntimeSpec | None:
        """Return the runtime of that name."""
        return next((r for r in self.runtimes if r.name == name), None)

    def runtime_for_model(self, model: str) -> RuntimeSpec | None:
        """Return the SD Web UI runtime that serves a checkpoint: the one made for it, else a dynamic one.

        Of two that were made for it, the one goes first that serves nothing else.
        """
        webuis = [r for r in self.runtimes if r.type == SDWEBUI]
        made_for = [r for r in webuis if same_model(r.model_filename, model)]
        static = [r for r in made_for if not r.dynamic_model]
        dynamic = [r for r in webuis if r.dynamic_model]
        return next(iter(static + made_for + dynamic), None)


def same_model(one: str | None, other: str | None) -> bool:
    """Whether two names mean one checkpoint file.

    Users leave the extension out, and name the folder or not; two different folders are two models. SD Web
    UI's own titles, `a.safetensors [6ce0161689]`, end in a hash.
    """
    if one is None or other is None:
        return False
    (folder, stem), (other_folder, other_stem) = _parts(one), _parts(other)
    return stem == other_stem and (not folder or not other_folder or folder == other_folder)


def _parts(name: str) -> tuple[str, str]:
    folder, _, base = _HASH.sub("", name).replace("\\", "/").rpartition("/")
    for extension in (".safetensors", ".ckpt"):
        base = base.removesuffix(extension)
    return folder, base
