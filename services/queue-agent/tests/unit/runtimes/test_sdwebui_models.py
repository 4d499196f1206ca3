"""Which checkpoint a job runs with: the one that was asked for, or none."""

from typing import Any

import pytest

from queue_agent.errors import RuntimeLostError, RuntimeRefusedStartError, TaskFailedError
from queue_agent.sdwebui_models import Checkpoint, check_made_by, find
from queue_agent.testing import run
from task_schema import TaskCode

TXT2IMG = "/sdapi/v1/txt2img"
OPTIONS = "/sdapi/v1/options"
FIRST = "first.safetensors [8dc1dc6656]"


@pytest.mark.parametrize(
    "asked",
    ["sub/second.safetensors", "second", "second.safetensors", "sub/second", "sub\\second.safetensors"],
)
async def test_a_dynamic_runtime_loads_what_is_asked_for_by_the_title(
    webui: Any, make_webui: Any, make_job: Any, asked: str
) -> None:
    await run(make_webui(dynamic_model=True), make_job(model=asked))
    assert webui.bodies(OPTIONS) == [{"sd_model_checkpoint": "sub/second.safetensors"}]


@pytest.mark.parametrize("asked", ["first", FIRST, "first.safetensors", "8dc1dc6656", "8DC1DC66"])
async def test_a_loaded_model_is_not_loaded_again(
    webui: Any, make_webui: Any, make_job: Any, asked: str
) -> None:
    await run(make_webui(dynamic_model=True), make_job(model=asked))
    assert webui.bodies(OPTIONS) == []


async def test_a_title_without_its_hash_is_the_same_model(webui: Any, make_webui: Any, make_job: Any) -> None:
    """runtimes.md source note 9: the hash appears in the title only after it was computed."""
    webui.models[0]["title"] = "first.safetensors"
    await run(make_webui(dynamic_model=True), make_job(model="first"))
    assert webui.bodies(OPTIONS) == []


async def test_an_unknown_model_fails_before_the_run(webui: Any, make_webui: Any, make_job: Any) -> None:
    """runtimes.md Forge 3 and source note 5: in override_settings it would be dropped with a 200."""
    with pytest.raises(TaskFailedError, match="no-such-model") as failed:
        await run(make_webui(dynamic_model=True), make_job(model="no-such-model"))
    assert failed.value.code is TaskCode.UNKNOWN_MODEL
    assert TXT2IMG not in webui.paths()


async def test_a_model_that_was_added_since_is_found(webui: Any, make_webui: Any, make_job: Any) -> None:
    webui.hidden = [webui.model("third", None)]
    await run(make_webui(dynamic_model=True), make_job(model="third"))
    assert webui.options["sd_model_checkpoint"] == "third.safetensors"


async def test_no_model_asked_for_keeps_the_one_loaded(webui: Any, make_webui: Any, make_job: Any) -> None:
    webui.info = {"sd_model_name": "whatever"}
    assert (await run(make_webui(dynamic_model=True), make_job())).outputs
    assert webui.bodies(OPTIONS) == []


async def test_a_model_that_does_not_load_loses_the_inference(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    webui.ignores_model = True
    with pytest.raises(RuntimeLostError, match="second"):
        await run(make_webui(dynamic_model=True), make_job(model="second"))
    assert TXT2IMG not in webui.paths()


@pytest.mark.parametrize(
    "info",
    [
        {"sd_model_name": "second", "sd_model_hash": None},
        {"sd_model_name": "second", "sd_model_hash": "aaaaaaaaaa"},
        {"sd_model_name": "first", "sd_model_hash": "aaaaaaaaaa"},
    ],
)
@pytest.mark.parametrize("settings", [{"dynamic_model": True}, {"model_filename": "first.safetensors"}])
async def test_a_picture_of_another_model_is_never_delivered(
    webui: Any, make_webui: Any, make_job: Any, info: dict[str, Any], settings: dict[str, Any]
) -> None:
    webui.info = info
    with pytest.raises(RuntimeLostError, match="used model"):
        await run(make_webui(**settings), make_job(model="first"))


async def test_a_static_runtime_goes_back_to_its_model(webui: Any, make_webui: Any, make_job: Any) -> None:
    webui.options["sd_model_checkpoint"] = "sub/second.safetensors"
    await run(make_webui(model_filename="first.safetensors"), make_job())
    assert webui.options["sd_model_checkpoint"] == FIRST


async def test_a_static_runtime_asked_for_another_model_fails_the_task(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    with pytest.raises(TaskFailedError) as failed:
        await run(make_webui(model_filename="first.safetensors"), make_job(model="second"))
    assert failed.value.code is TaskCode.UNKNOWN_MODEL


async def test_a_static_runtime_without_its_own_model_starts_nothing(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    """The task is not at fault, and another pod may have the model."""
    with pytest.raises(RuntimeRefusedStartError, match=r"missing\.safetensors"):
        await run(make_webui(model_filename="missing.safetensors"), make_job())


async def test_upscaling_needs_no_model(webui: Any, make_webui: Any, make_job: Any) -> None:
    adapter = make_webui(model_filename="missing.safetensors")
    assert (await run(adapter, make_job("extra-single-image", {"image": "AAAA"}))).outputs


async def test_the_model_is_never_sent_in_override_settings(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    """runtimes.md source note 6: some versions ignore it there."""
    settings = {"sd_model_checkpoint": "second", "CLIP_stop_at_last_layers": 2}
    await run(make_webui(dynamic_model=True), make_job(content={"override_settings": settings}))
    assert webui.bodies(TXT2IMG)[0]["override_settings"] == {"CLIP_stop_at_last_layers": 2}


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ("b", "a/b.safetensors"),
        ("x/b", "x/b.safetensors [aaaaaaaa11]"),
        ("x/b.safetensors", "x/b.safetensors [aaaaaaaa11]"),
        ("aaaaaaaa", "x/b.safetensors [aaaaaaaa11]"),
        ("c", "c.ckpt"),
        ("aaaa", None),
        ("y/b", None),
        ("", None),
    ],
)
def test_a_model_is_found_by_its_names(asked: str, title: str | None) -> None:
    entries = [
        {
            "title": "a/b.safetensors",
            "model_name": "b",
            "hash": None,
            "sha256": None,
            "filename": "m/a/b.safetensors",
        },
        {
            "title": "x/b.safetensors [aaaaaaaa11]",
            "model_name": "b",
            "hash": "aaaaaaaa11",
            "sha256": None,
            "filename": "m/x/b.safetensors",
        },
        {"title": "c.ckpt", "model_name": "c", "hash": None, "sha256": None, "filename": "m/c.ckpt"},
        "nonsense",
        {"title": None},
    ]
    checkpoints = [each for entry in entries if (each := Checkpoint.read(entry)) is not None]
    found = find(asked, checkpoints)
    assert (found.title if found else None) == title


def test_a_model_whose_hash_agrees_may_be_called_otherwise() -> None:
    entry = {"title": "a.safetensors", "model_name": "a", "hash": "aaaaaaaa11", "filename": "a.safetensors"}
    checkpoint = Checkpoint.read(entry)
    assert checkpoint is not None
    check_made_by(checkpoint, {"sd_model_name": "alias", "sd_model_hash": "aaaaaaaa11"})
    check_made_by(checkpoint, {})
    with pytest.raises(RuntimeLostError):
        check_made_by(checkpoint, {"sd_model_name": "alias"})
