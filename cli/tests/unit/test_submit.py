import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from darkroom_cli.bodies import Wish
from darkroom_cli.errors import BadRequestOptionError
from darkroom_cli.options import SubmitOptions
from darkroom_cli.submit import MAX_INPUT_BYTES, build, check, task_type
from darkroom_cli.tasks import numbered

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


class Store:
    """Takes files; says what stands for them."""

    def __init__(self) -> None:
        self.files: list[Path] = []

    async def __call__(self, path: Path) -> str:
        self.files.append(path)
        return f"upload://{len(self.files)}"


async def content_of(options: SubmitOptions, store: Store | None = None) -> Any:
    request = await build(options, upload=store or Store())
    return request.body["task"]["content"]


async def test_a_picture_file_is_uploaded_and_gives_the_size(picture: Path) -> None:
    store = Store()
    request = await build(SubmitOptions(A_PROMPT, image=str(picture)), upload=store)
    content = request.body["task"]["content"]
    assert (content["init_images"], store.files) == (["upload://1"], [picture])
    assert (content["width"], content["height"]) == (640, 320)
    assert (request.runtime, request.tasktype) == ("sdruntime", "image-to-image")


async def test_an_upscaling_takes_any_file(picture: Path) -> None:
    options = SubmitOptions(tasktype="extra-single-image", image=str(picture))
    assert (await content_of(options))["image"] == "upload://1"


@pytest.mark.parametrize("link", ["s3://bucket/a.png", "https://h/a.png", "upload://5"])
async def test_a_link_travels_as_it_is(link: str) -> None:
    store = Store()
    content = await content_of(SubmitOptions(A_PROMPT, image=link), store)
    assert (content["init_images"], store.files) == ([link], [])


async def test_a_workflow_gets_its_picture_by_a_reference(picture: Path, tmp_path: Path) -> None:
    workflow = tmp_path / "w.json"
    workflow.write_text(json.dumps({"1": {"class_type": "LoadImage", "inputs": {"image": "x"}}}))
    options = SubmitOptions(workflow=workflow, image=str(picture), wait=False)
    assert (await content_of(options))["1"]["inputs"]["image"] == "upload://1"


async def test_what_has_no_place_in_a_workflow_is_told_before_anything_is_uploaded(
    picture: Path, tmp_path: Path
) -> None:
    workflow, store = tmp_path / "w.json", Store()
    workflow.write_text("{}")
    with pytest.raises(BadRequestOptionError, match="no place for --image"):
        await content_of(SubmitOptions(workflow=workflow, image=str(picture)), store)
    assert store.files == []


async def test_a_picture_that_is_too_large_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    path, store = tmp_path / "large.png", Store()
    with path.open("wb") as file:
        file.truncate(MAX_INPUT_BYTES + 1)
    with pytest.raises(BadRequestOptionError, match=f"may have {MAX_INPUT_BYTES}"):
        await content_of(SubmitOptions(tasktype="extra-single-image", image=str(path)), store)
    assert store.files == []


async def test_a_whole_request_from_a_file_is_sent_unchanged(tmp_path: Path) -> None:
    body = {"alwayson_scripts": {"task": "text-to-image", "id_task": "a"}, "odd": 1}
    path = tmp_path / "r.json"
    path.write_text(json.dumps(body))
    request = await build(SubmitOptions(json_file=path), upload=Store())
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
async def test_a_file_that_is_no_workflow_is_refused(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadRequestOptionError, match=message):
        await content_of(SubmitOptions(workflow=tmp_path / "w.json"))


async def test_a_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_text("no picture")
    with pytest.raises(BadRequestOptionError, match="is not a picture"):
        await content_of(SubmitOptions(A_PROMPT, image=str(path)))


def test_more_pictures_than_one_get_numbers() -> None:
    assert numbered(Path("o/a.png"), 1) == Path("o/a.png")
    assert numbered(Path("o/a.png"), 2) == Path("o/a-2.png")
    assert numbered(Path("o/my.dog-1f"), 1, ".gif") == Path("o/my.dog-1f.gif")
    assert numbered(Path("o/my.dog-1f"), 3, ".gif") == Path("o/my.dog-1f-3.gif")
