import asyncio
import json
from typing import Any

import httpx
import pytest

from local.sketch.testing import SketchServer, sdwebui_server

SMALL = {"prompt": "a red fox", "steps": 4, "width": 64, "height": 64, "seed": 7}


async def _post(http: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    return await http.post("/sdapi/v1/txt2img", json={**SMALL, **changes})


async def test_faults_are_planned_listed_and_forgotten_over_http(http: httpx.AsyncClient) -> None:
    planned = await http.post("/_sketch/faults", json=[{"kind": "oom", "next": 2}, {"kind": "http_500"}])
    assert [fault["kind"] for fault in planned.json()["planned"]] == ["oom", "http_500"]
    assert (await http.get("/_sketch/faults")).json() == planned.json()
    assert (await http.post("/_sketch/faults", json={"kind": "nonsense"})).status_code == 400
    assert (await http.post("/_sketch/faults", content=b"{")).status_code == 400
    assert (await http.delete("/_sketch/faults")).json() == {"planned": []}
    assert (await _post(http)).status_code == 200
    assert (await http.get("/_sketch/nonsense")).status_code == 404


@pytest.mark.parametrize(
    ("kind", "error", "says"),
    [
        ("oom", "OutOfMemoryError", "CUDA out of memory"),
        ("cuda_error", "RuntimeError", "CUDA error"),
        ("http_500", "RuntimeError", "device"),
    ],
)
async def test_errors_of_the_gpu_are_500_and_hit_one_job(
    webui: SketchServer, http: httpx.AsyncClient, kind: str, error: str, says: str
) -> None:
    webui.faults.add({"kind": kind})
    answer = await _post(http)
    assert (answer.status_code, answer.json()["error"]) == (500, error)
    assert says in answer.json()["message"]
    assert (await _post(http)).status_code == 200
    assert [job.outcome for job in webui.stats.jobs] == ["failed", "succeeded"]


async def test_the_connection_is_cut_without_an_answer(webui: SketchServer, http: httpx.AsyncClient) -> None:
    webui.faults.add({"kind": "cut_connection"})
    with pytest.raises(httpx.RemoteProtocolError):
        await _post(http)
    assert (await _post(http)).status_code == 200


async def test_a_restart_loses_job_and_options_and_is_away_for_a_while(
    webui: SketchServer, http: httpx.AsyncClient
) -> None:
    await http.post("/sdapi/v1/options", json={"samples_format": "jpg"})
    webui.faults.add({"kind": "restart", "seconds": 0.2})
    results = await asyncio.gather(_post(http), _post(http), return_exceptions=True)
    assert all(isinstance(result, httpx.TransportError) for result in results)
    with pytest.raises(httpx.TransportError):
        await http.get("/sdapi/v1/memory")
    await asyncio.sleep(0.25)
    assert (await http.get("/sdapi/v1/options")).json()["samples_format"] == "png"
    assert (await _post(http)).status_code == 200


async def test_a_restart_can_be_asked_for_while_a_job_runs() -> None:
    async with (
        sdwebui_server(seconds_per_image=5) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        job = asyncio.create_task(_post(http))
        while not server.stats.running:
            await asyncio.sleep(0.01)
        assert (await http.post("/_sketch/restart")).status_code == 200
        with pytest.raises(httpx.TransportError):
            await job
        while server.stats.running:
            await asyncio.sleep(0.005)
        assert server.stats.jobs[0].outcome == "lost"


async def test_a_hanging_run_does_not_heed_an_interrupt(webui: SketchServer, http: httpx.AsyncClient) -> None:
    webui.faults.add({"kind": "hang", "seconds": 2})
    job = asyncio.create_task(_post(http))
    while not (await http.get("/sdapi/v1/progress")).json()["state"]["sampling_step"]:
        await asyncio.sleep(0.005)
    await http.post("/sdapi/v1/interrupt")
    done, _ = await asyncio.wait([job], timeout=0.1)
    assert not done
    assert (await job).status_code == 200


async def test_a_run_that_hangs_for_ever_does_not_keep_the_server_from_ending() -> None:
    async with sdwebui_server(faults=[{"kind": "hang"}]) as server:
        impatient = httpx.Timeout(30, read=0.3)
        async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=impatient) as http:
            with pytest.raises(httpx.ReadTimeout):
                await _post(http)
        assert server.stats.running
    assert not server.stats.running


async def test_a_slow_run_can_be_interrupted(webui: SketchServer, http: httpx.AsyncClient) -> None:
    webui.faults.add({"kind": "slow", "seconds": 20})
    job = asyncio.create_task(_post(http, steps=400))
    while not (await http.get("/sdapi/v1/progress")).json()["state"]["sampling_step"]:
        await asyncio.sleep(0.01)
    await http.post("/sdapi/v1/interrupt")
    assert (await job).status_code == 200
    assert webui.stats.jobs[0].outcome == "interrupted"


async def test_an_interrupt_by_somebody_else_looks_like_success(
    webui: SketchServer, http: httpx.AsyncClient
) -> None:
    webui.faults.add({"kind": "interrupted"})
    half, whole = await _post(http), await _post(http)
    assert half.status_code == 200
    assert half.json()["images"] != whole.json()["images"]
    assert webui.stats.jobs[0].outcome == "interrupted"


async def test_pictures_are_missing(webui: SketchServer, http: httpx.AsyncClient) -> None:
    webui.faults.add({"kind": "no_images"}, {"kind": "partial_outputs"})
    assert (await _post(http)).json()["images"] == []
    assert len((await _post(http, batch_size=3)).json()["images"]) == 2


async def test_another_model_than_asked_for_is_only_told_in_info(
    webui: SketchServer, http: httpx.AsyncClient
) -> None:
    webui.faults.add({"kind": "wrong_model"})
    wrong, right = await _post(http), await _post(http)
    assert json.loads(wrong.json()["info"])["sd_model_name"] == "sd_xl_base_1.0"
    assert json.loads(right.json()["info"])["sd_model_name"] == "v1-5-pruned-emaonly"


async def test_half_of_the_json(webui: SketchServer, http: httpx.AsyncClient) -> None:
    webui.faults.add({"kind": "garbage_json"})
    answer = await _post(http)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


async def test_headers_come_late(webui: SketchServer) -> None:
    webui.faults.add({"kind": "slow_headers", "seconds": 1})
    late = httpx.Timeout(30, read=0.15)
    async with httpx.AsyncClient(base_url=webui.url, trust_env=False, timeout=late) as impatient:
        with pytest.raises(httpx.ReadTimeout):
            await _post(impatient)
    async with httpx.AsyncClient(base_url=webui.url, trust_env=False, timeout=30) as patient:
        assert (await _post(patient)).status_code == 200
