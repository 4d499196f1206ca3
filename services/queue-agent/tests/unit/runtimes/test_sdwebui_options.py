"""One job's override_settings never reach the next (runtimes.md Forge 2, recording a08)."""

from typing import Any

import pytest

from queue_agent.errors import RuntimeLostError, RuntimeRefusedStartError, TaskFailedError
from task_schema import TaskCode

TXT2IMG = "/sdapi/v1/txt2img"
OPTIONS = "/sdapi/v1/options"


async def run(adapter: Any, job: Any) -> Any:
    return await adapter.run(job, lambda _: None)


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
