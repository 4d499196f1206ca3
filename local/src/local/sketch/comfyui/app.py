"""Routes of ComfyUI's API, each with and without the /api prefix."""

import asyncio
import io
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware
from PIL import Image

from local.sketch.admin import PREFIX, answer_admin
from local.sketch.comfyui.files import FOLDERS
from local.sketch.comfyui.library import NODE_TYPES
from local.sketch.comfyui.queue import Item
from local.sketch.comfyui.server import ComfyServer
from local.sketch.comfyui.sockets import SERVER_FEATURES
from local.sketch.comfyui.validation import FAILED, Verdict, validate, whole_error
from local.sketch.faults import Fault, FaultKind

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

VERSION = "0.3.64"
MAX_BODY = SERVER_FEATURES["max_upload_size"]
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
CONTENT_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".txt": "text/plain",
}


class Api:
    """The handlers."""

    def __init__(self, server: ComfyServer) -> None:
        self._server = server

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path and handler of each route."""
        return [
            ("GET", "/ws", self.socket),
            ("GET", "/prompt", self.queue_length),
            ("POST", "/prompt", self.submit),
            ("GET", "/queue", self.show_queue),
            ("POST", "/queue", self.change_queue),
            ("GET", "/history", self.show_history),
            ("GET", "/history/{prompt_id}", self.show_history),
            ("POST", "/history", self.change_history),
            ("POST", "/interrupt", self.interrupt),
            ("POST", "/free", self.free),
            ("GET", "/view", self.view),
            ("POST", "/upload/image", self.upload),
            ("GET", "/object_info", self.object_info),
            ("GET", "/object_info/{name}", self.object_info),
            ("GET", "/system_stats", self.system_stats),
            ("GET", "/features", _fixed(SERVER_FEATURES)),
            ("GET", "/embeddings", _fixed([])),
            ("GET", "/extensions", _fixed([])),
            ("GET", "/models", _fixed(["checkpoints"])),
            ("GET", "/models/{folder}", self.models),
        ]

    async def socket(self, request: web.Request) -> web.StreamResponse:
        """GET /ws."""
        return await self._server.sockets.serve(request, self._server.status())

    async def queue_length(self, _: web.Request) -> web.Response:
        """GET /prompt."""
        return web.json_response(self._server.status())

    async def submit(self, request: web.Request) -> web.Response:
        """POST /prompt. What is not JSON, or no object, raises and becomes the bare 500 page, as recorded."""
        body = await request.json()
        number: float = self._server.queue.next_number()
        if "number" in body:
            number = float(body["number"])
        elif "front" in body and body["front"]:  # noqa: RUF019 (a list has no get, and lists reach this line)
            number = -number
        if "prompt" not in body:
            error = whole_error("no_prompt", "No prompt provided", "No prompt provided")
            return web.json_response({"error": error, "node_errors": {}}, status=400)
        fault = self._server.faults.take()
        verdict = await asyncio.to_thread(validate, self._server.context(), body["prompt"])
        if fault and fault.kind is FaultKind.HTTP_500:
            raise RuntimeError("scripted")
        if fault and fault.kind is FaultKind.WRONG_MODEL:
            verdict = _model_is_gone(body["prompt"])
        if verdict.error is not None:
            said = {"error": verdict.error, "node_errors": verdict.node_errors}
            return web.json_response(said, status=400)
        item = self._enqueue(request, body, number, verdict, fault)
        if fault:
            await self._bend(request, fault)
        accepted = {"prompt_id": item.prompt_id, "number": number, "node_errors": verdict.node_errors}
        return web.json_response(accepted)

    def _enqueue(
        self, request: web.Request, body: dict[str, Any], number: float, verdict: Verdict, fault: Fault | None
    ) -> Item:
        extra = dict(body.get("extra_data") or {})
        if "client_id" in body:
            extra["client_id"] = body["client_id"]
        prompt_id = str(body.get("prompt_id") or uuid.uuid4())
        parent = request.headers.get("traceparent")
        item = Item(number, 0, prompt_id, body["prompt"], extra, verdict.outputs, fault, parent)
        self._server.queue.put(item)
        return item

    async def _bend(self, request: web.Request, fault: Fault) -> None:
        if fault.kind is FaultKind.SLOW_HEADERS:
            await asyncio.sleep(fault.seconds_or(1.0))
        if fault.kind is FaultKind.CUT_CONNECTION and request.transport is not None:
            request.transport.abort()

    async def show_queue(self, _: web.Request) -> web.Response:
        """GET /queue."""
        return web.json_response(self._server.queue.as_json())

    async def change_queue(self, request: web.Request) -> web.Response:
        """POST /queue: clear, or delete pending ones; 200 whatever there was."""
        body = await request.json()
        if body.get("clear"):
            self._server.queue.clear()
        for prompt_id in body.get("delete", []):
            self._server.queue.delete(prompt_id)
        return web.Response()

    async def show_history(self, request: web.Request) -> web.Response:
        """GET /history and /history/{id}: `{}` for whatever is not there."""
        history = self._server.queue.history
        prompt_id = request.match_info.get("prompt_id")
        if prompt_id is None:
            most = int(request.query.get("max_items", len(history)))
            return web.json_response(dict(list(history.items())[max(0, len(history) - most) :]))
        found = {prompt_id: history[prompt_id]} if prompt_id in history else {}
        text = json.dumps(found)
        if prompt_id in self._server.garbled and found:
            self._server.garbled.discard(prompt_id)
            text = text[: len(text) // 2]
        return web.json_response(text=text)

    async def change_history(self, request: web.Request) -> web.Response:
        """POST /history: clear or delete."""
        body = await request.json()
        if body.get("clear"):
            self._server.queue.history.clear()
        for prompt_id in body.get("delete", []):
            self._server.queue.history.pop(prompt_id, None)
        return web.Response()

    async def interrupt(self, request: web.Request) -> web.Response:
        """POST /interrupt: 200 with an empty body, always."""
        try:
            body = await request.json()
        except ValueError:
            body = {}
        self._server.interrupt(body.get("prompt_id") if isinstance(body, dict) else None)
        return web.Response()

    async def free(self, request: web.Request) -> web.Response:
        """POST /free: heeded before the next prompt."""
        body = await request.json()
        if body.get("free_memory") or body.get("unload_models"):
            self._server.drop_cache = bool(body.get("free_memory"))
            self._server.loaded.clear()
        return web.Response()

    async def view(self, request: web.Request) -> web.StreamResponse:
        """GET /view: a file; 400, 403 or 404 without a body."""
        filename = request.query.get("filename")
        if not filename:
            return web.Response(status=404)
        folder = request.query.get("type", "output")
        if filename.startswith("/") or ".." in filename or folder not in FOLDERS:
            return web.Response(status=400)
        subfolder = request.query.get("subfolder", "")
        path = self._server.files.inside(folder, subfolder, filename)
        if path is None or self._server.files.inside(folder, subfolder) is None:
            return web.Response(status=403)
        if not path.is_file():
            return web.Response(status=404)
        headers = {"Content-Disposition": f'filename="{filename}"'}
        if "preview" in request.query:
            body = await asyncio.to_thread(_small, path.read_bytes(), request.query["preview"])
            return web.Response(body=body, content_type="image/webp", headers=headers)
        kind = CONTENT_TYPES.get(path.suffix.lower(), "application/octet-stream")
        return web.FileResponse(path, headers={**headers, "Content-Type": kind})

    async def upload(self, request: web.Request) -> web.Response:
        """POST /upload/image."""
        form = await request.post()
        image = form.get("image")
        if not isinstance(image, web.FileField) or not image.filename:
            return web.Response(status=400)
        folder = str(form.get("type", "input"))
        if folder not in FOLDERS:
            raise ValueError(folder)  # becomes the bare 500 page, as recorded
        saved = self._server.files.upload(
            image.filename,
            image.file.read(),
            str(form.get("subfolder", "")),
            folder,
            overwrite=str(form.get("overwrite", "")).lower() in {"true", "1"},
        )
        if saved is None:
            return web.Response(status=400)
        return web.json_response({"name": saved.filename, "subfolder": saved.subfolder, "type": saved.type})

    async def object_info(self, request: web.Request) -> web.Response:
        """GET /object_info and /object_info/{name}: `{}` for an unknown class."""
        context = self._server.context()
        name = request.match_info.get("name")
        chosen = (
            NODE_TYPES if name is None else {key: node for key, node in NODE_TYPES.items() if key == name}
        )
        return web.json_response({key: node.as_json(context) for key, node in chosen.items()})

    async def models(self, request: web.Request) -> web.Response:
        """GET /models/{folder}."""
        if request.match_info["folder"] != "checkpoints":
            return web.Response(status=404)
        return web.json_response(list(self._server.settings.models))

    async def system_stats(self, _: web.Request) -> web.Response:
        """GET /system_stats: the recorded shape, with nothing of the machine in it."""
        memory = {"vram_total": 0, "vram_free": 0, "torch_vram_total": 0, "torch_vram_free": 0}
        return web.json_response(
            {
                "system": {
                    "os": "posix",
                    "ram_total": 0,
                    "ram_free": 0,
                    "comfyui_version": VERSION,
                    "required_frontend_version": None,
                    "installed_templates_version": None,
                    "required_templates_version": None,
                    "python_version": "sketch",
                    "pytorch_version": "none",
                    "embedded_python": False,
                    "argv": [],
                },
                "devices": [{"name": "sketch", "type": "cpu", "index": None, **memory}],
            }
        )


def create_app(server: ComfyServer) -> web.Application:
    """The aiohttp application of one server."""
    app = web.Application(middlewares=[_gate(server)], client_max_size=MAX_BODY)
    for method, path, handler in Api(server).routes():
        for prefix in ("", "/api"):
            app.router.add_route(method, prefix + path, handler)
            if method == "GET" and path != "/ws":
                app.router.add_route("HEAD", prefix + path, handler)
    app.router.add_route("*", PREFIX + "{tail:.*}", _admin(server))
    return app


def _gate(server: ComfyServer) -> Middleware:
    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(PREFIX):
            return await handler(request)
        if request.transport is not None:
            server.transports.add(request.transport)
            if asyncio.get_running_loop().time() < server.away_until:
                request.transport.abort()
                return web.Response(status=503)
        server.stats.requests[f"{request.method} {request.path}"] += 1
        if _is_foreign(request):
            return web.Response(status=403)
        if request.method == "OPTIONS":
            return web.Response()
        return await handler(request)

    return gate


def _is_foreign(request: web.Request) -> bool:
    """Whether a page of another site sends this: refused where the server is addressed by a loopback name."""
    origin = request.headers.get("Origin")
    host = urlsplit(f"//{request.headers.get('Host', '')}")
    if not origin or host.hostname not in LOOPBACK:
        return False
    sender = urlsplit(origin)
    return (sender.hostname, sender.port) != (host.hostname, host.port)


def _admin(server: ComfyServer) -> Handler:
    async def admin(request: web.Request) -> web.Response:
        answer = answer_admin(request.method, request.path, await request.read(), server.faults, server.stats)
        if answer.restart:
            if request.transport is not None:
                server.transports.discard(request.transport)  # whoever asks gets the answer
            server.restart()
        return web.Response(status=answer.status, body=answer.body, content_type="application/json")

    return admin


def _fixed(answer: Any) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response(answer)

    return handler


def _small(data: bytes, preview: str) -> bytes:
    quality = preview.partition(";")[2]
    out = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").save(
        out, "WEBP", quality=int(quality) if quality.isdigit() else 90
    )
    return out.getvalue()


def _model_is_gone(prompt: dict[str, Any]) -> Verdict:
    loaders = [key for key, node in prompt.items() if node["class_type"] == "CheckpointLoaderSimple"]
    node_errors = {}
    for key in loaders:
        name = prompt[key]["inputs"].get("ckpt_name")
        fault = {
            "type": "value_not_in_list",
            "message": "Value not in list",
            "details": f"ckpt_name: '{name}' not in []",
            "extra_info": {"input_name": "ckpt_name", "input_config": [[], {}], "received_value": name},
        }
        node_errors[key] = {
            "errors": [fault],
            "dependent_outputs": [],
            "class_type": "CheckpointLoaderSimple",
        }
    return Verdict(whole_error(FAILED, "Prompt outputs failed validation", ""), [], node_errors)
