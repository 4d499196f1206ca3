"""Scripted SD Web UI and ComfyUI servers on 127.0.0.1 that answer in the recorded shapes."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from queue_agent.comfyui import ComfyUi
from queue_agent.comfyui_follow import Patience
from queue_agent.ports import Job
from queue_agent.sdwebui import SdWebUi

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
QUICK = Patience(poll=0.05, glance=0.02, start=0.3, silence=0.5, refused=0.2)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Scripted:
    """Starts an aiohttp app on a free port, and stops and starts it again on the same one."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[tuple[str, str, Any]] = []
        self.peers: list[Any] = []
        self.traceparents: dict[str, str | None] = {}
        self._runner: web.AppRunner | None = None
        self._port = 0

    def routes(self) -> list[web.RouteDef]:
        raise AssertionError("a scripted server says which routes it has")

    def paths(self, method: str = "POST") -> list[str]:
        return [path for verb, path, _ in self.seen if verb == method]

    def bodies(self, path: str) -> list[Any]:
        return [body for verb, at, body in self.seen if verb == "POST" and at == path]

    async def start(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024, middlewares=[self._note])
        app.add_routes(self.routes())
        self._runner = web.AppRunner(app, shutdown_timeout=0.01)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        body: Any = None
        if request.method == "POST" and request.content_type == "application/json":
            body = await request.json()
        self.seen.append((request.method, request.path, body))
        self.traceparents[request.path] = request.headers.get("traceparent")
        if request.transport is not None:
            self.peers.append(request.transport.get_extra_info("peername"))
        return await handler(request)


def cut(request: web.Request) -> None:
    """End the TCP connection without a word."""
    assert request.transport is not None
    request.transport.abort()


class FakeWebUi(Scripted):
    """SD Web UI as far as the adapter sees it; `script` holds what the next runs do instead of succeeding."""

    def __init__(self) -> None:
        super().__init__()
        self.options: dict[str, Any] = {
            "sd_model_checkpoint": "first.safetensors [8dc1dc6656]",
            "samples_format": "png",
            "CLIP_stop_at_last_layers": 1.0,
        }
        self.models = [self.model("first", "8dc1dc6656"), self.model("sub/second", None)]
        self.hidden: list[dict[str, Any]] = []
        self.samplers = [
            {"name": "DPM++ 2M", "aliases": ["k_dpmpp_2m"], "options": {}},
            {"name": "Euler a", "aliases": ["k_euler_a"], "options": {}},
            {"name": "Euler", "aliases": ["k_euler"], "options": {}},
        ]
        self.state: dict[str, Any] = {"interrupted": False, "job_count": 0, "sampling_step": 0}
        self.progress = 0.0
        self.images = [base64.b64encode(PNG).decode()]
        self.script: list[Handler] = []
        self.info: dict[str, Any] = {}
        self.leaks = False
        self.ignores_model = False
        self.stubborn: set[str] = set()  # settings that keep their value whatever is written
        self.gone: set[str] = set()
        self.may_begin = asyncio.Event()
        self.may_begin.set()
        self.running = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.heeds_interrupt_after = 1

    @staticmethod
    def model(name: str, digest: str | None) -> dict[str, Any]:
        file = f"{name}.safetensors"
        return {
            "title": f"{file} [{digest}]" if digest else file,
            "model_name": name.rpartition("/")[2],
            "hash": digest,
            "sha256": None,
            "filename": f"models/Stable-diffusion/{file}",
            "config": None,
        }

    def routes(self) -> list[web.RouteDef]:
        root = "/sdapi/v1"
        return [
            web.get(root + "/options", self._options),
            web.post(root + "/options", self._set_options),
            web.get(root + "/sd-models", self._models),
            web.post(root + "/refresh-checkpoints", self._refresh),
            web.get(root + "/samplers", self._samplers),
            web.get(root + "/schedulers", self._schedulers),
            web.get(root + "/progress", self._progress),
            web.post(root + "/interrupt", self._interrupt),
            web.post(root + "/txt2img", self._run),
            web.post(root + "/img2img", self._run),
            web.post(root + "/extra-single-image", self._extra),
            web.post(root + "/extra-batch-images", self._extra),
        ]

    async def _options(self, _: web.Request) -> web.Response:
        return web.json_response(self.options)

    async def _set_options(self, request: web.Request) -> web.Response:
        values = await request.json()
        for key in values:
            if key not in self.options:
                return web.json_response(exception("KeyError", f"'{key}'"), status=500)
        if not self.ignores_model or "sd_model_checkpoint" not in values:
            self.options.update({key: value for key, value in values.items() if key not in self.stubborn})
        return web.json_response(None)

    async def _models(self, _: web.Request) -> web.Response:
        return web.json_response(self.models)

    async def _refresh(self, _: web.Request) -> web.Response:
        self.models += self.hidden
        self.hidden = []
        return web.json_response(None)

    async def _samplers(self, _: web.Request) -> web.Response:
        return web.json_response(self.samplers)

    async def _schedulers(self, _: web.Request) -> web.Response:
        karras = {"name": "karras", "label": "Karras", "aliases": None}
        return web.json_response([karras])

    async def _progress(self, _: web.Request) -> web.Response:
        if "progress" in self.gone:
            return web.json_response({"detail": "Not Found"}, status=404)
        return web.json_response({"progress": self.progress, "eta_relative": 0.0, "state": self.state})

    async def _interrupt(self, _: web.Request) -> web.Response:
        self.state["interrupted"] = True
        self.heeds_interrupt_after -= 1
        if self.heeds_interrupt_after <= 0:
            self.may_end.set()
        return web.json_response({})

    async def _run(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        await self.may_begin.wait()
        self.state |= {"interrupted": False, "job_count": 1}
        self.running.set()
        if self.leaks:
            self.options |= body.get("override_settings") or {}
        try:
            if self.script:
                return await self.script.pop(0)(request)
            await self.may_end.wait()
            return web.json_response(self.answer(body))
        finally:
            self.state["job_count"] = 0

    async def _extra(self, request: web.Request) -> web.StreamResponse:
        if self.script:
            return await self.script.pop(0)(request)
        if request.path.endswith("single-image"):
            return web.json_response({"html_info": "<p></p>", "image": self.images[0]})
        return web.json_response({"html_info": "<p></p>", "images": self.images})

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        loaded = str(self.options["sd_model_checkpoint"])
        name = loaded.partition(" [")[0].rpartition("/")[2].removesuffix(".safetensors")
        digest = loaded.partition(" [")[2].removesuffix("]")
        info = {
            "prompt": body.get("prompt"),
            "all_seeds": [7],
            "sampler_name": body.get("sampler_name") or "Euler",
            "sd_model_name": name,
            "sd_model_hash": digest or None,
            "index_of_first_image": 0,
        }
        return {"images": self.images, "parameters": body, "info": json.dumps({**info, **self.info})}

    def then(self, status: int, body: Any) -> None:
        """Let the next run be answered like this."""

        async def reply(_: web.Request) -> web.Response:
            return web.json_response(body, status=status)

        self.script.append(reply)

    def then_cut(self) -> None:
        """Let the connection of the next run end without an answer."""

        async def reply(request: web.Request) -> web.Response:
            cut(request)
            return web.Response()

        self.script.append(reply)

    def then_raw(self, body: bytes) -> None:
        """Let the next run be answered 200 with these bytes."""

        async def reply(_: web.Request) -> web.Response:
            return web.Response(body=body, content_type="application/json")

        self.script.append(reply)


def exception(kind: str, message: str) -> dict[str, str]:
    """Return Forge's answer to an unhandled exception."""
    return {"error": kind, "detail": "", "body": "", "message": message}


class FakeComfy(Scripted):
    """ComfyUI as far as the adapter sees it; a prompt runs when `step` or `run_all` says so, or at once."""

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, Any] = {}
        self.running: list[list[Any]] = []
        self.pending: list[list[Any]] = []
        self.files: dict[tuple[str, str, str], bytes] = {}
        self.uploads: dict[str, bytes] = {}
        self.classes: dict[str, dict[str, Any]] = {
            "SaveImage": {"output_node": True, "python_module": "nodes"},
            "PreviewImage": {"output_node": True, "python_module": "nodes"},
            "PreviewAny": {"output_node": True, "python_module": "comfy_extras.nodes_preview_any"},
            "EmptyImage": {"output_node": False, "python_module": "nodes"},
            "LoadImage": {"output_node": False, "python_module": "nodes"},
            "KSampler": {"output_node": False, "python_module": "nodes"},
        }
        self.sockets: dict[str, web.WebSocketResponse] = {}
        self.refuse_sockets = False
        self.deaf = False
        self.holds = False  # the prompt stays running
        self.stuck = False  # the prompt stays pending: the worker thread has died
        self.interrupts_ignored = 0
        self.heard_origin: list[str | None] = []
        self.on_prompt: Handler | None = None
        self.on_view: Handler | None = None
        self.outputs: Callable[[str, dict[str, Any]], dict[str, Any]] = self.save
        self.messages: list[list[Any]] = []
        self.status = "success"
        self.events_before_end: list[str | bytes] = []
        self.late_history = 0.0
        self.gap = False  # for one look the prompt is in neither queue nor history
        self.submitted = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/system_stats", self._stats),
            web.get("/object_info/{name}", self._object_info),
            web.post("/prompt", self._prompt),
            web.get("/queue", self._queue),
            web.post("/queue", self._unqueue),
            web.get("/history/{id}", self._history),
            web.post("/history", self._forget),
            web.post("/interrupt", self._interrupt),
            web.post("/free", self._nothing),
            web.get("/view", self._shown),
            web.post("/upload/image", self._upload),
            web.get("/ws", self._socket),
        ]

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for socket in list(self.sockets.values()):
            await socket.close()
        await super().stop()

    def restart(self) -> None:
        """Forget everything in memory, as a process that was killed and started again."""
        self.running, self.pending, self.history = [], [], {}

    async def _stats(self, _: web.Request) -> web.Response:
        return web.json_response({"system": {"comfyui_version": "0.3.64"}})

    async def _nothing(self, _: web.Request) -> web.Response:
        return web.Response()

    async def _object_info(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return web.json_response({name: self.classes[name]} if name in self.classes else {})

    async def _prompt(self, request: web.Request) -> web.StreamResponse:
        self.heard_origin.append(request.headers.get("Origin"))
        self.submitted.set()
        if self.on_prompt is not None:
            return await self.on_prompt(request)
        return self.take(await request.json())

    def take(self, body: dict[str, Any], node_errors: dict[str, Any] | None = None) -> web.Response:
        """Queue a prompt and let it run."""
        prompt_id = body["prompt_id"]
        self.pending.append([0, prompt_id, body["prompt"], body.get("extra_data", {}), []])
        if not self.stuck:
            task = asyncio.create_task(self.work(body))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return web.json_response({"prompt_id": prompt_id, "number": 0, "node_errors": node_errors or {}})

    async def work(self, body: dict[str, Any]) -> None:
        """Run a prompt to its end, with the events in their order."""
        prompt_id, client = body["prompt_id"], body.get("client_id", "")
        await asyncio.sleep(0.02)
        mine = [item for item in self.pending if item[1] == prompt_id]
        if not mine:
            return
        self.pending.remove(mine[0])
        self.running.append(mine[0])
        await self.tell(client, "execution_start", {"prompt_id": prompt_id})
        while self.holds and mine[0] in self.running:
            await asyncio.sleep(0.01)
        if mine[0] not in self.running:
            return
        socket = self.sockets.get(client)
        for event in self.events_before_end:
            if socket is not None:
                await (socket.send_bytes(event) if isinstance(event, bytes) else socket.send_str(event))
        outputs = self.outputs(prompt_id, body["prompt"])
        await self.tell(client, "execution_success", {"prompt_id": prompt_id})
        await asyncio.sleep(self.late_history)
        self.running.remove(mine[0])
        looks = self.paths("GET").count("/queue")
        while self.gap and self.paths("GET").count("/queue") == looks:
            await asyncio.sleep(0.002)
        self.finish(prompt_id, outputs)
        await self.tell(client, "executing", {"node": None, "prompt_id": prompt_id})

    def finish(self, prompt_id: str, outputs: dict[str, Any]) -> None:
        """Write the history entry."""
        self.history[prompt_id] = {
            "prompt": [0, prompt_id, {}, {}, []],
            "outputs": outputs,
            "status": {
                "status_str": self.status,
                "completed": self.status == "success",
                "messages": [["execution_start", {"prompt_id": prompt_id}], *self.messages],
            },
            "meta": {},
        }

    def save(self, prompt_id: str, graph: dict[str, Any]) -> dict[str, Any]:
        """Write one file for each node that saves or shows."""
        outputs: dict[str, Any] = {}
        for node_id, node in graph.items():
            prefix = node["inputs"].get("filename_prefix")
            if node["class_type"] == "PreviewImage":
                outputs[node_id] = {"images": [self.file(f"ComfyUI_temp_{node_id}_00001_.png", "", "temp")]}
            elif isinstance(prefix, str):
                folder, _, base = prefix.rpartition("/")
                outputs[node_id] = {"images": [self.file(f"{base}_00001_.png", folder, "output")]}
        return outputs

    def gives(self, outputs: dict[str, Any]) -> None:
        """Let all prompts end with these outputs."""
        self.outputs = lambda *_: outputs

    def file(self, name: str, folder: str, kind: str, data: bytes = PNG) -> dict[str, str]:
        """Put a file on the disk and return its entry."""
        self.files[(name, folder, kind)] = data
        return {"filename": name, "subfolder": folder, "type": kind}

    async def tell(self, client: str, kind: str, data: dict[str, Any]) -> None:
        socket = self.sockets.get(client)
        if socket is not None and not self.deaf:
            with contextlib.suppress(ConnectionError):
                await socket.send_json({"type": kind, "data": data})

    async def _queue(self, _: web.Request) -> web.Response:
        return web.json_response({"queue_running": self.running, "queue_pending": self.pending})

    async def _unqueue(self, request: web.Request) -> web.Response:
        gone = (await request.json()).get("delete", [])
        self.pending = [item for item in self.pending if item[1] not in gone]
        return web.Response()

    async def _history(self, request: web.Request) -> web.Response:
        prompt_id = request.match_info["id"]
        entry = self.history.get(prompt_id)
        return web.json_response({} if entry is None else {prompt_id: entry})

    async def _forget(self, request: web.Request) -> web.Response:
        for prompt_id in (await request.json())["delete"]:
            self.history.pop(prompt_id, None)
        return web.Response()

    async def _interrupt(self, request: web.Request) -> web.Response:
        wanted = (await request.json()).get("prompt_id")
        if self.interrupts_ignored > 0:
            self.interrupts_ignored -= 1
            return web.Response()
        for item in list(self.running):
            if item[1] == wanted:
                self.running.remove(item)
                self.status = "error"
                self.messages = [["execution_interrupted", {"prompt_id": wanted, "node_id": "3"}]]
                self.finish(wanted, {})
        return web.Response()

    async def _shown(self, request: web.Request) -> web.StreamResponse:
        return await (self.on_view or self._view)(request)

    async def _view(self, request: web.Request) -> web.Response:
        query = request.query
        data = self.files.get((query["filename"], query.get("subfolder", ""), query.get("type", "output")))
        return web.Response(status=404) if data is None else web.Response(body=data)

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        image, folder = form["image"], str(form.get("subfolder", ""))
        assert isinstance(image, web.FileField)
        name, data = image.filename, image.file.read()
        if self.uploads.get(f"{folder}/{name}", data) != data:
            stem, _, ending = name.rpartition(".")
            name = f"{stem} (1).{ending}"
        self.uploads[f"{folder}/{name}"] = data
        return web.json_response({"name": name, "subfolder": folder, "type": "input"})

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if self.refuse_sockets:
            return web.Response(status=403)
        self.heard_origin.append(request.headers.get("Origin"))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client = request.query["clientId"]
        self.sockets[client] = socket
        await socket.send_json({"type": "status", "data": {"status": {}, "sid": client}})
        async for message in socket:
            if message.type is WSMsgType.ERROR:
                break
        if self.sockets.get(client) is socket:
            del self.sockets[client]
        return socket


@pytest.fixture
async def webui() -> AsyncIterator[FakeWebUi]:
    server = FakeWebUi()
    await server.start()
    yield server
    server.may_begin.set()
    server.may_end.set()
    await server.stop()


@pytest.fixture
async def comfy() -> AsyncIterator[FakeComfy]:
    server = FakeComfy()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def make_webui(webui: FakeWebUi) -> AsyncIterator[Callable[..., SdWebUi]]:
    made: list[SdWebUi] = []

    def make(**settings: Any) -> SdWebUi:
        quick: dict[str, Any] = {"progress_seconds": 0.02, "interrupt_seconds": 2.0, "busy_seconds": 0.3}
        made.append(SdWebUi(webui.url, **(quick | settings)))
        return made[-1]

    yield make
    for adapter in made:
        await adapter.aclose()


@pytest.fixture
async def make_comfy(comfy: FakeComfy) -> AsyncIterator[Callable[..., ComfyUi]]:
    made: list[ComfyUi] = []

    def make(**settings: Any) -> ComfyUi:
        quick: dict[str, Any] = {"patience": QUICK, "interrupt_seconds": 2.0}
        made.append(ComfyUi(comfy.url, **(quick | settings)))
        return made[-1]

    yield make
    for adapter in made:
        await adapter.aclose()


@pytest.fixture
def make_job() -> Callable[..., Job]:
    """Make a job; each has an attempt of its own."""
    count = 0

    def make(tasktype: str = "text-to-image", content: dict[str, Any] | None = None, **more: Any) -> Job:
        nonlocal count
        count += 1
        given: dict[str, Any] = {"id": "t1", "submission": "s1", "attempt": f"attempt{count}"}
        return Job(
            **(given | more), tasktype=tasktype, content={"prompt": "a dog"} if content is None else content
        )

    return make


@pytest.fixture
def make_exception() -> Callable[[str, str], dict[str, str]]:
    return exception


@pytest.fixture
def png() -> bytes:
    return PNG
