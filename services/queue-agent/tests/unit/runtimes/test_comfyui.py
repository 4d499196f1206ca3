"""The ComfyUI adapter against a scripted server: from a workflow to its files."""

import asyncio
import json
import struct
from typing import Any

import pytest

from queue_agent.errors import (
    InterruptedRunError,
    RuntimeLostError,
    RuntimeRefusedStartError,
    TaskFailedError,
)
from queue_agent.spans import RunSpans
from queue_agent.testing import run, until
from s3io.inputs import FetchedInput
from s3io.media import sniff
from task_schema import TaskCode
from telemetry import names
from telemetry.testing import record

URL = "https://pictures.example/a.png"


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def save(prefix: str = "sub/ok") -> dict[str, Any]:
    return {
        "1": node("EmptyImage", width=64, height=64),
        "2": node("SaveImage", images=["1", 0], filename_prefix=prefix),
    }


def pipeline(make_job: Any, graph: dict[str, Any] | None = None) -> Any:
    return make_job("pipeline", save() if graph is None else graph)


async def test_a_workflow_gives_its_files_and_the_answer(
    comfy: Any, make_comfy: Any, make_job: Any, png: bytes
) -> None:
    job = pipeline(make_job)
    result = await run(make_comfy(), job)
    assert [(output.data, output.path) for output in result.outputs] == [
        (png, ("outputs", "2", "images", 0, "s3"))
    ]
    assert result.answer["prompt_id"] == job.attempt
    assert result.answer["status"]["status_str"] == "success"
    assert "prompt" not in result.answer


async def test_a_prompt_is_submitted_under_the_attempts_own_name_and_the_open_sockets(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    """ComfyUI 11, source notes 4 and 5: a chosen prompt_id, and always a client_id."""
    job = pipeline(make_job)
    await run(make_comfy(), job)
    [body] = comfy.bodies("/prompt")
    assert body["prompt_id"] == job.attempt
    assert [body["client_id"]] == list(comfy.sockets)
    assert body["extra_data"] == {"darkroom": {"id": "t1", "submission": "s1"}}


async def test_the_history_entry_is_deleted_afterwards(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    """Source note 22: it keeps whole prompts in memory."""
    await run(make_comfy(), pipeline(make_job))
    assert comfy.history == {}


async def test_no_request_carries_an_origin(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    """ComfyUI 19: a foreign Origin is answered with 403."""
    await run(make_comfy(), pipeline(make_job))
    assert set(comfy.heard_origin) == {None}


async def test_files_of_all_keys_and_nodes_are_taken_in_the_order_of_the_nodes(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    """ComfyUI 15 and source note 18: animated, text and latents stand beside the pictures."""
    comfy.gives(
        {
            "10": {"images": [comfy.file("ten.webp", "", "output", b"ten")], "animated": [True]},
            "9": {
                "text": ["not a file"],
                "gifs": [comfy.file("nine.mp4", "video", "output", b"nine")],
                "latents": [comfy.file("nine.latent", "lat", "output", b"latent")],
                "a": None,
                "b": 5,
                "c": [None, {}, {"filename": 7}],
            },
            "57:3": {"images": [comfy.file("sub.png", "", "output", b"sub")]},
            "2": {"images": [comfy.file("temp.png", "", "temp", b"temp")]},
        }
    )
    result = await run(make_comfy(), pipeline(make_job))
    assert [output.data for output in result.outputs] == [b"nine", b"latent", b"ten", b"sub"]


async def test_a_file_that_is_named_twice_is_taken_once(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    entry = comfy.file("a.mp4", "", "output")
    comfy.gives({"2": {"gifs": [entry], "images": [entry]}})
    assert len((await run(make_comfy(), pipeline(make_job))).outputs) == 1


async def test_previews_are_taken_where_nothing_was_saved(
    comfy: Any, make_comfy: Any, make_job: Any, png: bytes
) -> None:
    """Source note 19."""
    graph = {"1": node("EmptyImage", width=64), "2": node("PreviewImage", images=["1", 0])}
    result = await run(make_comfy(), pipeline(make_job, graph))
    assert [output.data for output in result.outputs] == [png]


async def test_odd_names_are_percent_encoded(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    """ComfyUI 16: a name with %date% in it was 404 unencoded."""
    name = "n64x64_%date:yyyy%_ü &=?#+_00005_.png"
    comfy.gives({"2": {"images": [comfy.file(name, "a b/c", "output", b"odd")]}})
    assert [o.data for o in (await run(make_comfy(), pipeline(make_job))).outputs] == [b"odd"]


async def test_text_alone_is_a_success_without_files(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    """Source note 21: legal, and decided explicitly."""
    comfy.gives({"2": {"text": ["hello"]}})
    graph = {"1": node("EmptyImage", width=64), "2": node("PreviewAny", source=["1", 0])}
    result = await run(make_comfy(), pipeline(make_job, graph))
    assert result.outputs == ()
    assert result.answer["outputs"] == {"2": {"text": ["hello"]}}


@pytest.mark.parametrize("outputs", [{}, {"2": {}}, {"2": {"images": []}}, {"9": {"text": ["hello"]}}])
async def test_no_file_where_one_was_due_is_no_output(
    comfy: Any, make_comfy: Any, make_job: Any, outputs: dict[str, Any]
) -> None:
    comfy.gives(outputs)
    with pytest.raises(TaskFailedError) as failed:
        await run(make_comfy(), pipeline(make_job))
    assert failed.value.code is TaskCode.NO_OUTPUT


async def test_a_file_that_is_gone_is_a_lost_inference(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    """ComfyUI 4 and recording 17: /view answers 404 for a remembered file that was deleted."""
    comfy.gives({"2": {"images": [{"filename": "gone.png", "subfolder": "", "type": "output"}]}})
    with pytest.raises(RuntimeLostError, match=r"gone\.png"):
        await run(make_comfy(), pipeline(make_job))


async def test_an_empty_file_is_a_lost_inference(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    comfy.gives({"2": {"images": [comfy.file("a.png", "", "output", b"")]}})
    with pytest.raises(RuntimeLostError, match="empty"):
        await run(make_comfy(), pipeline(make_job))


async def test_a_file_above_the_limit_fails_the_task(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    comfy.gives({"2": {"images": [comfy.file("a.png", "", "output", b"x" * 2000)]}})
    with pytest.raises(TaskFailedError, match="larger than 1000"):
        await run(make_comfy(output_limit=1000), pipeline(make_job))


async def test_files_of_an_earlier_run_are_never_delivered(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    """ComfyUI 4, recordings 05 and 23: after /free the same graph writes new files."""
    comfy.messages = [["execution_cached", {"nodes": ["1", "2"]}]]
    adapter = make_comfy()
    with pytest.raises(RuntimeLostError, match="earlier run"):
        await run(adapter, pipeline(make_job))
    assert comfy.bodies("/free") == []  # another prompt may be running by then
    comfy.messages = []
    assert (await run(adapter, pipeline(make_job))).outputs
    assert comfy.bodies("/free") == [{"unload_models": False, "free_memory": True}]
    assert comfy.paths().index("/free") < len(comfy.paths()) - 1 - comfy.paths()[::-1].index("/prompt")


async def test_a_picture_made_from_cached_nodes_is_this_runs_own(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    comfy.messages = [["execution_cached", {"nodes": ["1"]}]]
    assert len((await run(make_comfy(), pipeline(make_job))).outputs) == 1


async def test_it_is_ready_when_it_answers(comfy: Any, make_comfy: Any) -> None:
    adapter = make_comfy()
    assert await adapter.ready()
    await comfy.stop()
    assert not await adapter.ready()


def test_it_runs_pipelines(make_comfy: Any) -> None:
    assert make_comfy().task_types == {"pipeline"}


def test_only_file_inputs_of_loader_nodes_are_links(make_comfy: Any, make_job: Any) -> None:
    """DESIGN 4.4: any other URL is the workflow's own."""
    graph = {
        "1": node("LoadImage", image=URL, upload=URL),
        "2": node("LoadImage", image="already.png"),
        "3": node("LoadImageMask", image="s3://bucket/mask.png", channel="alpha"),
        "4": node("LoadVideo", file=URL),
        "5": node("VHS_LoadVideo", video=URL),
        "6": node("LoadImageFromUrl", url=URL, image=URL),
        "7": node("CLIPTextEncode", text=URL),
        "8": node("LoadImage", image=["9", 0]),
    }
    adapter = make_comfy(loader_inputs={"MyLoader": ["picture"]})
    found = [link.path for link in adapter.links(pipeline(make_job, graph))]
    assert found == [
        ("1", "inputs", "image"),
        ("3", "inputs", "image"),
        ("4", "inputs", "file"),
        ("5", "inputs", "video"),
    ]
    more = pipeline(make_job, {"1": node("MyLoader", picture=URL)})
    assert [link.path for link in adapter.links(more)] == [("1", "inputs", "picture")]


async def test_links_are_uploaded_once_and_named_as_the_upload_answered(
    comfy: Any, make_comfy: Any, make_job: Any, png: bytes
) -> None:
    """ComfyUI 17, source note 29: named by content; a clash of names gives another one."""
    adapter = make_comfy()
    graph = {"1": node("LoadImage", image=URL), "2": node("LoadImageMask", image=URL, channel="red")}
    job = pipeline(make_job, graph)
    data = FetchedInput(url=URL, data=png, media=sniff(png))
    prepared = await adapter.prepare(job, dict.fromkeys(adapter.links(job), data))
    [name] = comfy.uploads
    assert name.startswith("darkroom/")
    assert name.endswith(".png")
    assert comfy.uploads[name] == png
    assert prepared.content["1"]["inputs"]["image"] == name
    assert prepared.content["2"]["inputs"] == {"image": name, "channel": "red"}
    assert job.content["1"]["inputs"]["image"] == URL

    comfy.uploads[name] = b"something else"
    again = await adapter.prepare(job, dict.fromkeys(adapter.links(job), data))
    assert again.content["1"]["inputs"]["image"] == name.replace(".png", " (1).png")


async def test_an_upload_to_a_runtime_that_is_gone_has_started_nothing(
    comfy: Any, make_comfy: Any, make_job: Any, png: bytes
) -> None:
    adapter = make_comfy()
    job = pipeline(make_job, {"1": node("LoadImage", image=URL)})
    await comfy.stop()
    with pytest.raises(RuntimeRefusedStartError):
        await adapter.prepare(
            job, {link: FetchedInput(url=URL, data=png, media=sniff(png)) for link in adapter.links(job)}
        )


def message(kind: str, prompt_id: str, **data: Any) -> str:
    return json.dumps({"type": kind, "data": {"prompt_id": prompt_id, **data}})


async def test_progress_counts_cached_nodes_and_a_samplers_steps(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    """Source notes 13, 15 and 16: cached counts as done, previews and other prompts are passed over."""
    graph = {
        "1": node("EmptyImage", width=64),
        "3": node("KSampler", steps=8, image=["1", 0]),
        "2": node("SaveImage", images=["3", 0], filename_prefix="a"),
    }
    job = pipeline(make_job, graph)
    comfy.events_before_end = [
        message("execution_cached", job.attempt, nodes=["1"]),
        struct.pack(">II", 1, 1) + b"jpeg",
        message("executing", job.attempt, node="3"),
        message("progress", job.attempt, node="3", value=4, max=8),
        message("progress", "another", node="3", value=8, max=8),
        message("from_the_future", job.attempt, node="3"),
        "not json",
        "[]",
        message("progress_state", job.attempt, nodes={"3": {"value": 6, "max": 8, "state": "running"}}),
        message("progress_state", job.attempt, nodes={"3": {"value": 0, "max": 0, "state": "finished"}}),
        message("progress", job.attempt, node="3", value=1, max=8),
        message("executing", job.attempt, node="2"),
    ]
    heard: list[float] = []
    recorded = record()
    with RunSpans(job).running():
        await make_comfy().run(job, heard.append)
    assert heard == pytest.approx([0.1, 0.5, 0.7, 0.9, 1.0])
    assert recorded.names() == ["node KSampler", "node SaveImage", "infer"]
    nodes = [each for each in recorded if each.name != "infer"]
    assert [(each.attributes or {})[names.NODE_ID] for each in nodes] == ["3", "2"]
    assert {recorded.parent_of(each) for each in nodes} == {"infer"}


async def test_the_nodes_of_a_warm_up_are_nobodys_trace(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    recorded = record()
    job = pipeline(make_job)
    comfy.events_before_end = [message("executing", job.attempt, node=node) for node in ("1", "2")]
    await run(make_comfy(), job)
    assert recorded.names() == []


async def test_interrupting_a_running_prompt(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    """ComfyUI 6 and 13: by its own id; the history then says `error`."""
    comfy.holds = True
    adapter, job = make_comfy(), pipeline(make_job)
    running = asyncio.create_task(run(adapter, job))
    await until(lambda: bool(comfy.running))
    assert await adapter.interrupt(job)
    assert comfy.bodies("/interrupt")[0] == {"prompt_id": job.attempt}
    with pytest.raises(InterruptedRunError):
        await running


async def test_an_interrupt_is_repeated_until_the_prompt_is_gone(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    """Source note 24: one that comes before the first node is forgotten."""
    comfy.holds = True
    comfy.interrupts_ignored = 2
    adapter, job = make_comfy(), pipeline(make_job)
    running = asyncio.create_task(run(adapter, job))
    await until(lambda: bool(comfy.running))
    assert await adapter.interrupt(job)
    assert len(comfy.bodies("/interrupt")) == 3
    with pytest.raises(InterruptedRunError):
        await running


async def test_a_waiting_prompt_is_taken_from_the_queue(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    """ComfyUI 2 and 13: /interrupt does not touch it, and a deleted prompt never gets a history entry."""
    comfy.stuck = True
    comfy.running = [[0, "somebody-elses", {}, {}, []]]
    adapter, job = make_comfy(), pipeline(make_job)
    running = asyncio.create_task(run(adapter, job))
    await until(lambda: bool(comfy.pending))
    assert await adapter.interrupt(job)
    assert comfy.bodies("/interrupt") == []
    assert comfy.running
    with pytest.raises(InterruptedRunError):
        await running


async def test_a_prompt_that_cannot_be_interrupted_says_so(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    """Source note 26: not inside a model load or a custom node that blocks."""
    comfy.holds = True
    comfy.interrupts_ignored = 10_000
    adapter, job = make_comfy(interrupt_seconds=0.4), pipeline(make_job)
    running = asyncio.create_task(run(adapter, job))
    await until(lambda: bool(comfy.running))
    assert not await adapter.interrupt(job)
    comfy.holds = False
    with pytest.raises(InterruptedRunError):
        await running


async def test_a_job_interrupted_before_it_was_submitted_is_not_submitted(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    adapter, job = make_comfy(), pipeline(make_job)
    assert await adapter.interrupt(job)
    with pytest.raises(InterruptedRunError):
        await run(adapter, job)
    assert comfy.bodies("/prompt") == []


async def test_a_prompt_on_its_way_is_interrupted_once_it_is_there(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    comfy.holds = True
    may_answer = asyncio.Event()

    async def slowly(request: Any) -> Any:
        await may_answer.wait()
        return comfy.take(await request.json())

    comfy.on_prompt = slowly
    adapter, job = make_comfy(), pipeline(make_job)
    running = asyncio.create_task(run(adapter, job))
    await asyncio.wait_for(comfy.submitted.wait(), 5)
    interrupting = asyncio.create_task(adapter.interrupt(job))
    await asyncio.sleep(0.05)
    assert not interrupting.done()
    may_answer.set()
    assert await interrupting
    assert comfy.running == comfy.pending == []
    with pytest.raises(InterruptedRunError):
        await running
