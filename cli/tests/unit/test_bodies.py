import json
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom_cli import bodies
from darkroom_cli.bodies import Wish
from darkroom_cli.errors import BadRequestOptionError
from task_schema import Deployment, RuntimeSpec, parse_v1alpha2

HERE = Deployment(
    runtimes=(
        RuntimeSpec(name="sdruntime", type="sdwebui", model_filename="m.safetensors"),
        RuntimeSpec(name="comfyruntime", type="comfyui"),
    )
)


def accepted(content: dict[str, Any], tasktype: str, runtime: str = "sdruntime") -> dict[str, Any]:
    """Return the content as the validator reads it; it raises if it refuses."""
    request = bodies.task(task_id="a", runtime=runtime, tasktype=tasktype, content=content)
    parsed = parse_v1alpha2(json.dumps(request.body), HERE)
    return dict(parsed.content)


def test_a_prompt_alone_makes_a_request_that_is_accepted() -> None:
    content = accepted(bodies.text_to_image(Wish(prompt="a dog")), "text-to-image")
    assert (content["prompt"], content["width"], content["height"]) == ("a dog", 512, 512)
    assert "seed" not in content


def test_wishes_become_the_runtimes_own_fields() -> None:
    wish = Wish("a dog", "cats", seed=0, steps=5, width=256, height=128, model="m.safetensors", strength=0.3)
    content = accepted(bodies.image_to_image(wish, "https://example.com/a.png"), "image-to-image")
    assert content["negative_prompt"] == "cats"
    assert content["seed"] == 0
    assert (content["steps"], content["width"], content["height"]) == (5, 256, 128)
    assert content["denoising_strength"] == 0.3
    assert content["init_images"] == ["https://example.com/a.png"]
    assert bodies.text_to_image(wish)["alwayson_scripts"] == {"sd_model_checkpoint": "m.safetensors"}


def test_upscaling_is_fourfold_unless_asked_otherwise() -> None:
    assert accepted(bodies.extra_single_image(Wish(), "YQ=="), "extra-single-image")["upscaling_resize"] == 4
    assert bodies.extra_single_image(Wish(scale=2), "YQ==")["upscaling_resize"] == 2


def test_wishes_find_their_places_in_a_workflow_and_the_rest_stays() -> None:
    before = bodies.default_workflow()
    wish = Wish("a fox", "text", seed=3, steps=4, width=64, height=128, model="other.ckpt", strength=0.5)
    after = accepted(bodies.pipeline(wish, before), "pipeline", "comfyruntime")
    sampler = after["3"]["inputs"]
    assert (sampler["seed"], sampler["steps"], sampler["denoise"]) == (3, 4, 0.5)
    assert (after["6"]["inputs"]["text"], after["7"]["inputs"]["text"]) == ("a fox", "text")
    assert (after["5"]["inputs"]["width"], after["5"]["inputs"]["height"]) == (64, 128)
    assert after["4"]["inputs"]["ckpt_name"] == "other.ckpt"
    assert after["9"] == before["9"]
    assert before == bodies.default_workflow(), "the file's own content is not touched"


def test_a_workflow_without_wishes_stays_as_it_is() -> None:
    assert bodies.pipeline(Wish(), bodies.default_workflow()) == bodies.default_workflow()


def test_a_picture_goes_to_the_first_loader() -> None:
    workflow = {"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}}}
    assert bodies.pipeline(Wish(), workflow, "http://h/b.png")["1"]["inputs"]["image"] == "http://h/b.png"


@pytest.mark.parametrize(
    ("wish", "image", "named"),
    [(Wish(seed=1), None, "--seed"), (Wish("a"), None, "the prompt"), (Wish(), "http://h/a.png", "--image")],
)
def test_a_wish_without_a_place_in_the_workflow_is_refused(wish: Wish, image: str | None, named: str) -> None:
    with pytest.raises(BadRequestOptionError, match=f"no place for {named}"):
        bodies.pipeline(wish, {"1": {"class_type": "Other", "inputs": {}}}, image)


@given(st.text(max_size=200))
def test_ids_are_valid_whatever_the_prompt(about: str) -> None:
    content = bodies.text_to_image(Wish(prompt="a"))
    request = bodies.task(
        task_id=bodies.new_id(about), runtime="sdruntime", tasktype="text-to-image", content=content
    )
    assert parse_v1alpha2(json.dumps(request.body), HERE).metadata.id == request.id


def test_ids_of_the_same_prompt_differ_and_can_be_read() -> None:
    first, second = bodies.new_id("A lighthouse, at dusk!"), bodies.new_id("A lighthouse, at dusk!")
    assert first != second
    assert first.startswith("a-lighthouse-at-dusk-")


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_a_fitting_size_is_one_that_models_can_do(width: int, height: int) -> None:
    fitted = bodies.fitting_size(width, height)
    assert all(8 <= side <= bodies.LONGEST_SIDE and side % 8 == 0 for side in fitted)


def test_a_fitting_size_keeps_the_shape() -> None:
    assert bodies.fitting_size(640, 480) == (640, 480)
    assert bodies.fitting_size(4000, 2000) == (1024, 512)


@pytest.mark.parametrize(
    "name",
    [file.name for file in resources.files("task_schema.examples").iterdir() if file.name.endswith(".json")],
)
def test_every_example_of_the_guide_is_known_by_its_version_and_id(name: str) -> None:
    body = json.loads(resources.files("task_schema.examples").joinpath(name).read_text())
    request = bodies.from_json(body, name)
    assert request.version == name.partition("-")[0]
    assert request.id.startswith("test-")
    assert request.body == body


@pytest.mark.parametrize("body", [None, [], {}, {"task": 1}, {"3": {"class_type": "KSampler", "inputs": {}}}])
def test_what_is_no_request_is_refused_by_name(body: Any) -> None:
    with pytest.raises(BadRequestOptionError, match=r"mine\.json is not a request"):
        bodies.from_json(body, "mine.json")
