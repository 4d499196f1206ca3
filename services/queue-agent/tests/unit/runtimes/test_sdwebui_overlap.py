"""The next run has the GPU while the last one's answer is still read, and neither takes from the other."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from queue_agent.errors import RuntimeLostError, RuntimeRefusedStartError, TaskFailedError
from queue_agent.testing import until
from task_schema import TaskCode

ROOT = "/sdapi/v1"
TXT2IMG = ROOT + "/txt2img"


class Freed:
    """Notes when a run gave the GPU away."""

    def __init__(self, look: Callable[[], Any] = lambda: None) -> None:
        self.event = asyncio.Event()
        self.saw: Any = None
        self._look = look

    def __call__(self) -> None:
        assert not self.event.is_set()
        self.saw = self._look()
        self.event.set()

    async def wait(self) -> None:
        await asyncio.wait_for(self.event.wait(), 5)


def slow_body(webui: Any, png: bytes, **info: Any) -> asyncio.Event:
    """Let the next run's answer begin at once and end when the event is set."""
    more = asyncio.Event()
    webui.info = info

    async def reply(request: web.Request) -> web.StreamResponse:
        text = json.dumps(
            webui.answer(await request.json()) | {"images": [base64.b64encode(png).decode()]}
        ).encode()
        webui.info = {}
        response = web.StreamResponse(headers={"Content-Length": str(len(text))})
        await response.prepare(request)
        webui.state["job_count"] = 0
        await response.write(text[:10])
        await more.wait()
        await response.write(text[10:])
        return response

    webui.script.append(reply)
    return more


def ignore(_: float) -> None:
    """Progress that nobody wants."""


async def test_between_two_runs_nothing_is_asked(webui: Any, make_webui: Any, make_job: Any) -> None:
    adapter = make_webui(dynamic_model=True)
    content = {"prompt": "a dog", "sampler_name": "Euler a"}
    jobs = [await adapter.prepare(make_job(content=content, model="first"), {}) for _ in range(4)]
    first = Freed()
    await adapter.run(jobs[0], ignore, first)
    before = len(webui.seen)
    freed = Freed(lambda: [path for _, path, _ in webui.seen[before:]])
    running = asyncio.create_task(adapter.run(jobs[1], ignore, freed))
    await freed.wait()
    third = asyncio.create_task(adapter.run(jobs[2], ignore))
    await asyncio.gather(running, third)
    assert first.event.is_set()
    assert freed.saw == [TXT2IMG]
    posts = [path for verb, path, _ in webui.seen[before:] if verb == "POST"]
    assert posts == [TXT2IMG, TXT2IMG]
    between = [path for _, path, _ in webui.seen[before:]]
    assert between[:2] == [TXT2IMG, TXT2IMG]


async def test_the_gpu_is_free_when_the_answer_begins(
    webui: Any, make_webui: Any, make_job: Any, png: bytes
) -> None:
    adapter = make_webui()
    rest = slow_body(webui, b"first")
    freed = Freed()
    first = asyncio.create_task(adapter.run(make_job(), ignore, freed))
    await freed.wait()
    assert not first.done()
    second = await adapter.run(make_job(), ignore)
    assert not first.done()
    rest.set()
    assert [output.data for output in (await first).outputs] == [b"first"]
    assert [output.data for output in second.outputs] == [png]


async def test_after_the_answer_has_begun_progress_is_the_next_runs(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    adapter = make_webui()
    rest = slow_body(webui, b"first")
    heard: dict[str, list[float]] = {"first": [], "second": []}
    freed = Freed()
    first = asyncio.create_task(adapter.run(make_job(), heard["first"].append, freed))
    await freed.wait()
    webui.may_end.clear()
    webui.progress = 0.5
    second = asyncio.create_task(adapter.run(make_job(), heard["second"].append))
    await until(lambda: heard["second"])
    webui.state["interrupted"] = True
    rest.set()
    assert (await first).outputs
    webui.may_end.set()
    with pytest.raises(RuntimeLostError, match="interrupted from outside"):
        await second
    assert heard == {"first": [], "second": [0.5]}


async def test_settings_are_restored_before_the_gpu_is_free(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    webui.leaks = True
    freed = Freed(lambda: dict(webui.options))
    content = {"override_settings": {"CLIP_stop_at_last_layers": 2}}
    await make_webui().run(make_job(content=content), ignore, freed)
    assert freed.saw["CLIP_stop_at_last_layers"] == 1.0


async def test_settings_that_cannot_be_restored_keep_the_gpu_from_the_next_run(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    webui.leaks = True
    adapter = make_webui()
    webui.stubborn = {"CLIP_stop_at_last_layers"}
    freed = Freed()
    content = {"override_settings": {"CLIP_stop_at_last_layers": 2}}
    assert (await adapter.run(make_job(content=content), ignore, freed)).outputs
    assert not freed.event.is_set()
    with pytest.raises(RuntimeRefusedStartError, match="CLIP_stop_at_last_layers"):
        await adapter.run(make_job(), ignore)
    webui.stubborn = set()
    assert (await adapter.run(make_job(), ignore)).outputs
    assert webui.options["CLIP_stop_at_last_layers"] == 1.0


async def test_a_wrong_model_is_found_after_the_next_run_has_begun_and_knowledge_is_dropped(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    adapter = make_webui(dynamic_model=True)
    await adapter.run(make_job(model="first"), ignore)
    rest = slow_body(webui, b"x", sd_model_name="second", sd_model_hash=None)
    freed = Freed()
    first = asyncio.create_task(adapter.run(make_job(model="first"), ignore, freed))
    await freed.wait()
    second = asyncio.create_task(adapter.run(make_job(model="first"), ignore))
    rest.set()
    with pytest.raises(RuntimeLostError, match="used model second"):
        await first
    assert (await second).outputs
    assert not adapter.has_loaded(make_job(model="first"))
    asked = webui.paths("GET").count(ROOT + "/options")
    assert (await adapter.run(make_job(model="first"), ignore)).outputs
    assert webui.paths("GET").count(ROOT + "/options") > asked


async def test_an_answer_that_is_cut_off_is_lost_and_the_next_run_is_left_alone(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    adapter = make_webui()
    cut = asyncio.Event()

    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"{")
        await cut.wait()
        assert request.transport is not None
        request.transport.abort()
        return response

    webui.script.append(half)
    freed = Freed()
    first = asyncio.create_task(adapter.run(make_job(), ignore, freed))
    await freed.wait()
    webui.may_end.clear()
    second = asyncio.create_task(adapter.run(make_job(), ignore))
    await until(lambda: webui.paths().count(TXT2IMG) == 2)
    cut.set()
    with pytest.raises(RuntimeLostError, match="cut off"):
        await first
    assert ROOT + "/interrupt" not in webui.paths()
    webui.may_end.set()
    assert (await second).outputs


async def test_an_error_does_not_free_the_gpu_before_it_is_understood(
    webui: Any, make_webui: Any, make_job: Any, make_exception: Any
) -> None:
    freed = Freed()
    webui.then(500, make_exception("RuntimeError", "CUDA error: an illegal memory access was encountered"))
    with pytest.raises(RuntimeLostError) as lost:
        await make_webui().run(make_job(), ignore, freed)
    assert lost.value.poisoned
    assert not freed.event.is_set()


async def test_after_a_lost_run_the_runtime_is_looked_at_first(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    adapter = make_webui()
    await adapter.run(make_job(), ignore)
    webui.then_cut()
    with pytest.raises(RuntimeLostError):
        await adapter.run(make_job(), ignore)
    webui.state["job_count"] = 1
    with pytest.raises(RuntimeRefusedStartError, match="busy"):
        await adapter.run(make_job(), ignore)
    assert webui.paths().count(TXT2IMG) == 2


async def test_after_a_pause_the_model_is_asked_for_again(webui: Any, make_webui: Any, make_job: Any) -> None:
    """The runtime may have been started anew, with another model."""
    adapter = make_webui(model_filename="first.safetensors", trust_seconds=0.0)
    await adapter.run(make_job(), ignore)
    webui.options["sd_model_checkpoint"] = "sub/second.safetensors"
    assert (await adapter.run(make_job(), ignore)).outputs
    assert webui.options["sd_model_checkpoint"] == "first.safetensors [8dc1dc6656]"


@pytest.mark.parametrize("field", ["hr_checkpoint_name", "refiner_checkpoint", "script_name"])
async def test_a_run_that_may_switch_models_leaves_none_believed_to_be_loaded(
    webui: Any, make_webui: Any, make_job: Any, field: str
) -> None:
    adapter = make_webui(dynamic_model=True)
    job = make_job(model="first")
    await adapter.run(job, ignore)
    assert adapter.has_loaded(job)
    await adapter.run(make_job(model="first", content={field: "x"}), ignore)
    assert not adapter.has_loaded(job)


async def test_what_is_loaded_is_known_without_asking(webui: Any, make_webui: Any, make_job: Any) -> None:
    adapter = make_webui(dynamic_model=True)
    first, second = make_job(model="first"), make_job(model="second")
    assert not adapter.has_loaded(first)
    assert adapter.has_loaded(make_job())
    prepared = await adapter.prepare(first, {})
    assert await adapter.ready()
    asked = len(webui.seen)
    assert [adapter.has_loaded(job) for job in (prepared, first, second)] == [True, True, False]
    assert len(webui.seen) == asked
    await adapter.run(second, ignore)
    assert [adapter.has_loaded(job) for job in (prepared, first, second)] == [False, False, True]
    upscaling = make_job("extra-single-image", {"image": "AAAA"}, model="first")
    assert adapter.has_loaded(upscaling)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"model": "no-such-model"}, TaskCode.UNKNOWN_MODEL),
        ({"content": {"sampler_name": "NoSuchSampler"}}, TaskCode.RUNTIME_REFUSED),
    ],
)
async def test_what_the_runtime_does_not_have_is_found_out_ahead(
    webui: Any, make_webui: Any, make_job: Any, more: dict[str, Any], code: TaskCode
) -> None:
    with pytest.raises(TaskFailedError) as failed:
        await make_webui(dynamic_model=True).prepare(make_job(**more), {})
    assert failed.value.code is code


async def test_numbers_that_json_does_not_have_become_null(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    webui.then_raw(
        b'{"images": ["AAAA"], "parameters": {"a": NaN, "b": [-Infinity, 1e999, 1.5]},'
        b' "info": "{\\"loss\\": Infinity, \\"all_seeds\\": [7]}"}'
    )
    answer = (await make_webui().run(make_job(), ignore)).answer
    assert answer["parameters"] == {"a": None, "b": [None, None, 1.5]}
    assert answer["info"] == {"loss": None, "all_seeds": [7]}
    json.dumps(answer, allow_nan=False)


async def test_an_interrupt_waits_with_the_next_run(webui: Any, make_webui: Any, make_job: Any) -> None:
    """What stops one run must not hit the one after it."""
    webui.may_end.clear()
    webui.heeds_interrupt_after = 10_000
    adapter, job = make_webui(interrupt_seconds=5.0), make_job()
    first = asyncio.create_task(adapter.run(job, ignore))
    await asyncio.wait_for(webui.running.wait(), 5)
    interrupting = asyncio.create_task(adapter.interrupt(job))
    await until(lambda: ROOT + "/interrupt" in webui.paths())
    second = asyncio.create_task(adapter.run(make_job(), ignore))
    await asyncio.sleep(0.05)
    assert webui.paths().count(TXT2IMG) == 1
    webui.heeds_interrupt_after = 1
    assert await interrupting
    assert (await second).outputs
    assert (await asyncio.gather(first, return_exceptions=True))[
        0
    ].__class__.__name__ == "InterruptedRunError"


async def test_a_run_that_has_the_gpu_is_not_hit_by_an_interrupt_of_another(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    webui.may_end.clear()
    adapter = make_webui()
    running = asyncio.create_task(adapter.run(make_job(), ignore))
    await asyncio.wait_for(webui.running.wait(), 5)
    assert await adapter.interrupt(make_job())
    assert ROOT + "/interrupt" not in webui.paths()
    webui.may_end.set()
    assert (await running).outputs
