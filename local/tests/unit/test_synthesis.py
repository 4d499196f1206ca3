import asyncio
import json
import sys
from pathlib import Path

import pytest

from local.artifacts import Artifacts
from local.errors import DeployError, SynthesisError
from local.events import Event
from local.home import Home
from local.synthesis import KEPT_TEMPLATES, Assembly, assembly, cache_key

APP = """
import os, pathlib
folder = pathlib.Path(os.environ["CDK_OUTDIR"])
config = pathlib.Path(os.environ["CDK_CONFIG_PATH"]).read_text()
(folder / "S.template.json").write_text('{"config": "%s"}' % config)
(folder / "manifest.json").write_text("{}")
"""
WITH_NODE = "with-node"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.prepare()
    home.empty_run()
    return home


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    node = tmp_path / WITH_NODE / "node"
    node.parent.mkdir()
    node.touch(mode=0o755)
    return {"PATH": str(node.parent)}


def artifacts(app: str, *inputs: Path) -> Artifacts:
    return Artifacts(
        ministack=(),
        infra=(sys.executable, "-c", app),
        agent=(),
        sketch=(),
        console=(),
        template_inputs=inputs,
    )


async def made(
    home: Home, environ: dict[str, str], app: str = APP, config: str = "c"
) -> tuple[Assembly, list[str]]:
    told: list[Event] = []
    result = await assembly(
        home=home, artifacts=artifacts(app), config=config, environ=environ, report=told.append
    )
    return result, [event.text for event in told]


async def test_a_template_is_made_once_and_then_needs_no_node(home: Home, environ: dict[str, str]) -> None:
    first, told = await made(home, environ)
    assert first.template("S") == {"config": "c"}
    assert told == ["Synthesising the dispatch stack (once; it is kept)"]
    again, told = await made(home, {"PATH": ""})
    assert again == first
    assert told == []


async def test_without_node_and_without_a_kept_template_it_says_what_to_install(home: Home) -> None:
    with pytest.raises(SynthesisError, match="Install Node"):
        await made(home, {"PATH": ""})


async def test_an_app_that_fails_leaves_nothing_and_its_last_words_are_shown(
    home: Home, environ: dict[str, str]
) -> None:
    with pytest.raises(SynthesisError, match="modelsRuntime is empty") as caught:
        await made(home, environ, app="import sys; sys.exit('modelsRuntime is empty')")
    assert caught.value.log == home.log("synthesis")
    with pytest.raises(SynthesisError):
        await made(home, environ, app="print('no manifest')")
    ok, _ = await made(home, environ)
    assert ok.template("S")


async def test_an_interrupted_app_is_ended(home: Home, environ: dict[str, str], tmp_path: Path) -> None:
    flag = tmp_path / "started"
    app = f"import pathlib, time; pathlib.Path({str(flag)!r}).touch(); time.sleep(60)"
    task = asyncio.create_task(made(home, environ, app=app))
    while not flag.exists():
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not list(home.cache.glob("*/manifest.json"))


async def test_only_the_newest_templates_are_kept(home: Home, environ: dict[str, str]) -> None:
    for number in range(KEPT_TEMPLATES + 2):
        last, _ = await made(home, environ, config=str(number))
    assert len(list(home.cache.iterdir())) == KEPT_TEMPLATES
    assert last.folder.is_dir()


def test_the_key_changes_with_whatever_the_template_is_made_from(tmp_path: Path) -> None:
    source = tmp_path / "infra"
    source.mkdir()
    (source / "app.py").write_text("1")
    archive = tmp_path / "validator.zip"
    archive.write_bytes(b"1")
    before = cache_key("a", artifacts(APP, source, archive))
    assert cache_key("a", artifacts(APP, source, archive)) == before
    assert cache_key("b", artifacts(APP, source, archive)) != before
    archive.write_bytes(b"2")
    changed = cache_key("a", artifacts(APP, source, archive))
    assert changed != before
    (source / "app.py").write_text("2")
    assert cache_key("a", artifacts(APP, source, archive)) not in (before, changed)


def test_an_assembly_without_the_stack_says_so(tmp_path: Path) -> None:
    (tmp_path / "S.assets.json").write_text(json.dumps({"files": {}}))
    assert Assembly(tmp_path).assets("S") == {}
    with pytest.raises(DeployError, match=r"lacks S\.template\.json"):
        Assembly(tmp_path).template("S")
