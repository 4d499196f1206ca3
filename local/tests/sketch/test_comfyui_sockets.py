import asyncio
import struct
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp
import pytest

from local.sketch.testing import SketchServer, comfyui_server

type Graph = Callable[..., dict[str, Any]]
type Connect = Callable[[SketchServer], AbstractAsyncContextManager[Any]]


async def _nothing_heard(socket: aiohttp.ClientWebSocketResponse, seconds: float = 0.1) -> list[str]:
    heard: list[str] = []
    while True:
        try:
            heard.append((await socket.receive_json(timeout=seconds))["type"])
        except TimeoutError:
            return heard


async def test_others_hear_only_the_status(client: Any, plain: Graph) -> None:
    async with (
        client.session.ws_connect("/ws?clientId=A") as mine,
        client.session.ws_connect("/ws?clientId=B") as other,
        client.session.ws_connect("/ws") as nameless,
    ):
        prompt_id = await client.submit(plain(), client_id="A")
        await client.hear(mine, prompt_id)
        for socket in (other, nameless):
            assert set(await _nothing_heard(socket)) == {"status"}


async def test_a_prompt_without_client_id_sends_only_the_status(client: Any, plain: Graph) -> None:
    async with client.session.ws_connect("/ws?clientId=A") as socket:
        await client.run(plain())
        assert set(await _nothing_heard(socket)) == {"status"}


async def test_a_second_socket_takes_over(client: Any, plain: Graph) -> None:
    async with (
        client.session.ws_connect("/ws?clientId=A") as old,
        client.session.ws_connect("/ws?clientId=A") as new,
    ):
        await old.receive_json(timeout=5)
        prompt_id = await client.submit(plain(), client_id="A")
        assert await client.hear(new, prompt_id)
        assert await _nothing_heard(old) == []
        assert not old.closed


async def test_when_the_old_socket_closes_later_the_new_one_goes_deaf(client: Any, plain: Graph) -> None:
    old = await client.session.ws_connect("/ws?clientId=A")
    async with client.session.ws_connect("/ws?clientId=A") as new:
        await new.receive_json(timeout=5)
        await old.close()
        entry = await client.run(plain(), client_id="A")
        assert entry["status"]["completed"] is True
        assert await _nothing_heard(new) == []
        assert not new.closed


async def test_a_reconnect_in_the_middle_hears_what_runs_and_the_rest(
    connect: Connect, txt2img_graph: Graph
) -> None:
    async with comfyui_server(seconds_per_image=0.5) as server, connect(server) as client:
        async with client.session.ws_connect("/ws?clientId=A") as socket:
            prompt_id = await client.submit(txt2img_graph(steps=10), client_id="A")
            while (await socket.receive_json(timeout=5))["type"] != "progress":
                pass
        async with client.session.ws_connect("/ws?clientId=A") as socket:
            assert (await socket.receive_json(timeout=5))["type"] == "status"
            assert (await socket.receive_json(timeout=5)) == {"type": "executing", "data": {"node": "3"}}
            heard = await client.hear(socket, prompt_id)
        assert "execution_start" not in [message["type"] for message in heard]


async def test_the_history_entry_can_come_after_the_success(connect: Connect, plain: Graph) -> None:
    async with (
        comfyui_server(history_delay=0.2) as server,
        connect(server) as client,
        client.session.ws_connect("/ws?clientId=A") as socket,
    ):
        prompt_id = await client.submit(plain(), client_id="A")
        while (await socket.receive_json(timeout=5))["type"] != "execution_success":
            pass
        assert await client.get(f"/history/{prompt_id}") == {}
        assert [item[1] for item in (await client.get("/queue"))["queue_running"]] == [prompt_id]
        await client.hear(socket, prompt_id)
        assert prompt_id in await client.get(f"/history/{prompt_id}")


@pytest.mark.parametrize(("features", "event"), [(None, 1), ({"supports_preview_metadata": True}, 4)])
async def test_previews_come_as_binary_frames(
    connect: Connect, txt2img_graph: Graph, features: dict[str, bool] | None, event: int
) -> None:
    async with (
        comfyui_server(previews=True) as server,
        connect(server) as client,
        client.session.ws_connect("/ws?clientId=A") as socket,
    ):
        if features is not None:
            await socket.send_json({"type": "feature_flags", "data": features})
            while (await socket.receive_json(timeout=5))["type"] != "feature_flags":
                pass
        await client.submit(txt2img_graph(steps=1), client_id="A")
        while (frame := await socket.receive(timeout=5)).type is not aiohttp.WSMsgType.BINARY:
            pass
        assert struct.unpack(">I", frame.data[:4]) == (event,)
        assert b"\xff\xd8\xff" in frame.data


async def test_a_restart_ends_sockets_with_1006_and_forgets_everything(
    connect: Connect, txt2img_graph: Graph
) -> None:
    async with comfyui_server(seconds_per_image=5) as server, connect(server) as client:
        async with client.session.ws_connect("/ws?clientId=A") as socket:
            running = await client.submit(txt2img_graph(seed=1), client_id="A")
            pending = await client.submit(txt2img_graph(seed=2), client_id="A")
            async with client.session.post("/_sketch/restart") as answer:
                assert answer.status == 200
            while (frame := await socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
                pass
            assert socket.close_code == 1006
            assert frame.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
        with pytest.raises(aiohttp.ClientError):
            await client.get("/queue")
        await asyncio.sleep(1.05)
        assert await client.get("/queue") == {"queue_running": [], "queue_pending": []}
        for prompt_id in (running, pending):
            assert await client.get(f"/history/{prompt_id}") == {}
        assert server.stats.jobs[0].outcome == "lost"
        _, said = await client.post("/prompt", {"prompt": txt2img_graph(seed=3)})
        assert said["number"] == 0
