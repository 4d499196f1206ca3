"""One job's override_settings never reach the next (runtimes.md Forge 2, recording a08)."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from queue_agent.errors import RuntimeLostError, RuntimeRefusedStartError, TaskFailedError
from queue_agent.testing import run
from task_schema import TaskCode

TXT2IMG = "/sdapi/v1/txt2img"
OPTIONS = "/sdapi/v1/options"


def overriding(make_job: Any, **settings: Any) -> Any:
    return make_job(content={"override_settings": settings, "override_settings_restore_afterwards": False})


async def test_restoring_is_always_asked_for(webui: Any, make_webui: Any, make_job: Any) -> None:
    await run(make_webui(), overriding(make_job, samples_format="jpg"))
    assert webui.bodies(TXT2IMG)[0]["override_settings_restore_afterwards"] is True


async def test_a_setting_that_leaked_is_written_back(webui: Any, make_webui: Any, make_job: Any) -> None:
    webui.leaks = True
    await run(make_webui(), overriding(make_job, samples_format="jpg", CLIP_stop_at_last_layers=2))
    assert webui.options["samples_format"] == "png"
    assert webui.options["CLIP_stop_at_last_layers"] == 1.0


async def test_what_did_not_leak_is_not_written(webui: Any, make_webui: Any, make_job: Any) -> None:
    await run(make_webui(), overriding(make_job, samples_format="jpg"))
    assert webui.bodies(OPTIONS) == []


async def test_settings_are_not_asked_for_where_none_is_overridden(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    await run(make_webui(), make_job())
    assert OPTIONS not in webui.paths("GET")


async def test_a_leak_is_written_back_after_a_failed_run_too(
    webui: Any, make_webui: Any, make_job: Any, make_exception: Any
) -> None:
    webui.leaks = True
    webui.then(500, make_exception("RuntimeError", "mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeLostError):
        await run(make_webui(), overriding(make_job, samples_format="jpg"))
    assert webui.options["samples_format"] == "png"


async def test_a_leak_that_could_not_be_written_back_is_settled_before_the_next_run(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    webui.leaks = True
    webui.then_cut()
    adapter = make_webui()
    kept = dict(webui.options)
    set_options = webui.options

    class Locked(dict[str, Any]):
        def __contains__(self, key: object) -> bool:
            return False

    webui.options = Locked(set_options)
    with pytest.raises(RuntimeLostError):
        await run(adapter, overriding(make_job, samples_format="jpg"))
    with pytest.raises(RuntimeRefusedStartError, match="settings"):
        await run(adapter, make_job())
    assert webui.paths().count(TXT2IMG) == 1
    webui.options = dict(webui.options)
    await run(adapter, make_job())
    assert webui.options == kept


async def test_an_option_that_the_runtime_does_not_have_is_the_callers_fault(
    webui: Any, make_webui: Any, make_job: Any, make_exception: Any
) -> None:
    webui.then(500, make_exception("KeyError", "'no_such_option'"))
    with pytest.raises(TaskFailedError, match="no_such_option") as failed:
        await run(make_webui(), overriding(make_job, no_such_option=1))
    assert failed.value.code is TaskCode.RUNTIME_REFUSED


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def killed_while_running(webui: Any, adapter: Any, job: Any) -> None:
    """Let the agent vanish in the middle of a run, which goes on to its end (recording a05)."""
    webui.may_end.clear()
    running = asyncio.create_task(run(adapter, job))
    await asyncio.wait_for(webui.running.wait(), 5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    webui.may_end.set()


async def test_what_a_killed_agent_left_changed_is_restored_by_the_next_one(
    webui: Any, make_webui: Any, make_job: Any, tmp_path: Path
) -> None:
    webui.leaks = True
    state = tmp_path / "state"
    await killed_while_running(webui, make_webui(state_dir=state), overriding(make_job, samples_format="jpg"))
    [kept] = files(state)
    assert json.loads(kept.read_text()) == {"samples_format": "png"}
    assert webui.options["samples_format"] == "jpg"
    await run(make_webui(state_dir=state, busy_seconds=5.0), make_job())
    assert webui.bodies(OPTIONS) == [{"samples_format": "png"}]
    assert webui.options["samples_format"] == "png"
    assert files(state) == []


async def test_nothing_runs_before_what_a_killed_agent_left_is_restored(
    webui: Any, make_webui: Any, make_job: Any, tmp_path: Path
) -> None:
    webui.leaks = True
    await killed_while_running(
        webui, make_webui(state_dir=tmp_path), overriding(make_job, samples_format="jpg")
    )
    webui.stubborn = {"samples_format"}
    with pytest.raises(RuntimeRefusedStartError, match="samples_format"):
        await run(make_webui(state_dir=tmp_path, busy_seconds=5.0), make_job())
    assert webui.paths().count(TXT2IMG) == 1
    assert len(files(tmp_path)) == 1


async def test_no_file_is_left_by_a_run_that_ended(
    webui: Any, make_webui: Any, make_job: Any, tmp_path: Path
) -> None:
    await run(make_webui(state_dir=tmp_path), overriding(make_job, samples_format="jpg"))
    assert files(tmp_path) == []


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"no_longer_there": 1}'])
async def test_a_state_file_that_says_nothing_is_no_hindrance(
    webui: Any, make_webui: Any, make_job: Any, tmp_path: Path, text: str
) -> None:
    await run(make_webui(state_dir=tmp_path), overriding(make_job, samples_format="jpg"))
    (tmp_path / "sdwebui-settings.json").write_text(text)
    assert (await run(make_webui(state_dir=tmp_path), make_job())).outputs
    assert webui.bodies(OPTIONS) == []


async def test_a_folder_that_cannot_be_written_is_no_hindrance(
    webui: Any, make_webui: Any, make_job: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    adapter = make_webui(state_dir=tmp_path / "file")
    assert (await run(adapter, overriding(make_job, samples_format="jpg"))).outputs
