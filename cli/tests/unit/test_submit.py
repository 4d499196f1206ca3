import base64
import json
from pathlib import Path

import httpx
import pytest
from PIL import Image

from darkroom_cli.bodies import Wish
from darkroom_cli.errors import BadRequestOptionError
from darkroom_cli.options import SubmitOptions
from darkroom_cli.submit import build, check, numbered, task_type

A_PROMPT = Wish(prompt="a dog")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "my cat.png"
    Image.new("RGB", (640, 320)).save(path)
    return path


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (SubmitOptions(), "text-to-image"),
        (SubmitOptions(image="a.png"), "image-to-image"),
        (SubmitOptions(workflow=Path("w.json")), "pipeline"),
        (SubmitOptions(tasktype="pipeline", image="a.png"), "pipeline"),
    ],
)
def test_the_task_type_follows_from_the_options_unless_it_is_named(
    options: SubmitOptions, expected: str
) -> None:
    assert task_type(options) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (SubmitOptions(), "say what to paint"),
        (SubmitOptions(image="a.png"), "say what to paint"),
        (SubmitOptions(tasktype="pipeline"), "say what to paint"),
        (SubmitOptions(tasktype="dream"), "'dream' is none of text-to-image"),
        (SubmitOptions(A_PROMPT, tasktype="image-to-image"), "needs --image"),
        (SubmitOptions(tasktype="extra-single-image"), "needs --image"),
        (SubmitOptions(A_PROMPT, tasktype="text-to-image", image="a.png"), "does not go with"),
        (SubmitOptions(A_PROMPT, tasktype="text-to-image", workflow=Path("w")), "--workflow goes with"),
        (SubmitOptions(A_PROMPT, json_file=Path("r.json")), "--json is the whole request"),
        (SubmitOptions(json_file=Path("r.json"), task_id="a"), "--json is the whole request"),
        (SubmitOptions(workflow=Path("w"), image="a.png", wait=False), "leave --no-wait out"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: SubmitOptions, message: str) -> None:
    with pytest.raises(BadRequestOptionError, match=message):
        check(options)


@pytest.mark.parametrize(
    "options",
    [
        SubmitOptions(A_PROMPT),
        SubmitOptions(tasktype="extra-single-image", image="https://h/a.png"),
        SubmitOptions(workflow=Path("w")),
        SubmitOptions(json_file=Path("r"), output=Path("o"), wait=False),
    ],
)
def test_options_that_go_together_are_accepted(options: SubmitOptions) -> None:
    check(options)
    assert task_type(options)


def test_a_picture_file_travels_inside_and_gives_the_size(picture: Path) -> None:
    with build(SubmitOptions(A_PROMPT, image=str(picture))) as request:
        content = request.body["task"]["content"]
    assert base64.b64decode(content["init_images"][0]) == picture.read_bytes()
    assert (content["width"], content["height"]) == (640, 320)
    assert (request.runtime, request.tasktype) == ("sdruntime", "image-to-image")


def test_a_link_travels_as_it_is() -> None:
    with build(SubmitOptions(A_PROMPT, image="s3://bucket/a.png")) as request:
        assert request.body["task"]["content"]["init_images"] == ["s3://bucket/a.png"]


def test_a_workflow_fetches_a_file_by_a_link_that_works_while_it_is_needed(
    picture: Path, tmp_path: Path
) -> None:
    workflow = tmp_path / "w.json"
    workflow.write_text(json.dumps({"1": {"class_type": "LoadImage", "inputs": {"image": "x"}}}))
    with build(SubmitOptions(workflow=workflow, image=str(picture))) as request:
        link = request.body["task"]["content"]["1"]["inputs"]["image"]
        assert httpx.get(link, trust_env=False).content == picture.read_bytes()
    assert request.runtime == "comfyruntime"


def test_a_whole_request_from_a_file_is_sent_unchanged(tmp_path: Path) -> None:
    body = {"alwayson_scripts": {"task": "text-to-image", "id_task": "a"}, "odd": 1}
    path = tmp_path / "r.json"
    path.write_text(json.dumps(body))
    with build(SubmitOptions(json_file=path)) as request:
        assert (request.id, request.version, request.body) == ("a", "v1alpha1", body)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("w.json", "{", "is not JSON"),
        ("w.json", "[]", "is not a workflow"),
        ("w.json", '{"nodes": [], "links": []}', "export it with"),
        ("other.json", "{}", r"w\.json cannot be read"),
    ],
)
def test_a_file_that_is_no_workflow_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with (
        pytest.raises(BadRequestOptionError, match=message),
        build(SubmitOptions(workflow=tmp_path / "w.json")),
    ):
        pass


def test_a_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_text("no picture")
    with (
        pytest.raises(BadRequestOptionError, match="is not a picture"),
        build(SubmitOptions(A_PROMPT, image=str(path))),
    ):
        pass


def test_more_pictures_than_one_get_numbers() -> None:
    assert numbered(Path("o/a.png"), 1) == Path("o/a.png")
    assert numbered(Path("o/a.png"), 2) == Path("o/a-2.png")
    assert numbered(Path("o/my.dog-1f"), 1, ".gif") == Path("o/my.dog-1f.gif")
    assert numbered(Path("o/my.dog-1f"), 3, ".gif") == Path("o/my.dog-1f-3.gif")
