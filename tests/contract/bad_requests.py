"""Requests that must be refused, as data: sent to the handler in a process, and through the whole API.

They suit a deployment with the runtimes of the local system: `RUNTIMES`. All go with a valid API key, which
is not among `headers`.
"""

import json
from typing import Any, NamedTuple

RUNTIMES: list[dict[str, Any]] = [
    {"name": "sdruntime", "type": "sdwebui", "modelFilename": "v1-5-pruned-emaonly.safetensors"},
    {"name": "sddynamic", "type": "sdwebui", "dynamicModel": True},
    {"name": "comfyruntime", "type": "comfyui"},
]

JSON = {"Content-Type": "application/json"}
V1 = "/v1alpha1"
V2 = "/v1alpha2"
UPLOADS = "/v1alpha2/uploads"
META = "task.metadata"
CONTENT = "task.content"
# One byte more than fits: the limit counts the body escaped, with its quotes (DESIGN 4.1).
TOO_LARGE = "x" * (5 * 1024 * 1024 + 512 * 1024 - 1)


class BadRequest(NamedTuple):
    """One request and the fault that its answer must have; `field` is None where no field is to blame."""

    name: str
    path: str
    method: str
    headers: dict[str, str]
    body: str | bytes
    status: int
    code: str
    field: str | None


def _v2(content: Any = None, **metadata: Any) -> str:
    given = {"id": "bad", "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "output", **metadata}
    kept = {key: value for key, value in given.items() if value is not ...}
    return json.dumps(
        {"task": {"metadata": kept, "content": {"prompt": "A dog"} if content is None else content}}
    )


def _v1(body: Any = None, **scripts: Any) -> str:
    given = {
        "task": "text-to-image",
        "sd_model_checkpoint": "v1-5-pruned-emaonly.safetensors",
        "id_task": "bad",
        "save_dir": "outputs",
        **scripts,
    }
    kept = {key: value for key, value in given.items() if value is not ...}
    return json.dumps({"alwayson_scripts": kept, "prompt": "A dog", **(body or {})})


def _graph(nodes: dict[str, Any]) -> str:
    return _v2(nodes, runtime="comfyruntime", tasktype="pipeline")


def _node(**inputs: Any) -> dict[str, Any]:
    return {"class_type": "Node", "inputs": inputs}


def _bad2(name: str, body: str | bytes, code: str, field: str | None) -> BadRequest:
    return BadRequest(f"v1alpha2: {name}", V2, "POST", JSON, body, 400, code, field)


def _bad1(name: str, body: str | bytes, code: str, field: str | None) -> BadRequest:
    return BadRequest(f"v1alpha1: {name}", V1, "POST", JSON, body, 400, code, field)


_HTTP = [
    BadRequest("GET on v1alpha2", V2, "GET", {}, "", 405, "method_not_allowed", None),
    BadRequest("PUT on v1alpha1", V1, "PUT", JSON, _v1(), 405, "method_not_allowed", None),
    BadRequest("DELETE on v1alpha2", V2, "DELETE", {}, "", 405, "method_not_allowed", None),
    BadRequest("a version that is not there", "/v1alpha3", "POST", JSON, _v2(), 404, "not_found", None),
    BadRequest(
        "plain text",
        V2,
        "POST",
        {"Content-Type": "text/plain"},
        _v2(),
        415,
        "unsupported_media_type",
        "Content-Type",
    ),
    BadRequest(
        "a form",
        V1,
        "POST",
        {"Content-Type": "application/x-www-form-urlencoded"},
        "prompt=dog",
        415,
        "unsupported_media_type",
        "Content-Type",
    ),
    BadRequest(
        "another character set",
        V2,
        "POST",
        {"Content-Type": "application/json; charset=latin-1"},
        _v2(),
        415,
        "unsupported_media_type",
        "Content-Type",
    ),
    BadRequest("too large", V2, "POST", JSON, TOO_LARGE, 413, "too_large", None),
    BadRequest(
        "an idempotency key that is too long",
        V2,
        "POST",
        {**JSON, "Idempotency-Key": "k" * 256},
        _v2(),
        400,
        "bad_value",
        "Idempotency-Key",
    ),
]

_NO_JSON = [
    _bad2("no JSON", "prompt=dog", "bad_json", None),
    _bad2("cut off", _v2()[:-5], "bad_json", None),
    _bad2("NaN", _v2({"cfg_scale": float("nan")}), "bad_json", None),
    _bad2("a number that is too large", _v2({"cfg_scale": 5}).replace("5", "1e999"), "bad_json", None),
    _bad2("a lone surrogate", _v2({"prompt": "\ud800"}), "bad_json", None),
    _bad2("a key twice", _v2().replace('"prompt"', '"prompt": 1, "prompt"'), "bad_json", None),
    _bad2("a hundred thousand levels", "[" * 100_000, "bad_json", None),
    _bad1("no JSON", "{'prompt': 'dog'}", "bad_json", None),
    _bad1("not an object", "[]", "bad_value", None),
]

_METADATA = [
    _bad2("an empty object", "{}", "missing_field", "task"),
    _bad2("no metadata", '{"task": {"content": {}}}', "missing_field", "task.metadata"),
    _bad2(
        "no content",
        json.dumps({"task": {"metadata": json.loads(_v2())["task"]["metadata"]}}),
        "missing_field",
        "task.content",
    ),
    _bad2("content that is no object", _v2([1]), "bad_value", "task.content"),
    _bad2("no id", _v2(id=...), "missing_field", f"{META}.id"),
    _bad2("an id with a slash", _v2(id="a/b"), "bad_value", f"{META}.id"),
    _bad2("an id that is too long", _v2(id="x" * 129), "bad_value", f"{META}.id"),
    _bad2("an id that is a number", _v2(id=7), "bad_value", f"{META}.id"),
    _bad2("no runtime", _v2(runtime=...), "missing_field", f"{META}.runtime"),
    _bad2("an unknown runtime", _v2(runtime="nobody"), "unknown_runtime", f"{META}.runtime"),
    _bad2("no task type", _v2(tasktype=...), "missing_field", f"{META}.tasktype"),
    _bad2(
        "a task type of another runtime",
        _v2(tasktype="pipeline"),
        "unsupported_tasktype",
        f"{META}.tasktype",
    ),
    _bad2(
        "an invented task type",
        _v2(tasktype="text-to-song"),
        "unsupported_tasktype",
        f"{META}.tasktype",
    ),
    _bad2("no prefix", _v2(prefix=...), "missing_field", f"{META}.prefix"),
    _bad2("an empty prefix", _v2(prefix="/"), "bad_value", f"{META}.prefix"),
    _bad2("a prefix that climbs", _v2(prefix="a/../b"), "bad_value", f"{META}.prefix"),
    _bad2("a prefix with a control character", _v2(prefix="a\u0007"), "bad_value", f"{META}.prefix"),
    _bad2("a prefix that is too long", _v2(prefix="é" * 257), "bad_value", f"{META}.prefix"),
    _bad2("a context that is too large", _v2(context="x" * 16_400), "bad_value", f"{META}.context"),
    _bad2("a callback by ftp", _v2(callback_url="ftp://x.example/"), "bad_value", f"{META}.callback_url"),
    _bad2(
        "a callback in the clear",
        _v2(callback_url="http://x.example/"),
        "bad_value",
        f"{META}.callback_url",
    ),
    _bad2(
        "a callback with a password",
        _v2(callback_url="https://a:b@x.example/"),
        "bad_value",
        f"{META}.callback_url",
    ),
    _bad2("a deadline in the past", _v2(expires_in=-1), "bad_value", f"{META}.expires_in"),
    _bad2("an unknown key", _v2(priority=1), "unknown_field", f"{META}.priority"),
]

_CONTENT = [
    _bad2("no width", _v2({"width": 0}), "bad_value", f"{CONTENT}.width"),
    _bad2("steps in words", _v2({"steps": "many"}), "bad_value", f"{CONTENT}.steps"),
    _bad2("half a picture", _v2({"batch_size": 0.5}), "bad_value", f"{CONTENT}.batch_size"),
    _bad2("a prompt that is a list", _v2({"prompt": ["A dog"]}), "bad_value", f"{CONTENT}.prompt"),
    _bad2(
        "image-to-image without a picture",
        _v2({}, tasktype="image-to-image"),
        "missing_field",
        f"{CONTENT}.init_images",
    ),
    _bad2(
        "image-to-image with an empty list",
        _v2({"init_images": []}, tasktype="image-to-image"),
        "bad_value",
        f"{CONTENT}.init_images",
    ),
    _bad2(
        "upscaling without a picture",
        _v2({}, tasktype="extra-single-image"),
        "missing_field",
        f"{CONTENT}.image",
    ),
    _bad2(
        "upscaling a batch without pictures",
        _v2({}, tasktype="extra-batch-images"),
        "missing_field",
        f"{CONTENT}.imageList",
    ),
    _bad2(
        "a model that a static runtime does not have",
        _v2({"alwayson_scripts": {"sd_model_checkpoint": "other.safetensors"}}),
        "model_not_served",
        f"{CONTENT}.alwayson_scripts.sd_model_checkpoint",
    ),
]

_GRAPHS = [
    _bad2("an empty workflow", _graph({}), "bad_graph", "task.content"),
    _bad2("the editor's format", _graph({"nodes": [{"id": 1}], "links": []}), "bad_graph", "task.content"),
    _bad2("a node without a class", _graph({"1": {"inputs": {}}}), "bad_graph", f"{CONTENT}.1.class_type"),
    _bad2("a node without inputs", _graph({"1": {"class_type": "Node"}}), "bad_graph", f"{CONTENT}.1.inputs"),
    _bad2("a node that is a text", _graph({"1": "Node"}), "bad_graph", f"{CONTENT}.1"),
    _bad2(
        "a link to nowhere", _graph({"1": _node(image=["9", 0])}), "bad_graph", f"{CONTENT}.1.inputs.image"
    ),
    _bad2("a cycle", _graph({"1": _node(a=["2", 0]), "2": _node(a=["1", 0])}), "bad_graph", f"{CONTENT}.1"),
]

_V1 = [
    _bad1("no routing keys", '{"prompt": "A dog"}', "missing_field", "alwayson_scripts"),
    _bad1("no task type", _v1(task=...), "missing_field", "alwayson_scripts.task"),
    _bad1("upscaling", _v1(task="extra-single-image"), "unsupported_tasktype", "alwayson_scripts.task"),
    _bad1("no model", _v1(sd_model_checkpoint=...), "missing_field", "alwayson_scripts.sd_model_checkpoint"),
    _bad1("no id", _v1(id_task=...), "missing_field", "alwayson_scripts.id_task"),
    _bad1("an id with a space", _v1(id_task="a b"), "bad_value", "alwayson_scripts.id_task"),
    _bad1("a folder that climbs", _v1(save_dir="../x"), "bad_value", "alwayson_scripts.save_dir"),
    _bad1("no picture", _v1(task="image-to-image"), "missing_field", "alwayson_scripts.image_link"),
    _bad1("a height below zero", _v1({"height": -512}), "bad_value", "height"),
]

_UPLOADS = [
    BadRequest("GET on uploads", UPLOADS, "GET", {}, "", 405, "method_not_allowed", None),
    BadRequest("an upload without a size", UPLOADS, "POST", JSON, "{}", 400, "missing_field", "size"),
    BadRequest("an upload of nothing", UPLOADS, "POST", JSON, '{"size": 0}', 400, "bad_value", "size"),
    BadRequest(
        "an upload above any input", UPLOADS, "POST", JSON, '{"size": 33554433}', 413, "too_large", "size"
    ),
    BadRequest(
        "an upload that is its file",
        UPLOADS,
        "POST",
        {"Content-Type": "image/png"},
        "PNG",
        415,
        "unsupported_media_type",
        "Content-Type",
    ),
    _bad2(
        "what is no upload",
        _v2({"init_images": ["upload://cat.png"]}, tasktype="image-to-image"),
        "bad_value",
        f"{CONTENT}.init_images[0]",
    ),
]

BAD_REQUESTS: list[BadRequest] = [*_HTTP, *_NO_JSON, *_METADATA, *_CONTENT, *_GRAPHS, *_V1, *_UPLOADS]
