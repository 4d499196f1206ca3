import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import httpx
import pytest
from PIL import Image

from local.sketch.testing import SketchServer, comfyui_server, sdwebui_server


@pytest.fixture
async def webui() -> AsyncIterator[SketchServer]:
    async with sdwebui_server() as server:
        yield server


@pytest.fixture
async def http(webui: SketchServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=webui.url, timeout=20, trust_env=False) as client:
        yield client


@pytest.fixture
async def comfy() -> AsyncIterator[SketchServer]:
    async with comfyui_server() as server:
        yield server


@pytest.fixture
async def session(comfy: SketchServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(comfy.url) as client:
        yield client


@pytest.fixture
def opened() -> Callable[[str], Image.Image]:
    """A picture from the base64 of an answer."""

    def open_it(text: str) -> Image.Image:
        image = Image.open(io.BytesIO(base64.b64decode(text)))
        image.load()
        return image

    return open_it


@pytest.fixture
def png64() -> str:
    """A small picture with a hard edge, as a request carries it."""
    image = Image.new("RGB", (32, 32), "navy")
    image.paste((250, 200, 80), (0, 0, 16, 32))
    out = io.BytesIO()
    image.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


@pytest.fixture
def txt2img_graph() -> Callable[..., dict[str, Any]]:
    """The usual workflow, with what a test wants different."""

    def graph(
        *, seed: int = 1, steps: int = 4, prefix: str = "sd", text: str = "a red fox", batch: int = 1
    ) -> dict[str, Any]:
        sampler = {
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
        }
        return {
            "3": {"class_type": "KSampler", "inputs": sampler},
            "4": {
                "class_type": "CheckpointLoaderSimple",
                "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors"},
            },
            "5": {
                "class_type": "EmptyLatentImage",
                "inputs": {"width": 64, "height": 64, "batch_size": batch},
            },
            "6": {"class_type": "CLIPTextEncode", "inputs": {"text": text, "clip": ["4", 1]}},
            "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
            "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
            "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": prefix}},
        }

    return graph


class Comfy:
    """A ComfyUI client for tests: submits, waits, listens."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def get(self, path: str) -> Any:
        async with self.session.get(path) as answer:
            return await answer.json()

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        async with self.session.post(path, json=body) as answer:
            kind = answer.content_type
            return answer.status, await (answer.json() if kind == "application/json" else answer.text())

    async def submit(self, graph: dict[str, Any], **more: Any) -> str:
        status, said = await self.post("/prompt", {"prompt": graph, **more})
        assert status == 200, said
        return str(said["prompt_id"])

    async def ended(self, prompt_id: str) -> dict[str, Any]:
        """The history entry, once there is one."""
        while not (history := await self.get(f"/history/{prompt_id}")):
            await asyncio.sleep(0.005)
        entry: dict[str, Any] = history[prompt_id]
        return entry

    async def run(self, graph: dict[str, Any], **more: Any) -> dict[str, Any]:
        return await self.ended(await self.submit(graph, **more))

    async def hear(self, socket: aiohttp.ClientWebSocketResponse, prompt_id: str) -> list[dict[str, Any]]:
        """All text messages up to the end of a prompt (`executing` with node null)."""
        heard: list[dict[str, Any]] = []
        while True:
            frame = await socket.receive(timeout=10)
            if frame.type is aiohttp.WSMsgType.BINARY:
                continue
            assert frame.type is aiohttp.WSMsgType.TEXT, frame
            message = json.loads(frame.data)
            heard.append(message)
            data = message["data"]
            ended = message["type"] == "executing" and data["node"] is None
            if ended and data["prompt_id"] == prompt_id:
                return heard


@pytest.fixture
def client(session: aiohttp.ClientSession) -> Comfy:
    return Comfy(session)


@pytest.fixture
def connect() -> Callable[[SketchServer], AbstractAsyncContextManager[Comfy]]:
    """A client of a server that a test started itself."""

    @asynccontextmanager
    async def open_client(server: SketchServer) -> AsyncIterator[Comfy]:
        async with aiohttp.ClientSession(server.url) as session:
            yield Comfy(session)

    return open_client


@pytest.fixture
def plain() -> Callable[..., dict[str, Any]]:
    """A workflow without a sampler: one coloured picture, saved."""

    def graph(*, color: int = 5, prefix: str = "plain", width: Any = 64, batch: int = 1) -> dict[str, Any]:
        empty = {"width": width, "height": 64, "batch_size": batch, "color": color}
        return {
            "1": {"class_type": "EmptyImage", "inputs": empty},
            "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": prefix}},
        }

    return graph
