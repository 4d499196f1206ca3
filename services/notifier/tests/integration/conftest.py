"""The function of the webhooks over real HTTP; its queues and its clock are the test's."""

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import pytest

from netguard import AddressGuard
from netguard.testing import FakeResolver
from notifier.errors import UnavailableError
from notifier.webhook_deliveries import Deliveries
from notifier.webhook_schedule import Schedule
from notifier.webhook_sending import LOOPBACK, HttpPoster
from notifier.webhook_signing import Signer
from task_store import Task

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 32).decode()
DELAYS = (15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
QUEUE_MAX = 900  # seconds that SQS delays a message at most
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n" * 3000

type Answer = tuple[int, Mapping[str, str]]


@dataclass
class Receiver:
    """A server that gives one answer after the other, the last one for ever.

    "hang": no answer until the server ends; "close": the connection ends; "flood": interim
    answers without end.
    """

    answers: list[Answer | str]
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    connections: int = 0
    holds: Callable[[int], bool] = lambda _: False
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.answer(self)

            def do_GET(self) -> None:
                receiver.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True

            def process_request(self, request: Any, client_address: Any) -> None:
                with receiver.lock:
                    receiver.connections += 1
                super().process_request(request, client_address)

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?key=hidden"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("content-length", "0")))
        with self.lock:
            number = len(self.got)
            self.got.append(({name.lower(): value for name, value in request.headers.items()}, body))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        while self.holds(number) and not self.released.is_set():
            time.sleep(0.02)
        if isinstance(answer, str):
            self._misbehave(request.connection, answer)
            return
        status, headers = answer
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def _misbehave(self, connection: socket.socket, how: str) -> None:
        if how == "hang":
            self.released.wait(30)
        elif how == "flood":
            while not self.released.is_set():
                connection.sendall(INTERIM)
        else:
            connection.shutdown(socket.SHUT_RDWR)


@dataclass
class Queue:
    """Both queues that webhooks are handed on to, and the time at which messages appear."""

    waiting: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)
    dead_letters: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    now: Callable[[], int] = lambda: 0
    broken: bool = False
    sent: int = 0

    def later(self, body: str, attributes: Mapping[str, str], seconds: float) -> None:
        self._check()
        appears = self.now() + int(min(QUEUE_MAX, seconds) * 1000)
        self.waiting.append((appears, body, dict(attributes)))

    def dead(self, body: str, attributes: Mapping[str, str]) -> None:
        self._check()
        self.dead_letters.append((body, dict(attributes)))

    def _check(self) -> None:
        if self.broken:
            raise UnavailableError("no answer")
        self.sent += 1


@dataclass
class Hooks:
    """The function over real HTTP."""

    system: Any
    record: Callable[..., dict[str, Any]]
    resolver: FakeResolver | None = None
    allowed: Sequence[str] = LOOPBACK
    seconds: float = 10.0
    queue: Queue = field(default_factory=Queue)
    callbacks: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.queue.now = lambda: self.system.now
        poster = HttpPoster(
            AddressGuard(self.allowed), insecure=True, resolver=self.resolver, seconds=self.seconds
        )
        self.deliveries = Deliveries(
            store=self,
            callbacks=self,
            signers=self,
            poster=poster,
            outbox=self.queue,
            queues=self.system.queues,
            schedule=Schedule(DELAYS, chance=lambda: 0.0),
            clock=lambda: self.system.now,
            meter=self.system.meter,
            log=self.system.log,
            tracing=self.system.tracing,
        )

    def get(self, task_id: str) -> Task | None:
        found: Task | None = self.system.store.get(task_id)
        return found

    def kept(self, submission: str) -> str | None:
        return self.callbacks.get(submission)

    def current(self) -> Signer:
        return Signer.read(json.dumps([OTHER, SECRET]))

    def message(self, task_id: str, url: str | None, **attributes: str) -> dict[str, Any]:
        """Record a task with a receiver and return the message that tells its end."""
        task = self.system.record(task_id, callback_url=url)
        told = {"id": task_id, "submission": task.submission, "event_id": f"event-of-{task_id}"}
        body = json.dumps({"id": task_id, "result": True, "note": "é"})
        return self.record(
            body, message_id=f"m-{task_id}", attributes={**told, "callback": "true", **attributes}
        )

    def post(self, *records: Mapping[str, Any], context: Any = None) -> list[str]:
        """Bring messages to the function; return the ids of those that have to come again."""
        answer = self.deliveries({"Records": list(records)}, context)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def pass_time(self) -> None:
        """Let the time pass until nothing waits any more."""
        while self.queue.waiting:
            self.queue.waiting.sort(key=lambda entry: entry[0])
            appears, body, attributes = self.queue.waiting.pop(0)
            self.system.now = max(self.system.now, appears)
            assert self.post(self.record(body, message_id="again", attributes=attributes)) == []

    @property
    def secrets(self) -> tuple[str, str]:
        """What all webhooks are signed with."""
        return SECRET, OTHER

    @property
    def outcomes(self) -> list[str]:
        return [extra["outcome"] for _, message, extra in self.system.log.lines if message == "webhook"]


@pytest.fixture
def make(system: Any, record: Any) -> Iterator[Callable[..., Hooks]]:
    with ExitStack() as stack:

        def hooks(**options: Any) -> Hooks:
            made = Hooks(system, record, **options)
            stack.callback(made.deliveries.close)
            return made

        yield hooks


@pytest.fixture(scope="session")
def receiver_of() -> Callable[..., Receiver]:
    """Return what makes a server of answers, to be used in a `with`."""
    return lambda *answers: Receiver(list(answers))
