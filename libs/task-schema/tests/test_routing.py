import copy
from typing import Any

import pytest

from task_schema import Deployment, RuntimeSpec, same_model, split_routing


def test_no_routing_key_is_left_for_the_runtime() -> None:
    scripts = {
        "task": "image-to-image",
        "id_task": "a",
        "uid": "u",
        "save_dir": "out",
        "image_link": "https://x.example/a.png",
        "sd_model_checkpoint": "a.safetensors",
        "sd_vae": "vae.pt",
        "override_settings": {"CLIP_stop_at_last_layers": 2},
        "ControlNet": {"args": []},
    }
    body, routing = split_routing({"prompt": "A dog", "alwayson_scripts": scripts})
    assert routing.model == "a.safetensors"
    assert body == {
        "prompt": "A dog",
        "alwayson_scripts": {"ControlNet": {"args": []}},
        "init_images": ["https://x.example/a.png"],
        "override_settings": {"CLIP_stop_at_last_layers": 2, "sd_vae": "vae.pt"},
    }


def test_a_script_of_the_users_own_with_a_routing_keys_name_stays() -> None:
    body, _ = split_routing({"alwayson_scripts": {"task": {"args": [1]}}})
    assert body == {"alwayson_scripts": {"task": {"args": [1]}}}


def test_a_script_of_the_users_own_named_task_says_nothing_about_links() -> None:
    scripts = {"task": {"args": [1]}, "image_link": "https://x.example/a.png"}
    body, _ = split_routing({"alwayson_scripts": scripts})
    assert body == {
        "alwayson_scripts": {"task": {"args": [1]}},
        "init_images": ["https://x.example/a.png"],
    }


def test_a_link_goes_before_the_pictures_that_are_there() -> None:
    body, _ = split_routing({"alwayson_scripts": {"image_link": "l"}, "init_images": ["a"]})
    assert body["init_images"] == ["l", "a"]


@pytest.mark.parametrize("link", ["", None])
def test_an_empty_link_is_none(link: Any) -> None:
    body, _ = split_routing({"alwayson_scripts": {"image_link": link}, "init_images": ["a"]})
    assert body == {"alwayson_scripts": {}, "init_images": ["a"]}


def test_a_task_that_takes_no_picture_gets_none() -> None:
    scripts = {"task": "text-to-image", "image_link": "https://x.example/a.png"}
    assert split_routing({"alwayson_scripts": scripts})[0] == {"alwayson_scripts": {}}


@pytest.mark.parametrize(
    ("content", "model"),
    [
        ({}, None),
        ({"alwayson_scripts": {"sd_model_checkpoint": "a"}}, "a"),
        ({"override_settings": {"sd_model_checkpoint": "b"}}, "b"),
        (
            {
                "alwayson_scripts": {"sd_model_checkpoint": "a"},
                "override_settings": {"sd_model_checkpoint": "b"},
            },
            "a",
        ),
        ({"alwayson_scripts": {"override_settings": {"sd_model_checkpoint": "c"}}}, "c"),
        ({"alwayson_scripts": {"sd_model_checkpoint": ""}}, None),
        ({"alwayson_scripts": None, "override_settings": None}, None),
    ],
)
def test_the_model_asked_for_is_found_and_taken_out(content: dict[str, Any], model: str | None) -> None:
    before = copy.deepcopy(content)
    body, routing = split_routing(content)
    assert routing.model == model
    assert "sd_model_checkpoint" not in repr(body)
    assert content == before


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a.safetensors", "a", True),
        ("a.ckpt", "a.safetensors", True),
        ("x/a.ckpt", "a", True),
        ("x/a", "x\\a", True),
        ("x/a", "y/a", False),
        ("a", "b", False),
        ("a", "A", False),
        ("a.safetensors [6ce0161689]", "a.safetensors", True),
        ("x/a.ckpt [6ce0161689]", "a [6CE0161689]", True),
        ("a [draft]", "a", False),
        ("a [6ce0161689", "a", False),
        (None, "a", False),
        (None, None, False),
    ],
)
def test_two_names_may_mean_one_checkpoint(one: str | None, other: str | None, same: bool) -> None:
    assert same_model(one, other) is same
    assert same_model(other, one) is same


def test_a_dynamic_runtime_takes_what_nobody_was_made_for() -> None:
    dynamic = RuntimeSpec(name="d", type="sdwebui", dynamic_model=True, model_filename="a.safetensors")
    static = RuntimeSpec(name="s", type="sdwebui", model_filename="a.safetensors")
    comfy = RuntimeSpec(name="c", type="comfyui", model_filename="z.safetensors")
    deployment = Deployment(runtimes=(dynamic, comfy, static))
    assert deployment.runtime_for_model("a") == static
    assert deployment.runtime_for_model("z") == dynamic
    assert Deployment(runtimes=(comfy, static)).runtime_for_model("z") is None


def test_among_dynamic_runtimes_the_one_that_has_the_model_comes_first() -> None:
    a = RuntimeSpec(name="a", type="sdwebui", dynamic_model=True, model_filename="a.safetensors")
    b = RuntimeSpec(name="b", type="sdwebui", dynamic_model=True, model_filename="b.safetensors")
    deployment = Deployment(runtimes=(a, b))
    assert deployment.runtime_for_model("b") == b
    assert deployment.runtime_for_model("z") == a


def test_a_runtime_is_read_with_the_guides_key_names() -> None:
    spec = RuntimeSpec.model_validate(
        {"name": "a", "type": "sdwebui", "modelFilename": "m.ckpt", "dynamicModel": True, "taskTypes": ["t"]}
    )
    assert (spec.model_filename, spec.dynamic_model, spec.serves) == ("m.ckpt", True, ("t",))
    assert RuntimeSpec(name="a", type="unheard-of").serves == ()
