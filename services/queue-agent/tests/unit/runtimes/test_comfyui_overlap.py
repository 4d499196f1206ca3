"""The next prompt may begin as soon as one has run to its end, whatever is still to be fetched of it."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from queue_agent.errors import (
    InterruptedRunError,
    RuntimeLostError,
    RuntimeRefusedStartError,
    TaskFailedError,
)
from queue_agent.testing import until

GRAPH = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "ok"}},
}


def ignore(_: float) -> None:
    """Progress that nobody wants."""


async def test_between_two_prompts_nothing_is_asked(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    adapter = make_comfy()
    jobs = [await adapter.prepare(make_job("pipeline", GRAPH), {}) for _ in range(2)]
    assert len(comfy.sockets) == 1
    seen: list[int] = []
    runs: list[asyncio.Task[Any]] = []

    def next_one() -> None:
        seen.append(len(comfy.seen))
        runs.append(asyncio.create_task(adapter.run(jobs[1], ignore)))

    await adapter.run(jobs[0], ignore, next_one)
    await runs[0]
    assert comfy.seen[seen[0]][1] == "/prompt"
    assert comfy.bodies("/prompt")[1]["client_id"] == comfy.bodies("/prompt")[0]["client_id"]


async def test_the_gpu_is_free_before_the_history_knows_and_each_gets_its_own_files(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    """Recording 16: execution_success comes before the entry exists."""
    adapter = make_comfy()
    comfy.late_history = 0.2
    freed = asyncio.Event()
    one, two = make_job("pipeline", GRAPH), make_job("pipeline", GRAPH)
    first = asyncio.create_task(adapter.run(one, ignore, freed.set))
    await asyncio.wait_for(freed.wait(), 5)
    assert comfy.history == {}
    comfy.holds = True
    second = asyncio.create_task(adapter.run(two, ignore))
    done = await first
    assert not second.done()
    assert comfy.bodies("/history") == [{"delete": [one.attempt]}]
    assert comfy.bodies("/interrupt") == comfy.bodies("/free") == []
    comfy.holds = False
    folders = [result.answer["outputs"]["2"]["images"][0]["subfolder"] for result in (done, await second)]
    assert folders == [f"darkroom/{one.attempt}", f"darkroom/{two.attempt}"]


async def test_a_deaf_socket_is_replaced_and_the_history_tells(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    """ComfyUI 14: it stays open and hears nothing, for ever."""
    comfy.deaf = True
    adapter = make_comfy()
    freed: list[int] = []
    result = await adapter.run(make_job("pipeline", GRAPH), ignore, lambda: freed.append(1))
    assert result.outputs
    assert freed == [1]
    [deaf] = {body["client_id"] for body in comfy.bodies("/prompt")}
    comfy.deaf = False
    await until(lambda: comfy.sockets and deaf not in comfy.sockets)
    comfy.late_history = 0.1
    heard: list[str] = []
    job = make_job("pipeline", GRAPH)
    await adapter.run(job, ignore, lambda: heard.extend(comfy.history))
    assert heard == []  # by its message, before the history
    assert comfy.bodies("/prompt")[1]["client_id"] != deaf


async def test_a_failed_prompt_does_not_free_the_gpu_before_it_is_understood(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    """Source note 27: models are unloaded while nothing runs."""
    event = {"exception_type": "torch.OutOfMemoryError", "exception_message": ""}
    freed: list[int] = []

    async def fail(request: web.Request) -> web.Response:
        body = await request.json()
        comfy.status, comfy.messages = "error", [["execution_error", event]]
        comfy.finish(body["prompt_id"], {})
        await comfy.tell(body["client_id"], "execution_error", {"prompt_id": body["prompt_id"], **event})
        return web.json_response({"prompt_id": body["prompt_id"], "number": 0, "node_errors": {}})

    comfy.on_prompt = fail
    with pytest.raises(RuntimeLostError):
        await make_comfy().run(make_job("pipeline", GRAPH), ignore, lambda: freed.append(1))
    assert comfy.bodies("/free") == [{"unload_models": True, "free_memory": True}]
    assert freed == []


async def test_a_gpu_that_is_poisoned_is_said_to_be(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    comfy.status = "error"
    event = {"exception_type": "torch.AcceleratorError", "exception_message": "CUDA error: unknown error"}
    comfy.messages = [["execution_error", event]]

    async def fail(request: web.Request) -> web.Response:
        body = await request.json()
        comfy.finish(body["prompt_id"], {})
        return web.json_response({"prompt_id": body["prompt_id"], "number": 0, "node_errors": {}})

    comfy.on_prompt = fail
    with pytest.raises(RuntimeLostError) as lost:
        await make_comfy().run(make_job("pipeline", GRAPH), ignore)
    assert lost.value.poisoned


async def test_a_run_that_was_given_up_is_sent_away_before_the_next(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    comfy.holds = True
    adapter, given_up = make_comfy(), make_job("pipeline", GRAPH)
    running = asyncio.create_task(adapter.run(given_up, ignore))
    await until(lambda: comfy.running)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    second = asyncio.create_task(adapter.run(make_job("pipeline", GRAPH), ignore))
    await until(lambda: len(comfy.bodies("/prompt")) == 2)
    assert comfy.bodies("/interrupt")[0] == {"prompt_id": given_up.attempt}
    comfy.status, comfy.messages, comfy.holds = "success", [], False
    assert (await second).outputs


async def test_nothing_is_started_behind_a_run_that_does_not_stop(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    comfy.holds, comfy.interrupts_ignored = True, 10_000
    adapter, given_up = make_comfy(interrupt_seconds=0.4), make_job("pipeline", GRAPH)
    running = asyncio.create_task(adapter.run(given_up, ignore))
    await until(lambda: comfy.running)
    assert not await adapter.interrupt(given_up)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    with pytest.raises(RuntimeRefusedStartError, match="given up"):
        await adapter.run(make_job("pipeline", GRAPH), ignore)
    assert len(comfy.bodies("/prompt")) == 1


async def test_it_is_not_idle_while_an_earlier_prompt_of_this_agent_runs(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    comfy.holds, comfy.interrupts_ignored = True, 10_000
    adapter, given_up, later = (
        make_comfy(interrupt_seconds=0.4),
        make_job("pipeline", GRAPH),
        make_job("pipeline", GRAPH),
    )
    running = asyncio.create_task(adapter.run(given_up, ignore))
    await until(lambda: comfy.running)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not await adapter.interrupt(later)
    comfy.interrupts_ignored = 0
    assert await adapter.interrupt(later)
    assert comfy.running == []
    with pytest.raises(InterruptedRunError):
        await adapter.run(later, ignore)


async def test_several_files_are_downloaded_at_once(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    entries = [comfy.file(f"{n}.png", "", "output", bytes([n])) for n in range(1, 7)]
    comfy.gives({"2": {"images": entries}})
    at_once = 0
    most = 0
    plain = comfy._view

    async def slowly(request: web.Request) -> Any:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.03)
        at_once -= 1
        return await plain(request)

    comfy.on_view = slowly
    result = await make_comfy().run(make_job("pipeline", GRAPH), ignore)
    assert [output.data for output in result.outputs] == [bytes([n]) for n in range(1, 7)]
    assert 1 < most <= 4


async def test_one_file_missing_loses_them_all(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    there = comfy.file("a.png", "", "output")
    comfy.gives(
        {"2": {"images": [there, {"filename": "gone.png", "subfolder": "", "type": "output"}, there]}}
    )
    with pytest.raises(RuntimeLostError, match=r"gone\.png"):
        await make_comfy().run(make_job("pipeline", GRAPH), ignore)


async def test_numbers_that_json_does_not_have_become_null(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    entry = comfy.file("a.png", "", "output")
    comfy.gives({"2": {"images": [entry], "loss": [float("nan"), float("inf"), 0.5]}})
    result = await make_comfy().run(make_job("pipeline", GRAPH), ignore)
    assert result.answer["outputs"]["2"]["loss"] == [None, None, 0.5]


async def test_a_workflow_that_is_refused_leaves_nothing_to_clear(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=500, text="Server got itself in trouble")

    adapter = make_comfy()
    comfy.on_prompt = refuse
    with pytest.raises(TaskFailedError):
        await adapter.run(make_job("pipeline", GRAPH), ignore)
    comfy.on_prompt = None
    job = await adapter.prepare(make_job("pipeline", GRAPH), {})
    asked = comfy.paths("GET").count("/queue")
    comfy.holds = True
    running = asyncio.create_task(adapter.run(job, ignore))
    await until(lambda: len(comfy.bodies("/prompt")) == 2)
    assert comfy.paths("GET").count("/queue") == asked
    comfy.holds = False
    assert (await running).outputs
