from collections.abc import Callable
from typing import Any

import pytest

from task_schema import ParsedRequest

type Body = Callable[..., Any]
type Found = Callable[[Any], list[tuple[str, str | None]]]
type Parse = Callable[[Any], ParsedRequest]


def test_the_routing_keys_become_metadata(request_v1: Body, parse1: Parse) -> None:
    body = request_v1(id_task="test", save_dir="/a/b/", uid="u-1")
    parsed = parse1(body)
    assert parsed.api_version == "v1alpha1"
    assert parsed.metadata.model_dump() == {
        "id": "test",
        "runtime": "sdruntime",
        "tasktype": "text-to-image",
        "prefix": "a/b",
        "context": {},
        "callback_url": None,
        "expires_in": None,
    }
    assert parsed.content == body


@pytest.mark.parametrize("save_dir", [..., None])
def test_outputs_go_to_output_where_no_folder_is_named(
    request_v1: Body, parse1: Parse, save_dir: Any
) -> None:
    assert parse1(request_v1(save_dir=save_dir)).metadata.prefix == "output"


def test_the_runtime_made_for_a_checkpoint_comes_before_a_dynamic_one(
    request_v1: Body, parse1: Parse
) -> None:
    assert parse1(request_v1(sd_model_checkpoint="v1-5-pruned-emaonly")).metadata.runtime == "sdruntime"
    assert parse1(request_v1(sd_model_checkpoint="sdxl.safetensors")).metadata.runtime == "sddynamic"


@pytest.mark.parametrize(
    ("scripts", "fault"),
    [
        ({"task": ...}, ("missing_field", "alwayson_scripts.task")),
        ({"task": 5}, ("bad_value", "alwayson_scripts.task")),
        ({"task": ""}, ("bad_value", "alwayson_scripts.task")),
        ({"task": "extra-single-image"}, ("unsupported_tasktype", "alwayson_scripts.task")),
        ({"task": "pipeline"}, ("unsupported_tasktype", "alwayson_scripts.task")),
        ({"sd_model_checkpoint": ...}, ("missing_field", "alwayson_scripts.sd_model_checkpoint")),
        ({"sd_model_checkpoint": ""}, ("bad_value", "alwayson_scripts.sd_model_checkpoint")),
        ({"sd_model_checkpoint": None}, ("bad_value", "alwayson_scripts.sd_model_checkpoint")),
        ({"id_task": ...}, ("missing_field", "alwayson_scripts.id_task")),
        ({"id_task": "a/b"}, ("bad_value", "alwayson_scripts.id_task")),
        ({"save_dir": ""}, ("bad_value", "alwayson_scripts.save_dir")),
        ({"save_dir": "a/../b"}, ("bad_value", "alwayson_scripts.save_dir")),
        ({"sd_vae": 5}, ("bad_value", "alwayson_scripts.sd_vae")),
        ({"override_settings": []}, ("bad_value", "alwayson_scripts.override_settings")),
        ({"image_link": 5}, ("bad_value", "alwayson_scripts.image_link")),
    ],
)
def test_a_bad_routing_key_is_named(
    request_v1: Body, faults1: Found, scripts: dict[str, Any], fault: tuple[str, str]
) -> None:
    assert faults1(request_v1(**scripts))[0] == fault


def test_an_empty_link_is_no_picture(request_v1: Body, faults1: Found) -> None:
    sent = {"task": "image-to-image", "image_link": ""}
    assert faults1(request_v1(**sent)) == [("missing_field", "alwayson_scripts.image_link")]
    assert faults1(request_v1({"init_images": ["abc"]}, **sent)) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, ("missing_field", "alwayson_scripts")),
        ({"alwayson_scripts": []}, ("bad_value", "alwayson_scripts")),
        ({"alwayson_scripts": None}, ("bad_value", "alwayson_scripts")),
        ([], ("bad_value", None)),
        (5, ("bad_value", None)),
    ],
)
def test_a_body_without_routing_keys_is_refused(
    faults1: Found, body: Any, fault: tuple[str, str | None]
) -> None:
    assert faults1(body) == [fault]


def test_a_checkpoint_that_nobody_serves_is_refused(request_v1: Body, deployment_faults: Found) -> None:
    body = request_v1(sd_model_checkpoint="other.safetensors")
    assert deployment_faults(body) == [("model_not_served", "alwayson_scripts.sd_model_checkpoint")]


@pytest.fixture
def deployment_faults() -> Found:
    """Faults on a deployment that has static runtimes only."""
    import json

    from task_schema import Deployment, RequestRefusedError, RuntimeSpec, parse_v1alpha1

    static = Deployment(runtimes=(RuntimeSpec(name="a", type="sdwebui", model_filename="a.safetensors"),))

    def found(body: Any) -> list[tuple[str, str | None]]:
        with pytest.raises(RequestRefusedError) as refused:
            parse_v1alpha1(json.dumps(body), static)
        return [(fault.code.value, fault.field) for fault in refused.value.faults]

    return found


def test_image_to_image_needs_a_picture_by_v1alpha1s_name(request_v1: Body, faults1: Found) -> None:
    assert faults1(request_v1(task="image-to-image")) == [("missing_field", "alwayson_scripts.image_link")]


@pytest.mark.parametrize("picture", [{"image_link": "https://x.example/a.png"}, {}])
def test_a_link_or_init_images_is_the_picture(request_v1: Body, faults1: Found, picture: Any) -> None:
    body = {} if picture else {"init_images": ["aGk="]}
    assert faults1(request_v1(body, task="image-to-image", **picture)) == []


def test_init_images_of_another_type_are_named_even_beside_a_link(request_v1: Body, faults1: Found) -> None:
    body = request_v1({"init_images": "x"}, task="image-to-image", image_link="https://x.example/a.png")
    assert faults1(body) == [("bad_value", "init_images")]


def test_all_faults_are_told_at_once(request_v1: Body, faults1: Found) -> None:
    body = request_v1({"width": 0}, id_task="-", save_dir="..", sd_model_checkpoint=...)
    assert set(faults1(body)) == {
        ("bad_value", "alwayson_scripts.id_task"),
        ("bad_value", "alwayson_scripts.save_dir"),
        ("missing_field", "alwayson_scripts.sd_model_checkpoint"),
        ("bad_value", "width"),
    }
