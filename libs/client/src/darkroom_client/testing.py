"""A real HTTP server that says what it is told, hangs, or breaks off: for tests of what uses the client."""

import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Seen:
    """A request as the server got it: the body is JSON to the API, bytes to the store (`PUT`)."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Say:
    """An answer; a `bytes` body goes out as it is, anything else as JSON. `hang` seconds before it."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hang: float = 0.0
    cut: bool = False  # the connection ends in the middle
    drop: bool = False  # the connection ends without a word


type Script = Callable[[Seen], Say]


class Server:
    """Answers by a script; keeps what it was asked."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.script: Script = lambda _: Say(500)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                length = int(self.headers.get("content-length", 0))
                url = urlsplit(self.path)
                sent = self.rfile.read(length)
                seen = Seen(
                    self.command,
                    url.path,
                    dict(parse_qsl(url.query)),
                    {name.lower(): value for name, value in self.headers.items()},
                    _read(sent, json_of_api=self.command != "PUT"),
                )
                outer.seen.append(seen)
                self.answer(outer.script(seen))

            do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - the names that http.server calls

            def answer(self, say: Say) -> None:
                time.sleep(say.hang)
                if say.drop:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                body = say.body if isinstance(say.body, bytes) else json.dumps(say.body).encode()
                self.send_response_only(say.status)
                headers = {"Date": formatdate(usegmt=True), **say.headers}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if say.status != 304:
                    self.wfile.write(body[: len(body) // 2] if say.cut else body)
                if say.cut:
                    self.wfile.flush()
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Say nothing: clients that are gone are part of the tests."""

        self._server = Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def says(self, *answers: Say) -> None:
        """Answer with these, the last one for ever."""
        left = list(answers)
        self.script = lambda _: left.pop(0) if len(left) > 1 else left[0]

    def asked(self) -> list[str]:
        """Return method and path of each request."""
        return [f"{seen.method} {seen.path}" for seen in self.seen]

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


def _read(sent: bytes, *, json_of_api: bool) -> Any:
    if not json_of_api:
        return sent
    return json.loads(sent) if sent else None


def task(status: str = "queued", **more: Any) -> dict[str, Any]:
    """Return a task as the API shows it."""
    return {
        "id": "a",
        "submission": "8a4c2b0e-0000-4000-8000-000000000001",
        "runtime": "sdruntime",
        "tasktype": "text-to-image",
        "status": status,
        "created_at": datetime.now(UTC).isoformat(),
        "attempts": 0,
        "output_location": "s3://out/output/a",
        "images": [],
        "something_new": {"of": "a newer API"},
        **more,
    }


def refusal(code: str, message: str = "no", field: str | None = None) -> dict[str, Any]:
    """Return the body of a refusal."""
    fault = {"code": code, "message": message, "field": field}
    return {"error": fault, "errors": [fault]}


ACCEPTED = {"id_task": "a", "id": "a", "runtime": "sdruntime", "output_location": "s3://out/output/a"}


def upload(server: Server) -> dict[str, Any]:
    """Return the answer to `POST /v1alpha2/uploads`: what is put goes to the same server."""
    return {
        "id": "5f0c6a3e-0000-4000-8000-000000000001",
        "reference": "upload://5f0c6a3e-0000-4000-8000-000000000001",
        "method": "PUT",
        "url": f"{server.url}/bucket/uploads/5f0c?X-Amz-Signature=abc",
        "headers": {"content-type": "image/png"},
        "expires_at": datetime.now(UTC).isoformat(),
    }
