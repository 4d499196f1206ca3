"""Receivers on this machine, of webhooks and of topics: they keep what comes, and answer as told."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local.clients import Clients

HANG = 0  # in place of a status: no answer at all
HANG_SECONDS = 60.0  # longer than anybody waits


@dataclass(frozen=True)
class Got:
    """One request: headers by their small names, and the time in ms since the epoch at which it was here."""

    headers: dict[str, str]
    body: bytes
    at: int

    def is_about(self, task_id: str) -> bool:
        """Whether it names a task."""
        return f'"{task_id}"'.encode() in self.body


class Receiver:
    """Answers with these statuses first, then with the last one for ever; `HANG` answers nothing."""

    def __init__(self, statuses: Sequence[int], location: str | None) -> None:
        self._statuses = list(statuses) or [200]
        self._location = location
        self._got: list[Got] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._answer(self)

            def do_GET(self) -> None:
                receiver._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True  # those that hang end with us

            def handle_error(self, *_: object) -> None:
                """Whoever gave up waiting is gone: nobody needs to be told."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    @property
    def got(self) -> list[Got]:
        """All that came."""
        with self._lock:
            return list(self._got)

    def of(self, task_id: str) -> list[Got]:
        """Return what came about a task."""
        return [got for got in self.got if got.is_about(task_id)]

    def serve(self) -> None:
        """Answer until `end`; for a thread."""
        self._server.serve_forever(0.05)

    def end(self) -> None:
        """Let `serve` return, and let go whoever hangs."""
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        at = time.time_ns() // 1_000_000
        body = request.rfile.read(int(request.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in request.headers.items()}
        with self._lock:
            self._got.append(Got(headers, body, at))
            status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        if status == HANG:
            self._ended.wait(HANG_SECONDS)
            return
        request.send_response(status)
        if self._location is not None:
            request.send_header("Location", self._location)
        request.send_header("Content-Length", "0")
        request.end_headers()


@contextmanager
def receiving(*statuses: int, location: str | None = None) -> Iterator[Receiver]:
    """Run a receiver.

    Args:
        statuses: its answers, the last one for ever; by default 200.
        location: where each answer points to.
    """
    receiver = Receiver(statuses, location)
    thread = threading.Thread(target=receiver.serve, name=f"receiver {receiver.url}")
    thread.start()
    try:
        yield receiver
    finally:
        receiver.end()
        thread.join()


def outputs(clients: Clients) -> dict[str, str]:
    """Return the outputs of the stack."""
    return {
        output["OutputKey"]: output["OutputValue"]
        for stack in clients.client("cloudformation").describe_stacks()["Stacks"]
        for output in stack.get("Outputs", [])
    }


def signing_secret(clients: Clients) -> str:
    """Return what the stack's webhooks are signed with."""
    secrets = clients.client("secretsmanager")
    secret: str = secrets.get_secret_value(SecretId=outputs(clients)["WebhookSecret"])["SecretString"]
    return secret
