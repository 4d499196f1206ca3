"""A stand-in for a deployment's API that has thousands of tasks: over real HTTP, with pictures to fetch."""

import io
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local.sketch.paint import paint

API_KEY = "of-the-stand-in"
RUNTIMES = ("sdruntime", "sddynamic", "comfyruntime")
WORDS = ("dawn", "dusk", "night", "storm", "autumn", "winter")
PLACES = ("lighthouse", "castle in the mountains", "fox in a forest", "city street")
SIDE = 512  # pixels
STEPS = 12
RUNNING = 3  # tasks that are under way for as long as anybody looks
FAILED_EACH = 40  # one in so many has failed
APART = 7  # seconds from one task to the next
LARGEST_PAGE = 100

type Json = dict[str, Any]


class StandIn:
    """What the server has: `tasks`, the newest first, and some pictures that they share."""

    def __init__(self, count: int) -> None:
        began = time.time()
        self.url = ""
        self.pictures = _pictures()
        self.tasks = [self._task(number, began - APART * number) for number in range(count)]
        self._by_id = {task["id"]: task for task in self.tasks}

    def answer(self, path: str, asked: dict[str, str]) -> tuple[int, bytes, str]:
        """Return status, body and content type for a GET."""
        parts = path.strip("/").split("/")
        match parts:
            case ["pictures", name] if name.isdigit() and int(name) < len(self.pictures):
                return 200, self.pictures[int(name)], "image/png"
            case ["v1alpha2", "tasks"]:
                return _json(200, self._page(asked))
            case ["v1alpha2", "tasks", task_id] if task_id in self._by_id:
                return _json(200, self._whole(self._by_id[task_id]))
        fault = {"code": "not_found", "message": f"there is no {path}", "field": None}
        return _json(404, {"error": fault, "errors": [fault]})

    def _page(self, asked: dict[str, str]) -> Json:
        first, limit = int(asked.get("cursor", 0)), min(int(asked.get("limit", 20)), LARGEST_PAGE)
        found = [
            task
            for task in self.tasks
            if asked.get("status") in (None, task["status"])
            and asked.get("runtime") in (None, task["runtime"])
        ]
        after = first + limit
        return {
            "tasks": [self._now(task) for task in found[first:after]],
            "cursor": str(after) if after < len(found) else None,
        }

    def _now(self, task: Json) -> Json:
        return task if task["status"] != "running" else {**task, "progress": int(time.time() * 5) % 100}

    def _whole(self, task: Json) -> Json:
        number = int(task["id"].rpartition("-")[2])
        links = [
            {**image, "url": f"{self.url}pictures/{(number + at) % len(self.pictures)}"}
            for at, image in enumerate(task["images"])
        ]
        return {**self._now(task), "images": links}

    @staticmethod
    def _task(number: int, created: float) -> Json:
        task_id = f"order-{number:05}"
        status = "running" if number < RUNNING else "failed" if number % FAILED_EACH == 0 else "succeeded"
        location = f"s3://stand-in/output/{task_id}"
        error = {"code": "out_of_memory", "message": "CUDA out of memory", "retryable": True}
        return {
            "id": task_id,
            "submission": f"00000000-0000-4000-8000-{number:012}",
            "runtime": RUNTIMES[number % len(RUNTIMES)],
            "tasktype": "pipeline" if number % len(RUNTIMES) == 2 else "text-to-image",
            "status": status,
            "created_at": _time(created),
            "started_at": _time(created + 1),
            "finished_at": None if status == "running" else _time(created + 4),
            "attempts": 1,
            "progress": 10 if status == "running" else 100,
            "output_location": location,
            "images": [{"s3": f"{location}/{task_id}-abcd-1.png"}] if status == "succeeded" else [],
            "output_url": None,
            "error": error if status == "failed" else None,
            "trace_id": None,
        }


@contextmanager
def stand_in(count: int) -> Iterator[StandIn]:
    """Serve so many tasks on a free port of 127.0.0.1."""
    api = StandIn(count)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            split = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(split.query).items()}
            status, body, content_type = api.answer(split.path, asked)
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Figures are all that is printed."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Who has been served may close the connection as they like."""

    server = Server(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _pictures() -> Sequence[bytes]:
    prompts = [f"a {place} at {word}" for place in PLACES for word in WORDS]
    made = []
    for seed, prompt in enumerate(prompts):
        packed = io.BytesIO()
        paint(prompt, "", seed, SIDE, SIDE, STEPS).save(packed, "PNG")
        made.append(packed.getvalue())
    return made


def _json(status: int, body: Json) -> tuple[int, bytes, str]:
    return status, json.dumps(body).encode(), "application/json"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
