"""Uploads: what may be asked for, and how tasks name them."""

import json
from typing import Any
from uuid import uuid4

import pytest

from task_schema import (
    Deployment,
    Fault,
    RequestCode,
    RequestRefusedError,
    RuntimeSpec,
    names_upload,
    parse_upload,
    parse_v1alpha1,
    parse_v1alpha2,
    upload_key,
    upload_reference,
)

ID = "0b8f9a4e-6c1d-4a57-9d2e-3f0a5b7c1d2e"
GOOD = f"upload://{ID}"
MALFORMED = [
    "upload://",
    "upload://cat.png",
    f"UPLOAD://{ID}",
    f"{GOOD}/x",
    f"{GOOD} ",
    GOOD.upper(),
    f"{GOOD}\n",
]
DEPLOYMENT = Deployment(
    runtimes=(
        RuntimeSpec(name="sd", type="sdwebui", model_filename="m.safetensors"),
        RuntimeSpec(name="comfy", type="comfyui"),
        RuntimeSpec(name="own", type="ours", task_types=("x",)),
    )
)


def faults(content: Any, *, runtime: str = "sd", tasktype: str = "image-to-image") -> list[Fault]:
    metadata = {"id": "t", "runtime": runtime, "tasktype": tasktype, "prefix": "p"}
    try:
        parse_v1alpha2(json.dumps({"task": {"metadata": metadata, "content": content}}), DEPLOYMENT)
    except RequestRefusedError as refused:
        return list(refused.faults)
    return []


@pytest.mark.parametrize(
    ("body", "size", "content_type"),
    [({"size": 1}, 1, None), ({"size": 100, "content_type": "image/svg+xml"}, 100, "image/svg+xml")],
)
def test_a_size_and_perhaps_a_type_are_asked_for(body: Any, size: int, content_type: str | None) -> None:
    asked = parse_upload(json.dumps(body), max_bytes=100)
    assert (asked.size, asked.content_type) == (size, content_type)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, RequestCode.MISSING_FIELD, "size"),
        ({"size": 0}, RequestCode.BAD_VALUE, "size"),
        ({"size": "9"}, RequestCode.BAD_VALUE, "size"),
        ({"size": True}, RequestCode.BAD_VALUE, "size"),
        ({"size": 1.5}, RequestCode.BAD_VALUE, "size"),
        ({"size": 101}, RequestCode.TOO_LARGE, "size"),
        ({"size": 1, "name": "cat"}, RequestCode.UNKNOWN_FIELD, "name"),
        ({"size": 1, "content_type": "image/png\r\nx: y"}, RequestCode.BAD_VALUE, "content_type"),
        ({"size": 1, "content_type": "png"}, RequestCode.BAD_VALUE, "content_type"),
        ({"size": 1, "content_type": "image/" + "x" * 64}, RequestCode.BAD_VALUE, "content_type"),
        ([], RequestCode.BAD_VALUE, None),
    ],
)
def test_another_upload_is_refused_and_its_fault_named(
    body: Any, code: RequestCode, field: str | None
) -> None:
    with pytest.raises(RequestRefusedError) as refused:
        parse_upload(json.dumps(body), max_bytes=100)
    assert [(fault.code, fault.field) for fault in refused.value.faults] == [(code, field)]


def test_a_reference_stands_for_one_key() -> None:
    made = str(uuid4())
    assert upload_key(upload_reference(made)) == f"uploads/{made}"


@pytest.mark.parametrize("text", MALFORMED)
def test_what_only_looks_like_a_reference_has_no_key(text: str) -> None:
    assert names_upload(text)
    assert upload_key(text) is None


@pytest.mark.parametrize("text", MALFORMED)
@pytest.mark.parametrize(
    ("content", "field"),
    [
        (lambda text: {"init_images": [GOOD, text]}, "task.content.init_images[1]"),
        (lambda text: {"init_images": [GOOD], "mask": text}, "task.content.mask"),
        (
            lambda text: {
                "init_images": [GOOD],
                "alwayson_scripts": {"controlnet": {"args": [{"image": text}]}},
            },
            "task.content.alwayson_scripts.controlnet.args[0].image",
        ),
    ],
)
def test_a_malformed_reference_is_refused_wherever_a_link_may_stand(
    content: Any, field: str, text: str
) -> None:
    [fault] = faults(content(text))
    assert (fault.code, fault.field) == (RequestCode.BAD_VALUE, field)
    assert "upload://<id>" in fault.message


def test_in_texts_it_is_a_word() -> None:
    content = {
        "init_images": [GOOD],
        "prompt": "upload://cat",
        "styles": ["upload://x"],
        "hr_prompt": "upload://",
    }
    assert faults(content) == []


@pytest.mark.parametrize(
    ("kind", "name", "refused"),
    [("LoadImage", "image", True), ("VHS_LoadVideo", "video", True), ("CLIPTextEncode", "text", False)],
)
def test_of_a_workflow_only_the_file_inputs_of_loaders_are_references(
    kind: str, name: str, refused: bool
) -> None:
    def graph(value: str) -> dict[str, Any]:
        return {
            "1": {"class_type": kind, "inputs": {name: value, "n": 1}},
            "2": {"class_type": "X", "inputs": {}},
        }

    assert faults(graph(GOOD), runtime="comfy", tasktype="pipeline") == []
    found = faults(graph("upload://cat"), runtime="comfy", tasktype="pipeline")
    assert [fault.field for fault in found] == ([f"task.content.1.inputs.{name}"] if refused else [])


def test_a_workflow_with_broken_nodes_is_told_of_both() -> None:
    graph = {
        "1": 5,
        "2": {"class_type": "LoadImage", "inputs": {"image": "upload://cat"}},
        "3": {"class_type": []},
    }
    codes = {fault.code for fault in faults(graph, runtime="comfy", tasktype="pipeline")}
    assert codes == {RequestCode.BAD_GRAPH, RequestCode.BAD_VALUE}


def test_a_custom_types_content_is_not_looked_into() -> None:
    assert faults({"image": "upload://cat"}, runtime="own", tasktype="x") == []


def test_v1alpha1s_own_link_may_be_one() -> None:
    def parse(link: str) -> None:
        scripts = {
            "task": "image-to-image",
            "sd_model_checkpoint": "m.safetensors",
            "id_task": "t",
            "image_link": link,
        }
        parse_v1alpha1(json.dumps({"alwayson_scripts": scripts}), DEPLOYMENT)

    parse(GOOD)
    with pytest.raises(RequestRefusedError) as refused:
        parse("upload://cat")
    assert [fault.field for fault in refused.value.faults] == ["alwayson_scripts.image_link"]
