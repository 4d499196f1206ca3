"""The SD Web UI adapter against a scripted server: what it sends, and what becomes of the answer."""

import asyncio
import base64
import json
from typing import Any

import pytest

from queue_agent.errors import (
    InterruptedRunError,
    RuntimeLostError,
    RuntimeRefusedStartError,
    TaskFailedError,
)
from queue_agent.spans import RunSpans
from queue_agent.testing import run
from s3io.inputs import FetchedInput
from s3io.media import sniff
from task_schema import TaskCode
from telemetry import names
from telemetry.testing import record

TXT2IMG = "/sdapi/v1/txt2img"


def fetched(url: str, data: bytes) -> FetchedInput:
    return FetchedInput(url=url, data=data, media=sniff(data))


async def test_text_to_image_gives_the_picture_and_the_answer_with_info_parsed(
    webui: Any, make_webui: Any, make_job: Any, png: bytes
) -> None:
    result = await run(make_webui(), make_job())
    assert [(output.data, output.path) for output in result.outputs] == [(png, ("images", 0))]
    assert result.answer["images"] == [None]
    assert result.answer["info"]["sampler_name"] == "Euler"
    assert result.answer["parameters"]["prompt"] == "a dog"


@pytest.mark.parametrize(
    ("tasktype", "content"),
    [
        ("image-to-image", {"init_images": ["AAAA"]}),
        ("extra-single-image", {"image": "AAAA"}),
        ("extra-batch-images", {"imageList": [{"data": "AAAA", "name": "a.png"}]}),
    ],
)
async def test_each_task_type_has_its_route(
    webui: Any, make_webui: Any, make_job: Any, tasktype: str, content: dict[str, Any]
) -> None:
    adapter = make_webui()
    assert tasktype in adapter.task_types
    result = await run(adapter, make_job(tasktype, content))
    assert len(result.outputs) == 1
    routes = {"image-to-image": "img2img"}
    assert webui.paths()[-1] == f"/sdapi/v1/{routes.get(tasktype, tasktype)}"


async def test_upscaling_one_picture_has_its_place_in_the_answer(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    result = await run(make_webui(), make_job("extra-single-image", {"image": "AAAA"}))
    assert [output.path for output in result.outputs] == [("image",)]
    assert result.answer == {"html_info": "<p></p>", "image": None}


async def test_all_pictures_are_taken_in_order_the_grid_first(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    """runtimes.md Forge 5 and source note 10: there may be more images than seeds."""
    webui.images = [base64.b64encode(bytes([n])).decode() for n in range(5)]
    webui.info = {"index_of_first_image": 1}
    result = await run(make_webui(), make_job(content={"batch_size": 2, "n_iter": 2}))
    assert [output.data for output in result.outputs] == [b"\x00", b"\x01", b"\x02", b"\x03", b"\x04"]


async def test_pictures_come_in_the_answer_and_are_not_kept_on_the_server(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    """a1111-contract: `send_images: false` gives 200 with no pictures."""
    await run(make_webui(), make_job(content={"send_images": False, "save_images": True}))
    [body] = webui.bodies(TXT2IMG)
    assert (body["send_images"], body["save_images"]) == (True, False)


async def test_extension_fields_pass_untouched(webui: Any, make_webui: Any, make_job: Any) -> None:
    scripts = {"ADetailer": {"args": [{"ad_model": "face"}]}}
    await run(make_webui(), make_job(content={"alwayson_scripts": scripts, "made_up": 1}))
    [body] = webui.bodies(TXT2IMG)
    assert (body["alwayson_scripts"], body["made_up"]) == (scripts, 1)


async def test_links_become_base64(webui: Any, make_webui: Any, make_job: Any, png: bytes) -> None:
    """runtimes.md source note 14: the server is never told a URL."""
    adapter = make_webui()
    url = "https://pictures.example/a.png"
    job = make_job("image-to-image", {"init_images": [url], "mask": url, "prompt": url})
    links = adapter.links(job)
    assert {link.path for link in links} == {("init_images", 0), ("mask",)}
    prepared = await adapter.prepare(job, {link: fetched(url, png) for link in links})
    text = base64.b64encode(png).decode()
    assert prepared.content == {"init_images": [text], "mask": text, "prompt": url}
    assert job.content["mask"] == url


async def test_a_job_without_links_keeps_its_content(webui: Any, make_webui: Any, make_job: Any) -> None:
    job = make_job(content={"init_images": ["data:image/png;base64,AAAA"]})
    adapter = make_webui()
    assert adapter.links(job) == ()
    assert (await adapter.prepare(job, {})).content is job.content


async def test_large_echoes_of_the_request_are_left_out_of_the_answer(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    job = make_job(content={"prompt": "a dog", "alwayson_scripts": {"controlnet": {"image": "A" * 100_000}}})
    result = await run(make_webui(), job)
    assert len(json.dumps(result.answer)) < 5000
    assert result.answer["parameters"]["prompt"] == "a dog"


async def test_progress_is_reported_while_it_runs(webui: Any, make_webui: Any, make_job: Any) -> None:
    webui.may_end.clear()
    heard: list[float] = []
    seen = asyncio.Event()

    def progress(share: float) -> None:
        heard.append(share)
        if share >= 0.5:
            seen.set()
        webui.progress = 0.6

    webui.progress = 0.2
    running = asyncio.create_task(make_webui().run(make_job(), progress))
    await asyncio.wait_for(seen.wait(), 5)
    webui.may_end.set()
    await running
    assert heard == sorted(heard)
    assert heard[:2] == [0.2, 0.6]


async def test_the_seed_and_sampler_come_from_the_answer(webui: Any, make_webui: Any, make_job: Any) -> None:
    result = await run(make_webui(), make_job(content={"seed": -1, "sampler_name": "Euler a"}))
    assert result.answer["info"]["all_seeds"] == [7]


@pytest.mark.parametrize("asked", ["k_euler_a", "EULER A", "euler a", "Euler a"])
async def test_a_sampler_is_sent_by_the_name_that_the_server_looks_up(
    webui: Any, make_webui: Any, make_job: Any, asked: str
) -> None:
    await run(make_webui(), make_job(content={"sampler_name": asked}))
    assert webui.bodies(TXT2IMG)[0]["sampler_name"] == "Euler a"


async def test_a_sampler_may_carry_its_scheduler(webui: Any, make_webui: Any, make_job: Any) -> None:
    webui.info = {"sampler_name": "DPM++ 2M"}
    await run(make_webui(), make_job(content={"sampler_name": "dpm++ 2m karras"}))
    assert webui.bodies(TXT2IMG)[0]["sampler_name"] == "DPM++ 2M Karras"


@pytest.mark.parametrize(
    "content",
    [
        {"sampler_name": "NoSuchSampler"},
        {"sampler_index": "NoSuchSampler"},
        {"enable_hr": True, "hr_sampler_name": "NoSuchSampler"},
    ],
)
async def test_an_unknown_sampler_fails_before_the_run(
    webui: Any, make_webui: Any, make_job: Any, content: dict[str, Any]
) -> None:
    """runtimes.md Forge 3: the server would take another one and say 200."""
    with pytest.raises(TaskFailedError, match="NoSuchSampler") as failed:
        await run(make_webui(), make_job(content=content))
    assert failed.value.code is TaskCode.RUNTIME_REFUSED
    assert TXT2IMG not in webui.paths()


async def test_samplers_are_asked_for_once(webui: Any, make_webui: Any, make_job: Any) -> None:
    adapter = make_webui()
    for _ in range(3):
        await run(adapter, make_job(content={"sampler_name": "Euler"}))
    assert webui.paths("GET").count("/sdapi/v1/samplers") == 1


async def test_another_sampler_in_the_answer_is_not_delivered(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    webui.info = {"sampler_name": "Euler"}
    with pytest.raises(TaskFailedError, match="used sampler Euler, not Euler a"):
        await run(make_webui(), make_job(content={"sampler_name": "Euler a"}))


async def test_a_200_without_pictures_is_no_output(webui: Any, make_webui: Any, make_job: Any) -> None:
    webui.images = []
    with pytest.raises(TaskFailedError) as failed:
        await run(make_webui(), make_job())
    assert failed.value.code is TaskCode.NO_OUTPUT
    assert failed.value.answer["parameters"]["prompt"] == "a dog"


async def test_an_answer_with_pictures_missing_is_lost(webui: Any, make_webui: Any, make_job: Any) -> None:
    with pytest.raises(RuntimeLostError, match="1 of 4"):
        await run(make_webui(), make_job(content={"batch_size": 2, "n_iter": 2}))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"images": ["iVBORw0',
        b"<html>",
        b"[1]",
        b'{"images": ["!!!"]}',
        b'{"images": [null]}',
        b'{"images": [""]}',
    ],
)
async def test_garbage_is_a_lost_inference(webui: Any, make_webui: Any, make_job: Any, body: bytes) -> None:
    webui.then_raw(body)
    with pytest.raises(RuntimeLostError):
        await run(make_webui(), make_job())


async def test_it_is_ready_once_it_answers(webui: Any, make_webui: Any) -> None:
    assert await make_webui(dynamic_model=True).ready()


async def test_it_is_not_ready_while_the_api_is_not_there(webui: Any, make_webui: Any) -> None:
    webui.gone.add("progress")
    assert not await make_webui().ready()


async def test_it_is_not_ready_when_nothing_listens(webui: Any, make_webui: Any) -> None:
    adapter = make_webui()
    await webui.stop()
    assert not await adapter.ready()


async def test_a_static_runtime_without_its_model_loads_it_before_it_is_ready(
    webui: Any, make_webui: Any
) -> None:
    """runtimes.md source note 16: HTTP is up before the checkpoint is loaded."""
    webui.options["sd_model_checkpoint"] = None
    adapter = make_webui(model_filename="first.safetensors")
    assert not await adapter.ready()
    async with asyncio.timeout(5):
        while not await adapter.ready():
            await asyncio.sleep(0.01)
    assert webui.options["sd_model_checkpoint"] == "first.safetensors [8dc1dc6656]"


async def test_a_run_that_somebody_else_started_is_waited_for(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    """Its settings are in force: what this run would note as normal would not be."""
    webui.state["job_count"] = 1
    running = asyncio.create_task(run(make_webui(busy_seconds=5), make_job()))
    async with asyncio.timeout(5):
        while webui.paths("GET").count("/sdapi/v1/progress") < 2:
            await asyncio.sleep(0.01)
    assert TXT2IMG not in webui.paths()
    webui.state["job_count"] = 0
    assert (await running).outputs


async def test_a_runtime_that_stays_busy_gets_nothing(webui: Any, make_webui: Any, make_job: Any) -> None:
    webui.state["job_count"] = 1
    with pytest.raises(RuntimeRefusedStartError, match="busy"):
        await run(make_webui(), make_job())
    assert TXT2IMG not in webui.paths()


async def test_interrupting_a_run_ends_it_without_a_picture(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    """runtimes.md Forge 3 and source note 3: an interrupted run answers 200 with a half picture."""
    webui.may_end.clear()
    adapter, job = make_webui(), make_job()
    running = asyncio.create_task(run(adapter, job))
    await asyncio.wait_for(webui.running.wait(), 5)
    assert await adapter.interrupt(job)
    with pytest.raises(InterruptedRunError):
        await running


async def test_an_interrupt_is_repeated_until_it_is_heeded(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    """runtimes.md source note 3: an interrupt before the run begins is forgotten."""
    webui.may_end.clear()
    webui.heeds_interrupt_after = 3
    adapter, job = make_webui(), make_job()
    running = asyncio.create_task(run(adapter, job))
    await asyncio.wait_for(webui.running.wait(), 5)
    assert await adapter.interrupt(job)
    assert webui.paths().count("/sdapi/v1/interrupt") >= 3
    with pytest.raises(InterruptedRunError):
        await running


async def test_an_interrupt_waits_for_a_run_that_has_not_begun(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    """The server is idle and yet has the request: it would begin after the interrupt."""
    webui.may_begin.clear()
    webui.may_end.clear()
    webui.heeds_interrupt_after = 10_000
    adapter, job = make_webui(interrupt_seconds=5.0), make_job()
    running = asyncio.create_task(run(adapter, job))
    async with asyncio.timeout(5):
        while TXT2IMG not in webui.paths():
            await asyncio.sleep(0.005)
    interrupting = asyncio.create_task(adapter.interrupt(job))
    async with asyncio.timeout(5):
        while "/sdapi/v1/interrupt" not in webui.paths():
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.1)
    assert not interrupting.done()
    webui.heeds_interrupt_after = 1
    webui.may_begin.set()
    assert await interrupting
    with pytest.raises(InterruptedRunError):
        await running


async def test_an_interrupt_that_is_not_heeded_says_so(webui: Any, make_webui: Any, make_job: Any) -> None:
    webui.may_end.clear()
    webui.heeds_interrupt_after = 10_000
    adapter, job = make_webui(interrupt_seconds=0.4), make_job()
    running = asyncio.create_task(run(adapter, job))
    await asyncio.wait_for(webui.running.wait(), 5)
    assert not await adapter.interrupt(job)
    webui.may_end.set()
    with pytest.raises(InterruptedRunError):
        await running


async def test_a_job_interrupted_before_it_was_sent_is_not_sent(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    adapter, job = make_webui(), make_job()
    assert await adapter.interrupt(job)
    with pytest.raises(InterruptedRunError):
        await run(adapter, job)
    assert TXT2IMG not in webui.paths()


async def test_the_next_job_is_not_taken_for_interrupted(webui: Any, make_webui: Any, make_job: Any) -> None:
    adapter = make_webui()
    assert await adapter.interrupt(make_job())
    assert (await run(adapter, make_job())).outputs


async def test_an_interruption_from_outside_loses_the_inference(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    webui.may_end.clear()
    running = asyncio.create_task(run(make_webui(), make_job()))
    await asyncio.wait_for(webui.running.wait(), 5)
    webui.state["interrupted"] = True
    webui.may_end.set()
    with pytest.raises(RuntimeLostError, match="interrupted from outside"):
        await running


async def test_the_seed_that_was_drawn_is_in_the_trace(webui: Any, make_webui: Any, make_job: Any) -> None:
    recorded = record()
    webui.info = {"seed": 4711}
    job = make_job(content={"prompt": "x", "seed": -1})
    traced = RunSpans(job)
    with traced.running():
        await make_webui().run(job, lambda _: None, traced.freed)
    assert (recorded.one("infer").attributes or {})[names.SEED] == -1
    assert (recorded.one("decode").attributes or {})[names.SEED] == 4711


async def test_requests_to_the_runtime_carry_where_the_trace_goes_on(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    recorded = record()
    with RunSpans(job := make_job()).running():
        await run(make_webui(), job)
    infer = recorded.one("infer").context
    carried = webui.traceparents[TXT2IMG]
    assert carried == f"00-{infer.trace_id:032x}-{infer.span_id:016x}-01"


async def test_a_switch_of_the_model_is_a_span_with_the_runtimes_requests_below_it(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    recorded = record()
    job = make_job(model="second")
    with RunSpans(job).running():
        await run(make_webui(dynamic_model=True), job)
    switch = recorded.one("switch model")
    assert recorded.parent_of(switch) == "infer"
    assert webui.traceparents["/sdapi/v1/options"] is not None
    assert f"{switch.context.span_id:016x}" in webui.traceparents["/sdapi/v1/options"]
