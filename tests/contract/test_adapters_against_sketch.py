"""The agent's adapters against the sketch runtimes: both sides follow the same recordings."""

import asyncio
import io
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from local.sketch.testing import SketchServer, comfyui_server, sdwebui_server
from queue_agent.comfyui import ComfyUi
from queue_agent.comfyui_follow import Patience
from queue_agent.errors import (
    AgentError,
    InterruptedRunError,
    RuntimeLostError,
    RuntimeRefusedStartError,
    TaskFailedError,
)
from queue_agent.ports import Job, Result
from queue_agent.sdwebui import SdWebUi
from s3io.inputs import FetchedInput
from s3io.media import sniff
from task_schema import TaskCode

FIRST, SECOND = "first.safetensors", "second.safetensors"
QUICK = Patience(poll=0.05, glance=0.3, start=5.0, silence=2.0, refused=0.5)
URL = "https://pictures.example/a.png"


def job(tasktype: str, content: dict[str, Any], model: str | None = None) -> Job:
    return Job("t1", "s1", uuid.uuid4().hex, tasktype, content, model)


def text_to_image(**more: Any) -> Job:
    return job(
        "text-to-image", {"prompt": "a lighthouse", "width": 64, "height": 64, "steps": 4, "seed": 7, **more}
    )


def txt2img_graph(changes: dict[str, Any] | None = None, *, seed: int = 7, steps: int = 4) -> dict[str, Any]:
    graph: dict[str, Any] = {
        "3": {
            "class_type": "KSampler",
            "inputs": {
                "seed": seed,
                "steps": steps,
                "cfg": 7.0,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 1.0,
                "model": ["4", 0],
                "positive": ["6", 0],
                "negative": ["7", 0],
                "latent_image": ["5", 0],
            },
        },
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": FIRST}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a red fox", "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "fox"}},
    }
    return graph | (changes or {})


def preview_graph() -> dict[str, Any]:
    return txt2img_graph({"9": {"class_type": "PreviewImage", "inputs": {"images": ["8", 0]}}})


def size_of(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        return image.size


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 32), "teal").save(out, "PNG")
    return out.getvalue()


async def run(adapter: SdWebUi | ComfyUi, task: Job) -> Result:
    return await adapter.run(task, lambda _: None)


@asynccontextmanager
async def webui(
    *faults: dict[str, Any], seconds: float = 0.0, **settings: Any
) -> AsyncIterator[tuple[SdWebUi, SketchServer]]:
    server = sdwebui_server(models=(FIRST, SECOND), seconds_per_image=seconds, faults=faults)
    async with server as sketch:
        quick: dict[str, Any] = {"progress_seconds": 0.02, "interrupt_seconds": 3.0, "busy_seconds": 5.0}
        adapter = SdWebUi(sketch.url, **(quick | settings))
        try:
            yield adapter, sketch
        finally:
            await adapter.aclose()


@asynccontextmanager
async def comfyui(
    *faults: dict[str, Any], seconds: float = 0.0, history_delay: float = 0.0, **settings: Any
) -> AsyncIterator[tuple[ComfyUi, SketchServer]]:
    server = comfyui_server(
        models=(FIRST, SECOND), seconds_per_image=seconds, history_delay=history_delay, faults=faults
    )
    async with server as sketch:
        quick: dict[str, Any] = {"patience": QUICK, "interrupt_seconds": 3.0}
        adapter = ComfyUi(sketch.url, **(quick | settings))
        try:
            yield adapter, sketch
        finally:
            await adapter.aclose()


async def started(sketch: SketchServer) -> None:
    async with asyncio.timeout(10):
        while not sketch.stats.running:
            await asyncio.sleep(0.005)


async def test_sdwebui_text_to_image() -> None:
    async with webui(dynamic_model=True) as (adapter, _):
        assert await adapter.ready()
        result = await run(adapter, text_to_image(batch_size=2))
    assert [size_of(output.data) for output in result.outputs] == [(64, 64), (64, 64)]
    assert result.answer["info"]["all_seeds"] == [7, 8]
    assert result.answer["images"] == [None, None]
    json.dumps(result.answer)


async def test_sdwebui_image_to_image_and_upscaling_of_a_link() -> None:
    async with webui() as (adapter, _):
        for tasktype, content, size in (
            (
                "image-to-image",
                {"init_images": [URL], "prompt": "sea", "steps": 2, "width": 64, "height": 64},
                64,
            ),
            ("extra-single-image", {"image": URL, "upscaling_resize": 2, "upscaler_1": "Lanczos"}, 64),
            (
                "extra-batch-images",
                {"imageList": [{"data": URL, "name": "a"}], "upscaling_resize": 3, "upscaler_1": "Nearest"},
                96,
            ),
        ):
            task = job(tasktype, content)
            data = FetchedInput(url=URL, data=png(), media=sniff(png()))
            prepared = await adapter.prepare(task, dict.fromkeys(adapter.links(task), data))
            result = await run(adapter, prepared)
            assert [size_of(output.data) for output in result.outputs] == [(size, size)]


async def test_sdwebui_switches_models_and_knows_which_there_are() -> None:
    async with webui(dynamic_model=True) as (adapter, _):
        for model in (FIRST, SECOND, "first"):
            result = await run(adapter, job("text-to-image", {"steps": 2, "width": 64, "height": 64}, model))
            assert result.answer["info"]["sd_model_name"] == model.removesuffix(".safetensors")
        with pytest.raises(TaskFailedError) as failed:
            await run(adapter, job("text-to-image", {}, "third"))
    assert failed.value.code is TaskCode.UNKNOWN_MODEL


async def test_sdwebui_settings_do_not_leak_from_job_to_job() -> None:
    async with webui() as (adapter, _):
        before = await run(adapter, text_to_image())
        await run(
            adapter, text_to_image(override_settings={"samples_format": "jpg", "CLIP_stop_at_last_layers": 2})
        )
        after = await run(adapter, text_to_image())
    assert sniff(after.outputs[0].data).extension == "png"
    assert after.answer["info"]["clip_skip"] == before.answer["info"]["clip_skip"]


@pytest.mark.parametrize(
    ("task", "code"),
    [
        (text_to_image(sampler_name="NoSuchSampler"), TaskCode.RUNTIME_REFUSED),
        (text_to_image(alwayson_scripts={"NoSuchScript": {"args": []}}), TaskCode.RUNTIME_REFUSED),
        (text_to_image(steps="many"), TaskCode.RUNTIME_REFUSED),
        (text_to_image(width=0), TaskCode.RUNTIME_REFUSED),
        (job("image-to-image", {"prompt": "x"}), TaskCode.RUNTIME_REFUSED),
        (job("image-to-image", {"init_images": ["zzzz"]}), TaskCode.RUNTIME_REFUSED),
        (job("image-to-image", {"init_images": []}), TaskCode.RUNTIME_REFUSED),
        (job("extra-single-image", {"image": "!!!"}), TaskCode.RUNTIME_REFUSED),
        (job("extra-single-image", {"image": "AAAA", "upscaler_1": "Nope"}), TaskCode.RUNTIME_REFUSED),
    ],
)
async def test_sdwebui_refusals_fail_the_task_and_the_next_one_runs(task: Job, code: TaskCode) -> None:
    async with webui() as (adapter, _):
        with pytest.raises(TaskFailedError) as failed:
            await run(adapter, task)
        assert failed.value.code is code
        assert (await run(adapter, text_to_image())).outputs


@pytest.mark.parametrize(
    ("kind", "expected", "code"),
    [
        ("cut_connection", RuntimeLostError, TaskCode.ATTEMPTS_EXHAUSTED),
        ("http_500", RuntimeLostError, TaskCode.ATTEMPTS_EXHAUSTED),
        ("oom", RuntimeLostError, TaskCode.OUT_OF_MEMORY),
        ("cuda_error", RuntimeLostError, TaskCode.ATTEMPTS_EXHAUSTED),
        ("garbage_json", RuntimeLostError, TaskCode.ATTEMPTS_EXHAUSTED),
        ("interrupted", RuntimeLostError, TaskCode.ATTEMPTS_EXHAUSTED),
        ("partial_outputs", RuntimeLostError, TaskCode.ATTEMPTS_EXHAUSTED),
        ("restart", RuntimeLostError, TaskCode.ATTEMPTS_EXHAUSTED),
        ("wrong_model", RuntimeLostError, TaskCode.ATTEMPTS_EXHAUSTED),
        ("no_images", TaskFailedError, TaskCode.NO_OUTPUT),
    ],
)
async def test_sdwebui_faults_are_told_apart(kind: str, expected: type[AgentError], code: TaskCode) -> None:
    async with webui(
        {"kind": kind, "seconds": 0.2}, seconds=0.3, dynamic_model=True, progress_seconds=0.005
    ) as (adapter, _):
        task = job("text-to-image", {"steps": 20, "width": 64, "height": 64, "batch_size": 2}, FIRST)
        with pytest.raises(expected) as caught:
            await run(adapter, task)
        assert isinstance(caught.value, RuntimeLostError | TaskFailedError)
        assert caught.value.code is code
        async with asyncio.timeout(10):
            while not await adapter.ready():
                await asyncio.sleep(0.02)
        assert len((await run(adapter, task)).outputs) == 2


async def test_sdwebui_slow_answers_are_waited_for() -> None:
    async with webui({"kind": "slow_headers", "seconds": 0.5}) as (adapter, _):
        assert (await run(adapter, text_to_image())).outputs


async def test_sdwebui_interrupt_ends_the_run_without_a_picture() -> None:
    async with webui(seconds=20.0) as (adapter, sketch):
        heard: list[float] = []
        task = text_to_image(steps=200)
        running = asyncio.create_task(adapter.run(task, heard.append))
        await started(sketch)
        async with asyncio.timeout(10):
            while not heard:
                await asyncio.sleep(0.01)
        assert await adapter.interrupt(task)
        with pytest.raises(InterruptedRunError):
            await running
        assert sketch.stats.running == []


async def test_sdwebui_that_hangs_is_said_not_to_be_idle() -> None:
    async with webui({"kind": "hang", "at": 0.0}, interrupt_seconds=0.5) as (adapter, sketch):
        task = text_to_image()
        running = asyncio.create_task(run(adapter, task))
        await started(sketch)
        await asyncio.sleep(0.3)  # an interrupt before the first step would still be heeded
        assert not await adapter.interrupt(task)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_comfyui_text_to_image() -> None:
    heard: list[float] = []
    async with comfyui(seconds=0.2) as (adapter, sketch):
        assert await adapter.ready()
        task = job("pipeline", txt2img_graph())
        result = await adapter.run(task, heard.append)
        assert [size_of(output.data) for output in result.outputs] == [(64, 64)]
        assert result.answer["outputs"]["9"]["images"][0]["subfolder"] == f"darkroom/{task.attempt}"
        assert len(sketch.stats.jobs) == 1
    assert heard == sorted(heard)
    assert len(heard) > 3
    json.dumps(result.answer)


@pytest.mark.parametrize("graph", [txt2img_graph(), preview_graph()], ids=["saved", "shown"])
async def test_comfyui_never_answers_with_an_older_file(graph: dict[str, Any]) -> None:
    async with comfyui() as (adapter, _):
        names: list[str] = []
        for _attempt in range(3):
            result = await run(adapter, job("pipeline", graph))
            [entry] = result.answer["outputs"]["9"]["images"]
            names.append(f"{entry['subfolder']}/{entry['filename']}")
            assert size_of(result.outputs[0].data) == (64, 64)
    assert len(set(names)) == 3


async def test_comfyui_loads_an_uploaded_link() -> None:
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": URL}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "inv"}},
    }
    async with comfyui() as (adapter, _):
        task = job("pipeline", graph)
        data = FetchedInput(url=URL, data=png(), media=sniff(png()))
        prepared = await adapter.prepare(task, dict.fromkeys(adapter.links(task), data))
        result = await run(adapter, prepared)
    assert [size_of(output.data) for output in result.outputs] == [(32, 32)]


BAD_SIZE = {"class_type": "EmptyLatentImage", "inputs": {"width": 0, "height": 64, "batch_size": 1}}
NO_MODEL = {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "no-such.safetensors"}}
ODD_NODE = {"class_type": "NoSuchNode", "inputs": {}}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"5": BAD_SIZE}, TaskCode.BAD_GRAPH),
        ({"4": NO_MODEL}, TaskCode.UNKNOWN_MODEL),
        ({"8": ODD_NODE}, TaskCode.BAD_GRAPH),
        ({"9": {"class_type": "EmptyImage", "inputs": {}}}, TaskCode.BAD_GRAPH),
        ({"3": {"class_type": "KSampler", "inputs": {}}}, TaskCode.BAD_GRAPH),
    ],
)
async def test_comfyui_refusals_fail_the_task_and_the_next_one_runs(
    changes: dict[str, Any], code: TaskCode
) -> None:
    async with comfyui() as (adapter, _):
        with pytest.raises(TaskFailedError) as failed:
            await run(adapter, job("pipeline", txt2img_graph(changes)))
        assert failed.value.code is code
        assert (await run(adapter, job("pipeline", txt2img_graph()))).outputs


async def test_comfyui_never_succeeds_with_an_output_dropped() -> None:
    more = {
        "20": {"class_type": "EmptyImage", "inputs": {"width": 0, "height": 64, "batch_size": 1, "color": 0}},
        "21": {"class_type": "SaveImage", "inputs": {"images": ["20", 0], "filename_prefix": "bad"}},
    }
    async with comfyui(seconds=5.0) as (adapter, sketch):
        with pytest.raises(TaskFailedError) as failed:
            await run(adapter, job("pipeline", txt2img_graph(more)))
        assert failed.value.code is TaskCode.BAD_GRAPH
        assert sketch.stats.running == []


@pytest.mark.parametrize(
    ("kind", "expected", "code"),
    [
        ("oom", RuntimeLostError, TaskCode.OUT_OF_MEMORY),
        ("cuda_error", RuntimeLostError, TaskCode.ATTEMPTS_EXHAUSTED),
        ("interrupted", RuntimeLostError, TaskCode.ATTEMPTS_EXHAUSTED),
        ("restart", RuntimeLostError, TaskCode.ATTEMPTS_EXHAUSTED),
        ("partial_outputs", TaskFailedError, TaskCode.RUNTIME_REFUSED),
        ("no_images", TaskFailedError, TaskCode.NO_OUTPUT),
        ("wrong_model", TaskFailedError, TaskCode.UNKNOWN_MODEL),
        ("http_500", TaskFailedError, TaskCode.BAD_GRAPH),
    ],
)
async def test_comfyui_faults_are_told_apart(kind: str, expected: type[AgentError], code: TaskCode) -> None:
    async with comfyui({"kind": kind, "seconds": 0.3}, seconds=0.3) as (adapter, _):
        with pytest.raises(expected) as caught:
            await run(adapter, job("pipeline", txt2img_graph()))
        assert isinstance(caught.value, RuntimeLostError | TaskFailedError)
        assert caught.value.code is code
        async with asyncio.timeout(10):
            while not await adapter.ready():
                await asyncio.sleep(0.02)
        assert (await run(adapter, job("pipeline", txt2img_graph()))).outputs


@pytest.mark.parametrize(
    "kind",
    ["cut_connection", "slow_headers", "history_late", "deaf_websocket", "cut_websocket", "garbage_json"],
)
async def test_comfyui_troubles_that_cost_no_picture(kind: str) -> None:
    async with comfyui({"kind": kind, "seconds": 0.4}, seconds=0.3) as (adapter, sketch):
        assert len((await run(adapter, job("pipeline", txt2img_graph()))).outputs) == 1
        assert len(sketch.stats.jobs) == 1


async def test_comfyui_interrupt_ends_the_run() -> None:
    async with comfyui(seconds=20.0) as (adapter, sketch):
        task = job("pipeline", txt2img_graph(steps=400))
        running = asyncio.create_task(run(adapter, task))
        await started(sketch)
        assert await adapter.interrupt(task)
        with pytest.raises(InterruptedRunError):
            await running
        assert sketch.stats.running == []


async def test_comfyui_interrupt_takes_a_waiting_prompt_from_the_queue() -> None:
    async with comfyui(seconds=3.0) as (adapter, sketch):
        other = ComfyUi(sketch.url, patience=QUICK)
        first, second = job("pipeline", txt2img_graph()), job("pipeline", txt2img_graph(seed=8))
        running = asyncio.create_task(run(other, first))
        await started(sketch)
        waiting = asyncio.create_task(run(adapter, second))
        await asyncio.sleep(0.2)
        assert await adapter.interrupt(second)
        with pytest.raises(InterruptedRunError):
            await waiting
        assert (await running).outputs
        assert len(sketch.stats.jobs) == 1
        await other.aclose()


async def test_nothing_listens_so_nothing_was_started() -> None:
    async with webui() as (adapter, sketch):
        url = sketch.url
        await adapter.aclose()
    for gone in (SdWebUi(url), ComfyUi(url)):
        assert not await gone.ready()
        task = text_to_image() if isinstance(gone, SdWebUi) else job("pipeline", txt2img_graph())
        with pytest.raises(RuntimeRefusedStartError):
            await run(gone, task)
        await gone.aclose()


@pytest.mark.parametrize("kind", ["sdwebui", "comfyui"])
async def test_the_next_run_has_the_gpu_while_the_last_ones_answer_is_read(kind: str) -> None:
    server = webui(seconds=0.1, dynamic_model=True) if kind == "sdwebui" else comfyui(seconds=0.1)
    async with server as (adapter, sketch):
        runs: list[asyncio.Task[Result]] = []
        for seed in range(6):
            task = (
                job(
                    "text-to-image",
                    {"prompt": "x", "seed": seed, "width": 64, "height": 64, "steps": 2},
                    FIRST,
                )
                if kind == "sdwebui"
                else job("pipeline", txt2img_graph(seed=seed))
            )
            prepared = await adapter.prepare(task, {})
            freed = asyncio.Event()
            runs.append(asyncio.create_task(adapter.run(prepared, lambda _: None, freed.set)))
            await asyncio.wait_for(freed.wait(), 10)
        results = await asyncio.gather(*runs)
        assert len({result.outputs[0].data for result in results}) == 6
        assert [record.outcome for record in sketch.stats.jobs] == ["succeeded"] * 6
        if kind == "sdwebui":
            assert [result.answer["info"]["all_seeds"] for result in results] == [[seed] for seed in range(6)]
        else:
            ids = [result.answer["prompt_id"] for result in results]
            folders = [result.answer["outputs"]["9"]["images"][0]["subfolder"] for result in results]
            assert folders == [f"darkroom/{prompt_id}" for prompt_id in ids]


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def test_sdwebui_settings_of_a_killed_agents_run_do_not_reach_the_next_task(tmp_path: Path) -> None:
    async with webui(seconds=0.4, state_dir=tmp_path) as (killed, sketch):
        overriding = text_to_image(override_settings={"samples_format": "jpg", "CLIP_stop_at_last_layers": 2})
        running = asyncio.create_task(run(killed, overriding))
        await started(sketch)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        heir = SdWebUi(sketch.url, state_dir=tmp_path, progress_seconds=0.02)
        after = await run(heir, text_to_image())
        await heir.aclose()
    assert sniff(after.outputs[0].data).extension == "png"
    assert after.answer["info"]["clip_skip"] == 1
    assert files(tmp_path) == []


@pytest.mark.parametrize("kind", ["sdwebui", "comfyui"])
async def test_a_poisoned_gpu_is_told_from_one_that_ran_out_of_memory(kind: str) -> None:
    for fault, poisoned in (("cuda_error", True), ("oom", False)):
        server = webui({"kind": fault}) if kind == "sdwebui" else comfyui({"kind": fault})
        async with server as (adapter, _):
            freed = asyncio.Event()
            task = text_to_image() if kind == "sdwebui" else job("pipeline", txt2img_graph())
            with pytest.raises(RuntimeLostError) as lost:
                await adapter.run(task, lambda _: None, freed.set)
        assert (lost.value.poisoned, freed.is_set()) == (poisoned, False)


async def test_comfyui_that_does_not_stop_is_said_not_to_be_idle() -> None:
    async with comfyui({"kind": "hang", "at": 0.0}, interrupt_seconds=0.5) as (adapter, sketch):
        task = job("pipeline", txt2img_graph())
        running = asyncio.create_task(run(adapter, task))
        await started(sketch)
        await asyncio.sleep(0.3)  # an interrupt before the first step would still be heeded
        assert not await adapter.interrupt(task)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_comfyui_after_a_deaf_websocket_the_next_run_is_heard_again() -> None:
    async with comfyui({"kind": "deaf_websocket"}, seconds=0.2) as (adapter, _):
        await run(adapter, job("pipeline", txt2img_graph()))
        await asyncio.sleep(0.2)
        heard: list[float] = []
        await adapter.run(job("pipeline", txt2img_graph(seed=8)), heard.append)
    assert len(heard) > 3
