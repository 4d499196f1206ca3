import base64
import io
import json
import time
import zlib
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import pytest
from PIL import Image

from local.sketch.prepared import PreparedPicture
from local.sketch.testing import comfyui_server, sdwebui_server

SIZE = 400_000


def in_the_order_of_a_clock(runs: list[dict[str, Any]], begun: int, ended: int) -> bool:
    times = [time for run in runs for time in (run["begun_ns"], run["ended_ns"])]
    return times == sorted(times) and begun <= times[0] and times[-1] <= ended


@pytest.mark.parametrize("size", [1, 400_000, 2_000_000])
def test_the_picture_has_the_size_that_was_asked_for_and_nothing_makes_it_smaller(size: int) -> None:
    data = PreparedPicture(size).data
    image = Image.open(io.BytesIO(data))
    image.load()
    assert image.format == "PNG"
    assert abs(len(data) - size) < size * 0.01 + 200
    assert len(zlib.compress(data)) > len(data) * 0.99


async def test_sdwebui_answers_with_the_prepared_picture_and_true_info() -> None:
    async with (
        sdwebui_server(picture_bytes=SIZE) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        body = {"prompt": "p", "seed": 7, "steps": 4, "n_iter": 2, "sampler_name": "Euler a"}
        answer = (await http.post("/sdapi/v1/txt2img", json=body)).json()
    info = json.loads(answer["info"])
    pictures = [base64.b64decode(each, validate=True) for each in answer["images"]]
    assert pictures == [PreparedPicture(SIZE).data] * 2
    assert (info["all_seeds"], info["sampler_name"]) == ([7, 8], "Euler a")
    assert info["sd_model_name"] == "v1-5-pruned-emaonly"
    assert answer["parameters"]["prompt"] == "p"


async def test_a_fault_without_pictures_leaves_none_in_the_answer() -> None:
    async with (
        sdwebui_server(picture_bytes=SIZE, faults=[{"kind": "no_images"}]) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        answer = (await http.post("/sdapi/v1/txt2img", json={"steps": 1})).json()
    assert answer["images"] == []


async def test_sdwebui_tells_when_it_was_busy_with_which_task() -> None:
    async with (
        sdwebui_server(picture_bytes=SIZE, seconds_per_image=0.05) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        begun = time.monotonic_ns()
        for name in ("first", "second"):
            await http.post("/sdapi/v1/txt2img", json={"force_task_id": name, "steps": 4})
        ended = time.monotonic_ns()
        await http.get("/sdapi/v1/progress")
        runs = (await http.get("/_sketch/runs")).json()
    assert [run["name"] for run in runs] == ["first", "second"]
    assert in_the_order_of_a_clock(runs, begun, ended)


async def test_comfyui_saves_the_prepared_picture_and_tells_when_it_was_busy(
    txt2img_graph: Callable[..., dict[str, Any]],
) -> None:
    async with (
        comfyui_server(picture_bytes=SIZE, seconds_per_image=0.05) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        begun = time.monotonic_ns()
        async with http.post("/prompt", json={"prompt": txt2img_graph(), "prompt_id": "mine"}) as answer:
            assert answer.status == 200
        entry: dict[str, Any] = {}
        while not entry:
            async with http.get("/history/mine") as answer:
                entry = await answer.json()
        ended = time.monotonic_ns()
        (file,) = [image for node in entry["mine"]["outputs"].values() for image in node.get("images", ())]
        async with http.get("/view", params=file) as answer:
            assert await answer.read() == PreparedPicture(SIZE).data
        async with http.get("/_sketch/runs") as answer:
            runs = await answer.json()
    assert [run["name"] for run in runs] == ["mine"]
    assert in_the_order_of_a_clock(runs, begun, ended)
