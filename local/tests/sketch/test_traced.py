import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from aiohttp import web

from local.environment import this_python
from local.sketch.layer.darkroom_distro import DEFAULTS
from local.sketch.testing import comfyui_server, sdwebui_server
from local.sketch.traced import traced

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
TRACED = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
UNSAMPLED = {"traceparent": f"00-{TRACE}-{PARENT}-00"}
SERVER = 2  # a span's kind, in OTLP
SECRET = "umbrella"  # stands for whatever a user writes

RUNTIMES = pytest.mark.parametrize("runtime", ["sdwebui", "comfyui"])


@dataclass
class Receiver:
    """Takes OTLP, or behaves as `manner` says: `slow` never answers, an int is the status of all answers."""

    manner: int | str = 200
    url: str = ""
    bodies: list[str] = field(default_factory=list)
    spans: list[dict[str, Any]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        if self.manner == "slow":
            await asyncio.sleep(60)
        if self.manner != 200:
            return web.Response(status=int(self.manner))
        self.bodies.append(await request.text())
        for resource in (await request.json())["resourceSpans"]:
            service = _attributes(resource["resource"])["service.name"]
            for scope in resource["scopeSpans"]:
                self.spans += [span | {"service": service} for span in scope["spans"]]
        return web.json_response({})


def _attributes(holder: dict[str, Any]) -> dict[str, Any]:
    return {pair["key"]: next(iter(pair["value"].values())) for pair in holder["attributes"]}


@asynccontextmanager
async def _listening(receiver: Receiver) -> AsyncIterator[Receiver]:
    app = web.Application()
    app.router.add_post("/v1/traces", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with _listening(Receiver()) as listening:
        yield listening


@dataclass
class Sketch:
    """A sketch as a process of its own, started as the local system does it."""

    runtime: str
    process: asyncio.subprocess.Process
    http: httpx.AsyncClient

    async def end(self) -> int:
        """SIGTERM, and its exit code: what is not sent yet is sent before."""
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), 5)

    async def paint(self, headers: dict[str, str], graph: dict[str, Any]) -> bytes:
        return await _paint(self.http, self.runtime, headers, graph)


@asynccontextmanager
async def _sketch(runtime: str, endpoint: str) -> AsyncIterator[Sketch]:
    environment = traced(this_python(os.environ), service=f"sketch-{runtime}", endpoint=endpoint)
    command = (sys.executable, "-m", "local.sketch", runtime, "--seconds-per-image", "0")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, env=environment)
    try:
        assert process.stdout is not None
        url = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().split()[1]
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as http:
            yield Sketch(runtime, process, http)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _paint(
    http: httpx.AsyncClient, runtime: str, headers: dict[str, str], graph: dict[str, Any]
) -> bytes:
    """Have a picture made, asking about its progress as an agent does; what it looks like."""
    if runtime == "sdwebui":
        job = {"prompt": SECRET, "seed": 1, "steps": 1, "width": 64, "height": 64}
        answer = await http.post("/sdapi/v1/txt2img", json=job, headers=headers)
        await http.get("/sdapi/v1/progress", headers=headers)
        return str(answer.json()["images"]).encode()
    accepted = await http.post("/prompt", json={"prompt": graph}, headers=headers)
    ended: dict[str, Any] = {}
    while not ended:
        history = await http.get(f"/history/{accepted.json()['prompt_id']}", headers=headers)
        ended = history.json()
        await http.get("/queue", headers=headers)
    (entry,) = ended.values()
    (image,) = entry["outputs"]["2"]["images"]
    return (await http.get("/view", params=image, headers=headers)).content


@pytest.fixture
def graph(plain: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    return plain(prefix=SECRET)


@pytest.mark.parametrize(
    ("runtime", "names"),
    [("sdwebui", ["POST /sdapi/v1/txt2img"]), ("comfyui", ["POST /prompt", "GET /view"])],
)
async def test_a_traced_request_has_a_server_span_below_its_caller_and_nothing_else_has_one(
    runtime: str, names: list[str], receiver: Receiver, graph: dict[str, Any]
) -> None:
    async with _sketch(runtime, receiver.url) as sketch:
        for headers in ({}, UNSAMPLED, TRACED):
            await sketch.paint(headers, graph)
        assert await sketch.end() == 0
    assert [span["name"] for span in receiver.spans] == names
    for span in receiver.spans:
        assert (span["traceId"], span["parentSpanId"], span["kind"]) == (TRACE, PARENT, SERVER)
        assert span["service"] == f"sketch-{runtime}"
        assert _attributes(span)["http.response.status_code"] == "200"


@RUNTIMES
async def test_nothing_that_a_user_wrote_is_sent_and_a_large_body_is_one_span(
    runtime: str, receiver: Receiver, graph: dict[str, Any]
) -> None:
    path = {"sdwebui": "/sdapi/v1/txt2img", "comfyui": "/prompt"}[runtime]
    async with _sketch(runtime, receiver.url) as sketch:
        await sketch.paint(TRACED | {"x-key": SECRET}, graph)
        large = {"prompt": SECRET * 500_000, "steps": 1, "width": 64, "height": 64}
        await sketch.http.post(path, json=large, headers=TRACED)
        await sketch.http.post(path, content=f'{{"{SECRET}', headers=TRACED)  # comfyui's route raises
        await sketch.http.post(path, params={"a": SECRET}, json={"steps": SECRET}, headers=TRACED)
        assert await sketch.end() == 0
    assert [span["name"] for span in receiver.spans].count(f"POST {path}") == 4
    assert len(receiver.spans) < 6
    assert not [body for body in receiver.bodies if SECRET in body]


@RUNTIMES
@pytest.mark.parametrize("manner", ["away", "slow", 503])
async def test_where_spans_cannot_be_sent_answers_are_the_same_and_the_process_ends_in_time(
    runtime: str, manner: int | str, graph: dict[str, Any]
) -> None:
    async with _listening(Receiver(manner)) as receiver:
        endpoint = "http://127.0.0.1:9" if manner == "away" else receiver.url
        async with _sketch(runtime, endpoint) as sketch:
            painted = [await sketch.paint(TRACED, graph) for _ in range(3)]
            assert await sketch.end() == 0
    untraced = sdwebui_server() if runtime == "sdwebui" else comfyui_server()
    async with untraced as server, httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        assert painted == [await _paint(http, runtime, {}, graph) for _ in range(3)]


@pytest.mark.parametrize(("endpoint", "made_by"), [("", "fastapi"), ("http://127.0.0.1:9", "opentelemetry")])
def test_an_image_with_the_layer_is_instrumented_where_it_has_an_endpoint(
    endpoint: str, made_by: str
) -> None:
    """Whatever is set in the image, only the pod says where spans go."""
    environment = traced(this_python(os.environ), service="sdwebui", endpoint="http://127.0.0.1:9")
    look = "import fastapi, aiohttp.web as web; print(fastapi.FastAPI.__module__, web.Application.__module__)"
    seen = subprocess.run(
        [sys.executable, "-c", look],
        env=environment | {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint},
        capture_output=True,
        text=True,
        check=True,
    )
    web_is_from = {"fastapi": "aiohttp"}.get(made_by, made_by)
    assert [name.partition(".")[0] for name in seen.stdout.split()] == [made_by, web_is_from]
    assert seen.stderr == ""


def test_without_an_endpoint_a_sketch_starts_as_ever() -> None:
    environ = {"PATH": "/bin", "PYTHONPATH": "/sources"}
    assert traced(environ, service="sketch-sdwebui", endpoint=None) == environ


def test_with_an_endpoint_what_was_on_the_path_stays_there() -> None:
    environ = {"PATH": "/bin", "PYTHONPATH": "/sources"}
    made = traced(environ, service="sketch-sdwebui", endpoint="http://127.0.0.1:4318")
    assert made["PYTHONPATH"].split(os.pathsep)[-1] == "/sources"
    assert (made["PATH"], made["OTEL_SERVICE_NAME"]) == ("/bin", "sketch-sdwebui")
    assert environ == {"PATH": "/bin", "PYTHONPATH": "/sources"}


@pytest.mark.parametrize(
    ("instrumentation", "url", "is_traced"),
    [
        ("FASTAPI", "http://10.0.0.1:7860/sdapi/v1/img2img", True),
        ("FASTAPI", "http://10.0.0.1:7860/sub/path/sdapi/v1/options", True),
        ("FASTAPI", "http://10.0.0.1:7860/sdapi/v1/progress", False),
        ("FASTAPI", "http://10.0.0.1:7860/internal/ping", False),
        ("FASTAPI", "http://10.0.0.1:7860/sdapi/v1/memory", False),
        ("FASTAPI", "http://10.0.0.1:7860/", False),
        ("FASTAPI", "http://10.0.0.1:7860/queue/join", False),
        ("AIOHTTP_SERVER", "/prompt", True),
        ("AIOHTTP_SERVER", "/api/prompt", True),
        ("AIOHTTP_SERVER", "/upload/image", True),
        ("AIOHTTP_SERVER", "/view", True),
        ("AIOHTTP_SERVER", "/view/metadata", False),
        ("AIOHTTP_SERVER", "/ws", False),
        ("AIOHTTP_SERVER", "/history/7d0f", False),
        ("AIOHTTP_SERVER", "/queue", False),
        ("AIOHTTP_SERVER", "/system_stats", False),
        ("AIOHTTP_SERVER", "/_sketch/stats", False),
        ("AIOHTTP_SERVER", "/extensions/prompt", False),
    ],
)
def test_traced_is_what_does_a_part_of_a_task(instrumentation: str, url: str, is_traced: bool) -> None:
    excluded = DEFAULTS[f"OTEL_PYTHON_{instrumentation}_EXCLUDED_URLS"]
    assert "," not in excluded  # separates patterns
    assert (re.search(excluded, url) is None) == is_traced
