"""The schemas of the API's description, from the models that read requests and write answers."""

import copy
from collections.abc import Collection, Mapping
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from task_schema._answers import Accepted, AcceptedV1Alpha1, TaskView
from task_schema._content import CONTENT_MODELS
from task_schema._faults import Refusal
from task_schema._notifications import Notification
from task_schema._uploads import Upload, UploadRequest
from task_schema._v1alpha1 import V1Alpha1Request
from task_schema._v1alpha2 import TaskRequest

_READ: tuple[type[BaseModel], ...] = (
    TaskRequest,
    V1Alpha1Request,
    UploadRequest,
    Notification,
    *CONTENT_MODELS.values(),
)
_WRITTEN: tuple[type[BaseModel], ...] = (Accepted, AcceptedV1Alpha1, Upload, TaskView, Refusal)

# Left out of an answer where there is nothing to say; all else is null then.
_OPTIONAL = ("images_total", "output", "queue")
# Needs a link or a look at a queue for each task.
_NOT_LISTED = ("output", "queue")

_NODE = {
    "type": "object",
    "description": "A node of a workflow. An input is a value, or a link `[node id, number of the output]`.",
    "required": ["class_type", "inputs"],
    "properties": {"class_type": {"type": "string", "minLength": 1}, "inputs": {"type": "object"}},
}
_WORKFLOW = {
    "type": "object",
    "description": "A ComfyUI workflow in API format: node id -> node. Links must lead to nodes that exist,"
    " and not in a circle.",
    "minProperties": 1,
    "additionalProperties": {"$ref": "#/components/schemas/WorkflowNode"},
}
_CONTENT = (
    "What the runtime's own API takes; extensions' fields pass untouched. The task type says which: SD Web"
    " UI's bodies, or for `pipeline` a workflow. A runtime of a custom type has its own."
)
_V1ALPHA1 = (
    "Routing keys are in `alwayson_scripts`; all other fields are those of SD Web UI's request, as in"
    " TextToImageContent or ImageToImageContent, with `init_images` or `image_link` for image-to-image."
)


def ref(name: str) -> dict[str, str]:
    """Return a reference to a schema of `schemas`."""
    return {"$ref": f"#/components/schemas/{name}"}


def schemas() -> dict[str, Any]:
    """Return all schemas by name."""
    both: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
        *((model, "validation") for model in _READ),
        *((model, "serialization") for model in _WRITTEN),
    ]
    _, made = models_json_schema(both, ref_template="#/components/schemas/{model}")
    found: dict[str, Any] = made["$defs"]
    found["Task"]["properties"]["content"] = _content()
    found["V1Alpha1Request"]["description"] = f"{found['V1Alpha1Request']['description']} {_V1ALPHA1}"
    _leave_out(found["TaskView"], _OPTIONAL)
    more = {
        "WorkflowNode": _NODE,
        "Workflow": _WORKFLOW,
        "ListedImage": _listed_image(found["ImageLink"]),
        "ListedTask": _listed(found["TaskView"]),
        "TaskList": _task_list(),
    }
    return dict(sorted({**found, **more}.items()))


def _content() -> dict[str, Any]:
    names = [model.__name__ for model in CONTENT_MODELS.values()]
    other = {"type": "object", "title": "Content of a custom type", "additionalProperties": True}
    return {
        "title": "Content",
        "description": _CONTENT,
        "type": "object",
        "anyOf": [*map(ref, names), ref("Workflow"), other],
    }


def _leave_out(view: dict[str, Any], names: Collection[str]) -> None:
    view["required"] = [name for name in view["required"] if name not in names]


def _listed(view: Mapping[str, Any]) -> dict[str, Any]:
    listed: dict[str, Any] = copy.deepcopy(dict(view))
    for name in _NOT_LISTED:
        del listed["properties"][name]
    _leave_out(listed, ("images", *_NOT_LISTED))
    listed["title"] = "ListedTask"
    listed["description"] = (
        "A task of a list: as `GET /v1alpha2/tasks/{id}` shows it, without presigned URLs. `images` is left"
        " out where they are too many for the list."
    )
    listed["properties"]["images"]["items"] = ref("ListedImage")
    return listed


def _listed_image(image: Mapping[str, Any]) -> dict[str, Any]:
    listed: dict[str, Any] = copy.deepcopy(dict(image))
    del listed["properties"]["url"]
    return {**listed, "title": "ListedImage", "description": "One output: where it is.", "required": ["s3"]}


def _task_list() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "Answer 200 to `GET /v1alpha2/tasks`: newest first. A page may be short, even empty:"
        " only a `cursor` of null says that there is no more.",
        "required": ["tasks", "cursor"],
        "properties": {
            "tasks": {"type": "array", "items": ref("ListedTask")},
            "cursor": {"type": ["string", "null"]},
        },
    }
