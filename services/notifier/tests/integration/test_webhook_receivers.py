"""Webhooks to real servers on this machine that misbehave; queues and clock are the test's."""

import base64
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import pytest
from standardwebhooks import Webhook as Published

from netguard import AddressGuard
from netguard.testing import FakeResolver
from notifier.errors import UnavailableError
from notifier.webhook_deliveries import Deliveries
from notifier.webhook_messages import Webhook
from notifier.webhook_schedule import Schedule
from notifier.webhook_sending import LOOPBACK, HttpPoster
from notifier.webhook_signing import Signer
from task_store import TableUnavailableError, Task
from task_store.testing import MemoryTaskStore

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 32).decode()
DELAYS = (15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
QUEUE_MAX = 900  # seconds that SQS delays a message at most
QUICK = 0.3  # seconds for an attempt, where a receiver hangs

type Answer = tuple[int, Mapping[str, str]]


@dataclass
class Receiver:
    """A server that gives one answer after the other, the last one for ever.

    "hang": no answer until the server ends; "close": the connection ends.
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
            if answer == "hang":
                self.released.wait(30)
            else:
                request.connection.shutdown(socket.SHUT_RDWR)
            return
        status, headers = answer
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", "0")
        request.end_headers()


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

    def __post_init__(self) -> None:
        self.queue.now = lambda: self.system.now
        poster = HttpPoster(
            AddressGuard(self.allowed), insecure=True, resolver=self.resolver, seconds=self.seconds
        )
        self.deliveries = Deliveries(
            store=self,
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

    def post(self, *records: Mapping[str, Any]) -> list[str]:
        answer = self.deliveries({"Records": list(records)}, None)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def pass_time(self) -> None:
        """Let the time pass until nothing waits any more."""
        while self.queue.waiting:
            self.queue.waiting.sort(key=lambda entry: entry[0])
            appears, body, attributes = self.queue.waiting.pop(0)
            self.system.now = max(self.system.now, appears)
            assert self.post(self.record(body, message_id="again", attributes=attributes)) == []

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


def verified(got: tuple[dict[str, str], bytes], *, now: int) -> Any:
    """Verify as the published library does, which wants the time of the attempt to be about now."""
    headers, body = got
    assert int(headers["webhook-timestamp"]) == now // 1000
    signed = Signer.read(SECRET).headers(
        headers["webhook-id"], body, seconds=int(headers["webhook-timestamp"])
    )
    assert signed["webhook-signature"] in headers["webhook-signature"].split(" ")
    return json.loads(body)


def test_a_webhook_is_the_notification_signed_with_every_secret(make: Any) -> None:
    hooks = make()
    hooks.system.now = int(time.time() * 1000)
    with Receiver([(204, {})]) as receiver:
        message = hooks.message("t", receiver.url)
        assert hooks.post(message) == []
    [(headers, body)] = receiver.got
    assert body == message["body"].encode()
    for secret in (SECRET, OTHER):
        assert Published(secret).verify(body, headers) == {"id": "t", "result": True, "note": "é"}
    assert headers["webhook-id"] == "event-of-t"
    assert headers["content-type"] == "application/json"
    assert (hooks.outcomes, hooks.queue.waiting) == (["delivered"], [])
    assert hooks.system.meter.counted == {("Webhooks", "outcome=delivered"): 1}


def test_a_receiver_that_fails_five_times_gets_the_event_once_more(make: Any) -> None:
    hooks = make()
    with Receiver([*[(500, {})] * 5, (200, {})]) as receiver:
        start = hooks.system.now
        assert hooks.post(hooks.message("t", receiver.url)) == []
        hooks.pass_time()
    assert len(receiver.got) == 6
    assert {headers["webhook-id"] for headers, _ in receiver.got} == {"event-of-t"}
    assert len({body for _, body in receiver.got}) == 1
    times = [int(headers["webhook-timestamp"]) for headers, _ in receiver.got]
    assert [time - start // 1000 for time in times] == [0, 15, 75, 375, 1275, 4875]
    for got, at in zip(receiver.got, times, strict=True):
        assert verified(got, now=at * 1000)["id"] == "t"
    assert hooks.outcomes == [*["retried"] * 5, "delivered"]
    assert hooks.queue.dead_letters == []


def test_a_receiver_that_never_takes_it_leaves_a_dead_letter_after_the_last_gap(make: Any) -> None:
    hooks = make()
    with Receiver([(503, {})]) as receiver:
        hooks.post(hooks.message("t", receiver.url))
        hooks.pass_time()
        assert len(receiver.got) == 9
        [(body, attributes)] = hooks.queue.dead_letters
        assert (attributes["reason"], attributes["tries"], attributes["url"]) == (
            "exhausted",
            "9",
            receiver.url,
        )
        receiver.answers[:] = [(200, {})]
        assert hooks.post(hooks.record(body, attributes=attributes)) == []
    assert hooks.outcomes[-2:] == ["exhausted", "delivered"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(make: Any, status: int) -> None:
    hooks = make()
    with Receiver([(200, {})]) as private, Receiver([(status, {"Location": private.url})]) as receiver:
        hooks.post(hooks.message("t", receiver.url))
    assert (len(receiver.got), private.connections) == (1, 0)
    assert hooks.outcomes == ["retried"]


def test_a_receiver_that_wants_no_more_is_left_alone(make: Any) -> None:
    hooks = make()
    with Receiver([(410, {})]) as receiver:
        hooks.post(hooks.message("t", receiver.url))
    assert (hooks.outcomes, hooks.queue.sent) == (["gone"], 0)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("asked", "gap"), [("100", 100), ("1", 15), ("99999999", 12 * 3600)])
def test_a_receiver_may_ask_to_be_left_alone_for_longer(make: Any, status: int, asked: str, gap: int) -> None:
    hooks = make()
    with Receiver([(status, {"Retry-After": asked}), (200, {})]) as receiver:
        start = hooks.system.now
        hooks.post(hooks.message("t", receiver.url))
        hooks.pass_time()
    assert len(receiver.got) == 2
    assert (hooks.system.now - start) // 1000 == gap
    assert hooks.outcomes == ["retried", "delivered"]


@pytest.mark.parametrize("answer", ["hang", "close"])
def test_a_receiver_that_does_not_answer_is_tried_again(make: Any, answer: str) -> None:
    hooks = make(seconds=QUICK)
    with Receiver([answer, (200, {})]) as receiver:
        hooks.post(hooks.message("t", receiver.url))
        hooks.pass_time()
    assert hooks.outcomes == ["retried", "delivered"]


def test_a_receiver_that_is_not_there_is_tried_again(make: Any) -> None:
    hooks = make()
    with Receiver([(200, {})]) as receiver:
        url = receiver.url
    hooks.post(hooks.message("t", url))
    assert hooks.outcomes == ["retried"]


def test_a_name_that_leads_to_a_private_address_is_never_connected_to(make: Any) -> None:
    with Receiver([(200, {})]) as receiver:
        hooks = make(allowed=(), resolver=FakeResolver.of(localhost="127.0.0.1"))
        hooks.post(hooks.message("t", receiver.url.replace("127.0.0.1", "localhost")))
        hooks.pass_time()
    assert receiver.connections == 0
    [(_, attributes)] = hooks.queue.dead_letters
    assert (attributes["reason"], attributes["tries"]) == ("exhausted", "9")


def test_a_second_look_up_cannot_lead_elsewhere(make: Any) -> None:
    resolver = FakeResolver({"localhost": [["127.0.0.1"], ["127.0.0.2"]]})
    hooks = make(allowed=("127.0.0.1",), resolver=resolver)
    with Receiver([(500, {}), (200, {})]) as receiver:
        url = receiver.url.replace("127.0.0.1", "localhost")
        hooks.post(hooks.message("t", url))
        assert (resolver.asked, receiver.connections) == (["localhost"], 1), "one look-up, and that is used"
        hooks.pass_time()
    assert receiver.connections == 1
    assert set(hooks.outcomes) == {"retried", "exhausted"}


@pytest.mark.parametrize(
    "url", ["http://public.example/", "ftp://public.example/", "https://a:b@public.example/", "nonsense"]
)
def test_a_receiver_that_may_not_be_asked_at_all_is_told_at_once(make: Any, url: str) -> None:
    hooks = make(resolver=FakeResolver({}))
    hooks.post(hooks.message("t", url))
    assert hooks.resolver.asked == []
    assert hooks.outcomes == ["refused"]
    assert hooks.queue.dead_letters[0][1]["reason"] == "refused"


def test_the_receiver_of_a_later_try_is_the_first_one_though_the_id_went_to_another_task(make: Any) -> None:
    hooks = make()
    with Receiver([(500, {}), (200, {})]) as receiver:
        hooks.post(hooks.message("t", receiver.url))
        hooks.system.store = MemoryTaskStore()
        hooks.pass_time()
    assert hooks.outcomes == ["retried", "delivered"]


def test_a_webhook_of_another_submission_is_kept_and_sent_to_nobody(make: Any) -> None:
    hooks = make()
    with Receiver([(200, {})]) as receiver:
        hooks.post(hooks.message("t", receiver.url, submission="another"))
        hooks.post(hooks.message("u", None))
        hooks.post(hooks.record("{}", attributes={"id": "v", "submission": "s", "event_id": "e"}))
    assert receiver.connections == 0
    assert [attributes["reason"] for _, attributes in hooks.queue.dead_letters] == ["unaddressed"] * 3


def test_a_message_that_is_no_webhook_is_kept(make: Any) -> None:
    hooks = make()
    assert hooks.post(hooks.record("anything", attributes={"runtime": "r"})) == []
    assert hooks.queue.dead_letters == [("anything", {"reason": "unreadable", "runtime": "r"})]


def test_only_what_could_not_be_handed_on_comes_again(make: Any) -> None:
    hooks = make()
    with Receiver([(500, {})]) as bad, Receiver([(200, {})]) as good:
        records = [hooks.message("bad", bad.url), hooks.message("good", good.url)]
        hooks.queue.broken = True
        assert hooks.post(*records) == ["m-bad"]
        assert [(handle, seconds) for _, handle, seconds in hooks.system.queues.hidden] == [
            ("handle-of-m-bad", 2)
        ]
        hooks.queue.broken = False
        assert hooks.post(records[0]) == []
    assert (len(good.got), len(bad.got)) == (1, 2)
    assert hooks.queue.waiting[0][2]["try"] == "2"


def test_without_the_table_or_a_secret_nothing_is_lost(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = make()
    with Receiver([(200, {})]) as receiver:
        message = hooks.message("t", receiver.url)
        task = hooks.system.task()
        known = hooks.record("{}", message_id="m-known", attributes=_again(task, receiver.url))
        hooks.system.store.get = _gone  # a row that cannot be read
        assert hooks.post(message, known) == ["m-t"]
        monkeypatch.setattr(hooks, "current", _gone)
        assert hooks.post(known) == ["m-known"]
    assert len(receiver.got) == 1
    assert hooks.queue.sent == 0


def _again(task: Task, url: str) -> dict[str, str]:
    found = Webhook(task.id, task.submission, "e", "{}", {}).to(url)
    return found.attributes()


def _gone(*_: object) -> Any:
    raise TableUnavailableError("no answer")


def test_neither_secrets_nor_queries_nor_bodies_are_told(make: Any) -> None:
    hooks = make()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with Receiver([(500, {}), (200, {})]) as receiver:
        hooks.post(hooks.message("t", receiver.url, traceparent=trace))
        hooks.pass_time()
    told = json.dumps([hooks.system.log.lines, hooks.system.documents, list(hooks.system.meter.counted)])
    for secret in (
        "hidden",
        SECRET,
        SECRET.removeprefix("whsec_"),
        "note",
        receiver.got[0][0]["webhook-signature"],
    ):
        assert secret not in told
    assert [headers["traceparent"].split("-")[1] for headers, _ in receiver.got] == [trace.split("-")[1]] * 2
    names = {document["name"] for document in hooks.system.documents}
    assert names == {"process webhooks"}


def test_of_a_thousand_webhooks_a_tenth_of_whose_receivers_hang_the_others_arrive_meanwhile(
    make: Any,
) -> None:
    hooks = make(seconds=60.0)
    with Receiver([(200, {})]) as good, Receiver(["close"]) as hanging:
        # Those of a batch hang until all others of the batch have arrived.
        hanging.holds = lambda number: len(good.got) < 180 * (number // 20 + 1)
        records = [hooks.message(f"t-{n}", hanging.url if n % 10 == 0 else good.url) for n in range(1000)]
        for start in range(0, 1000, 200):
            assert hooks.post(*records[start : start + 200]) == []
        assert Counter(hooks.outcomes) == {"delivered": 900, "retried": 100}
        told = Counter(headers["webhook-id"] for headers, _ in good.got)
        assert told == {f"event-of-t-{n}": 1 for n in range(1000) if n % 10}
        hanging.answers[:] = [(200, {})]
        hanging.holds = lambda _: False
        hooks.pass_time()
    assert Counter(hooks.outcomes)["delivered"] == 1000
    assert hooks.queue.dead_letters == []
