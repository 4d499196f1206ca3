import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from local.sketch.testing import SketchServer

type Graph = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("sampler", [True, False])
@pytest.mark.parametrize(
    ("kind", "exception"), [("oom", "torch.OutOfMemoryError"), ("cuda_error", "RuntimeError")]
)
async def test_errors_of_the_gpu_are_execution_errors(  # noqa: PLR0917 (fixtures)
    comfy: SketchServer,
    client: Any,
    txt2img_graph: Graph,
    plain: Graph,
    sampler: bool,
    kind: str,
    exception: str,
) -> None:
    comfy.faults.add({"kind": kind})
    graph = txt2img_graph() if sampler else plain()
    entry = await client.run(graph)
    name, data = entry["status"]["messages"][-1]
    assert (name, data["exception_type"]) == ("execution_error", exception)
    assert (await client.run(graph))["status"]["completed"] is True


async def test_a_500_queues_nothing(comfy: SketchServer, client: Any, plain: Graph) -> None:
    comfy.faults.add({"kind": "http_500"})
    status, text = await client.post("/prompt", {"prompt": plain()})
    assert (status, "trouble" in text) == (500, True)
    assert not comfy.stats.jobs


async def test_a_lost_answer_leaves_the_prompt_in_the_queue(
    comfy: SketchServer, client: Any, plain: Graph
) -> None:
    comfy.faults.add({"kind": "cut_connection"})
    with pytest.raises(aiohttp.ClientError):
        await client.post("/prompt", {"prompt": plain(), "prompt_id": "mine"})
    assert (await client.ended("mine"))["status"]["completed"] is True


async def test_an_interrupt_by_somebody_else(comfy: SketchServer, client: Any, txt2img_graph: Graph) -> None:
    comfy.faults.add({"kind": "interrupted"})
    entry = await client.run(txt2img_graph())
    assert entry["status"]["messages"][-1][0] == "execution_interrupted"
    assert entry["outputs"] == {}


async def test_outputs_can_be_half_or_none(comfy: SketchServer, client: Any, plain: Graph) -> None:
    comfy.faults.add({"kind": "partial_outputs"}, {"kind": "no_images"})
    half = await client.run(plain(color=1))
    assert (half["status"]["status_str"], list(half["outputs"])) == ("error", ["2"])
    none = await client.run(plain(color=2))
    assert (none["status"]["status_str"], none["outputs"]) == ("success", {})


async def test_a_model_that_went_away(comfy: SketchServer, client: Any, txt2img_graph: Graph) -> None:
    comfy.faults.add({"kind": "wrong_model"})
    status, said = await client.post("/prompt", {"prompt": txt2img_graph()})
    assert (status, said["node_errors"]["4"]["errors"][0]["type"]) == (400, "value_not_in_list")


async def test_half_of_the_history(comfy: SketchServer, client: Any, plain: Graph) -> None:
    comfy.faults.add({"kind": "garbage_json"})
    prompt_id = await client.submit(plain())
    with pytest.raises(json.JSONDecodeError):
        await client.ended(prompt_id)
    assert (await client.ended(prompt_id))["status"]["completed"] is True


async def test_a_late_answer_and_a_late_history(comfy: SketchServer, client: Any, plain: Graph) -> None:
    comfy.faults.add({"kind": "slow_headers", "seconds": 0.1}, {"kind": "history_late", "seconds": 0.1})
    loop = asyncio.get_running_loop()
    begin = loop.time()
    await client.run(plain(color=1))
    assert loop.time() - begin >= 0.1
    prompt_id = await client.submit(plain(color=2))
    while not comfy.stats.jobs[1:] or comfy.stats.running:
        await asyncio.sleep(0.005)
    assert await client.get(f"/history/{prompt_id}") == {}
    assert (await client.ended(prompt_id))["status"]["completed"] is True


async def test_a_deaf_websocket_hears_the_next_job_again(
    comfy: SketchServer, client: Any, plain: Graph
) -> None:
    comfy.faults.add({"kind": "deaf_websocket"})
    async with client.session.ws_connect("/ws?clientId=A") as socket:
        await client.run(plain(color=1), client_id="A")
        prompt_id = await client.submit(plain(color=2), client_id="A")
        heard = await client.hear(socket, prompt_id)
    started = [m["data"]["prompt_id"] for m in heard if m["type"] == "execution_start"]
    assert started == [prompt_id]


async def test_a_cut_websocket_does_not_stop_the_run(
    comfy: SketchServer, client: Any, txt2img_graph: Graph
) -> None:
    comfy.faults.add({"kind": "cut_websocket"})
    async with client.session.ws_connect("/ws?clientId=A") as socket:
        prompt_id = await client.submit(txt2img_graph(), client_id="A")
        while (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert socket.close_code == 1006
    assert (await client.ended(prompt_id))["status"]["completed"] is True


async def test_a_restart_in_the_middle_of_a_run(
    comfy: SketchServer, client: Any, txt2img_graph: Graph
) -> None:
    comfy.faults.add({"kind": "restart", "seconds": 0.1})
    prompt_id = await client.submit(txt2img_graph())
    while not comfy.stats.jobs or comfy.stats.running:
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.12)
    assert await client.get(f"/history/{prompt_id}") == {}
    assert (await client.get("/queue"))["queue_running"] == []
    assert (await client.run(txt2img_graph()))["status"]["completed"] is True


async def test_a_hanging_node_does_not_heed_an_interrupt(
    comfy: SketchServer, client: Any, txt2img_graph: Graph
) -> None:
    comfy.faults.add({"kind": "hang", "seconds": 0.3})
    prompt_id = await client.submit(txt2img_graph())
    await asyncio.sleep(0.1)
    await client.post("/interrupt", {"prompt_id": prompt_id})
    assert [item[1] for item in (await client.get("/queue"))["queue_running"]] == [prompt_id]
    entry = await client.ended(prompt_id)
    assert entry["status"]["messages"][-1][0] == "execution_interrupted"


async def test_a_slow_run_ends_well(comfy: SketchServer, client: Any, txt2img_graph: Graph) -> None:
    comfy.faults.add({"kind": "slow", "seconds": 0.2})
    assert (await client.run(txt2img_graph()))["status"]["completed"] is True
    start, end = comfy.stats.busy()[0]
    assert end - start >= 190
