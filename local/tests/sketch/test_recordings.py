"""The sketches beside recordings of the real servers; skipped where those are not at hand."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from local.sketch.testing import SketchServer, comfyui_server

RECORDINGS = Path(os.environ.get("DARKROOM_TRANSCRIPTS", "/nonexistent"))
pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="DARKROOM_TRANSCRIPTS does not name the folder with the recordings"
)
# Recorded with random weights under names of their own.
MODELS = ("random-sd15.safetensors", "random-tiny-sd15.safetensors")
LOOSE = {"traceback", "timestamp", "executed", "current_outputs", "current_inputs"}
OURS_DIFFER = {"message", "details", "exception_message", "input_config"}


def _recorded(kind: str, name: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((RECORDINGS / kind / f"{name}.json").read_text())
    return said


def _shape(value: Any) -> Any:
    """Keys and types; of lists the first element's."""
    if isinstance(value, dict):
        return {key: _shape(each) for key, each in value.items() if key not in LOOSE}
    if isinstance(value, list):
        return [_shape(value[0])] if value else []
    return (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    )


def _kinds(heard: list[dict[str, Any]]) -> list[Any]:
    """Event types with the node they are about; sampler progress folded."""
    told: list[Any] = []
    for message in heard:
        data = message["data"]
        entry = (
            (message["type"], data.get("node"))
            if message["type"] in {"executing", "executed"}
            else message["type"]
        )
        if entry in {"progress", "progress_state"} and told and told[-1] in {"progress", "progress_state"}:
            continue
        told.append(entry)
    return told


PROMPTS = [
    "01_success",
    "02_batch",
    "05_cached",
    "06_stale_success",
    "14_txt2img_tiny",
    "23_free_drops_cache",
]


@pytest.mark.parametrize("name", PROMPTS)
async def test_prompts_send_the_recorded_events_and_leave_the_recorded_history(name: str) -> None:
    recording = _recorded("comfyui", name)
    async with comfyui_server(models=MODELS) as server, aiohttp.ClientSession(server.url) as session:
        await _prime(session, recording)
        for call in recording["http"]:
            await _replay(session, call, recording["ws"])


async def _prime(session: aiohttp.ClientSession, recording: dict[str, Any]) -> None:
    """Let the cache hold what an earlier recording had left in the real server's."""
    first = next(
        each["text"]["data"]["nodes"] for each in recording["ws"] if _type(each) == "execution_cached"
    )
    if not first:
        return
    graph = next(call["request_body"]["prompt"] for call in recording["http"] if call["path"] == "/prompt")
    kept = {node_id: graph[node_id] for node_id in first}
    kept["preview"] = {"class_type": "PreviewImage", "inputs": {"images": [first[-1], 0]}}
    async with session.post("/prompt", json={"prompt": kept}) as answer:
        assert answer.status == 200


def _type(message: dict[str, Any]) -> str | None:
    text = message.get("text")
    return text["type"] if isinstance(text, dict) else None


async def _replay(session: aiohttp.ClientSession, call: dict[str, Any], ws: list[dict[str, Any]]) -> None:
    body = call["request_body"]
    if call["path"] == "/upload/image":
        form = aiohttp.FormData()
        form.add_field("image", b"not a picture", filename=body[0][1]["filename"])
        async with session.post("/upload/image", data=form) as answer:
            assert _shape(await answer.json()) == _shape(call["response_body"])
    elif call["path"] == "/free":
        async with session.post("/free", json=body) as answer:
            assert answer.status == call["status"]
    elif call["method"] == "POST" and call["status"] == 200:
        client_id = body["client_id"]
        recorded = [each["text"] for each in ws if each["socket"] == client_id and _is_of(each["text"], call)]
        async with session.ws_connect(f"/ws?clientId={client_id}") as socket:
            async with session.post("/prompt", json=body) as answer:
                said = await answer.json()
            assert _shape(said) == _shape(call["response_body"])
            heard = await _hear(socket, said["prompt_id"])
        ours = [message for message in heard if message["type"] != "status"]
        assert _kinds(ours) == _kinds(recorded)
        assert {m["type"]: _shape(m) for m in ours}.keys() == {m["type"] for m in recorded}
        async with session.get(f"/history/{said['prompt_id']}") as answer:
            entry = (await answer.json())[said["prompt_id"]]
        call["ours"] = entry


def _is_of(message: dict[str, Any], call: dict[str, Any]) -> bool:
    return bool(message["data"].get("prompt_id") == call["response_body"]["prompt_id"])


async def _hear(socket: aiohttp.ClientWebSocketResponse, prompt_id: str) -> list[dict[str, Any]]:
    heard: list[dict[str, Any]] = []
    while True:
        message: dict[str, Any] = await socket.receive_json(timeout=10)
        heard.append(message)
        if message["type"] == "executing" and message["data"] == {"node": None, "prompt_id": prompt_id}:
            return heard


@pytest.mark.parametrize("name", ["01_success", "02_batch", "05_cached"])
async def test_history_entries_have_the_recorded_shape(name: str) -> None:
    recording = _recorded("comfyui", name)
    async with comfyui_server(models=MODELS) as server, aiohttp.ClientSession(server.url) as session:
        entries = []
        await _prime(session, recording)
        for call in recording["http"]:
            await _replay(session, call, recording["ws"])
            entries += [call["ours"]] if "ours" in call else []
    recorded = [
        next(iter(call["response_body"].values()))
        for call in recording["http"]
        if call["path"].startswith("/history/")
    ]
    assert [_shape(entry) for entry in entries] == [_shape(entry) for entry in recorded]
    assert [entry["outputs"] for entry in entries] == [entry["outputs"] for entry in recorded]


@pytest.mark.parametrize("name", ["03_invalid", "19_nan_and_types"])
async def test_refused_prompts_are_refused_as_recorded(name: str) -> None:
    calls = [call for call in _recorded("comfyui", name)["http"] if call["path"] == "/prompt"]
    async with comfyui_server(models=MODELS) as server, aiohttp.ClientSession(server.url) as session:
        for call in calls:
            body = call["request_body"]
            data = body if isinstance(body, str) else json.dumps(body)
            async with session.post("/prompt", data=data) as answer:
                assert answer.status == call["status"], body
                said = json.loads(await answer.text()) if answer.status == 400 else None
            if said is not None:
                assert said["error"] == call["response_body"]["error"]
                assert _faults(said) == _faults(call["response_body"])


def _faults(said: dict[str, Any]) -> dict[str, Any]:
    """The node errors without tracebacks; their order is that of a set in the real server."""
    told = {}
    for node_id, entry in said["node_errors"].items():
        errors = [
            {**error, "extra_info": {**error["extra_info"], "traceback": None}} for error in entry["errors"]
        ]
        errors.sort(key=lambda error: error["details"])
        told[node_id] = {**entry, "errors": json.loads(json.dumps(errors).replace("NaN", "0"))}
    return told


@pytest.mark.parametrize("name", ["EmptyImage", "SaveImage", "CheckpointLoaderSimple"])
async def test_node_descriptions_have_the_recorded_inputs(name: str) -> None:
    calls = _recorded("comfyui", "11_info")["http"]
    recorded = next(c["response_body"][name] for c in calls if c["path"] == f"/object_info/{name}")
    async with (
        comfyui_server(models=MODELS) as server,
        aiohttp.ClientSession(server.url) as session,
        session.get(f"/object_info/{name}") as answer,
    ):
        ours = (await answer.json())[name]
    assert ours["input_order"] == recorded["input_order"]
    assert (ours["output"], ours["output_node"]) == (recorded["output"], recorded["output_node"])


async def test_information_routes_of_comfyui_have_the_recorded_shape() -> None:
    calls = [c for c in _recorded("comfyui", "11_info")["http"] if c["method"] == "GET"]
    wanted = {
        "/system_stats",
        "/queue",
        "/prompt",
        "/features",
        "/embeddings",
        "/extensions",
        "/history/no-such-id",
    }
    async with comfyui_server(models=MODELS) as server, aiohttp.ClientSession(server.url) as session:
        for call in calls:
            if call["path"] in wanted:
                async with session.get(call["path"]) as answer:
                    ours = await answer.json()
                assert set(ours) == set(call["response_body"])


async def test_generations_of_the_web_ui_have_the_recorded_shape(http: httpx.AsyncClient, png64: str) -> None:
    for call in _recorded("a1111", "a04_txt2img")["http"]:
        body = {**call["request_body"]}
        if call["path"].endswith("png-info"):
            continue
        if "init_images" in body:
            body["init_images"] = [png64]
        answer = await http.post(call["path"], json=body)
        assert answer.status_code == call["status"]
        ours, recorded = answer.json(), call["response_body"]
        assert ours["parameters"].keys() == recorded["parameters"].keys()
        assert len(ours["images"]) == len(recorded["images"])
        info, recorded_info = json.loads(ours["info"]), json.loads(recorded["info"])
        assert info.keys() == recorded_info.keys()
        assert {key: len(str(key)) for key in info["extra_generation_params"]} == {
            key: len(str(key)) for key in recorded_info["extra_generation_params"]
        }
        assert [_head(text) for text in info["infotexts"]][: len(recorded["images"])] == [
            _head(text) for text in recorded_info["infotexts"]
        ][: len(recorded["images"])] or body["seed"] == -1


def _head(text: str) -> str:
    return text.partition(", Model hash")[0]


async def test_errors_of_the_web_ui_are_the_recorded_ones(http: httpx.AsyncClient) -> None:
    for name in ("a02_no_weights", "a03_errors"):
        for call in _recorded("a1111", name)["http"]:
            body = call["request_body"]
            ours = await _call(http, call, body)
            assert ours.status_code == call["status"], call
            if call["status"] >= 400:
                assert ours.json().keys() == call["response_body"].keys()
                assert _told(ours.json()) == _told(call["response_body"]), call["request_body"]


async def _call(http: httpx.AsyncClient, call: dict[str, Any], body: Any) -> httpx.Response:
    try:
        if isinstance(body, str):
            kind = "text/plain" if body.startswith('{"prompt"') else "application/json"
            headers = {"Content-Type": kind, "Connection": "close"}
            return await http.request(call["method"], call["path"], content=body, headers=headers)
        return await http.request(call["method"], call["path"], json=body, headers={"Connection": "close"})
    except httpx.RemoteProtocolError as error:
        raise AssertionError(call["path"]) from error


def _told(said: dict[str, Any]) -> Any:
    detail = said["detail"]
    if isinstance(detail, list):
        return [{key: value for key, value in fault.items() if key != "ctx"} for fault in detail]
    return said


@pytest.mark.parametrize(
    "path", ["progress", "samplers", "schedulers", "upscalers", "sd-models", "memory", "scripts"]
)
async def test_information_routes_of_the_web_ui_have_the_recorded_shape(
    http: httpx.AsyncClient, path: str
) -> None:
    calls = _recorded("a1111", "a01_info")["http"]
    recorded = next(c["response_body"] for c in calls if c["path"] == f"/sdapi/v1/{path}")
    ours = (await http.get(f"/sdapi/v1/{path}")).json()
    one, other = (each[0] if isinstance(each, list) else each for each in (ours, recorded))
    assert one.keys() == other.keys()


async def test_options_are_a_part_of_the_recorded_ones(webui: SketchServer, http: httpx.AsyncClient) -> None:
    del webui
    calls = _recorded("a1111", "a01_info")["http"]
    recorded = next(c["response_body"] for c in calls if c["path"] == "/sdapi/v1/options")
    ours = (await http.get("/sdapi/v1/options")).json()
    assert set(ours) - set(recorded) <= {"_truncated"}


async def test_request_fields_are_the_recorded_ones(http: httpx.AsyncClient) -> None:
    schemas = json.loads((RECORDINGS / "a1111" / "openapi.json").read_text())["components"]["schemas"]
    ours = (await http.get("/openapi.json")).json()["components"]["schemas"]
    pairs = {
        "TextToImage": "StableDiffusionProcessingTxt2Img",
        "ImageToImage": "StableDiffusionProcessingImg2Img",
        "ExtrasSingle": "ExtrasSingleImageRequest",
        "ExtrasBatch": "ExtrasBatchImagesRequest",
    }
    differences: dict[str, Callable[..., Any] | set[str]] = {
        name: set(ours[name]["properties"]) ^ set(schemas[recorded]["properties"])
        for name, recorded in pairs.items()
    }
    assert differences == {name: set() for name in pairs}
