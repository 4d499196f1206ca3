import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from darkroom_cli.bodies import Request
from darkroom_cli.errors import NoAnswerError, RefusedError
from darkroom_cli.tasks import Desk, Picture
from local.state import State

REFUSAL = {"error": {"code": "bad_value", "message": "no", "field": "x"}, "errors": []}
A_REQUEST = Request("a", "text-to-image", "sdruntime", "v1alpha2", {"task": {}})

type Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def api() -> Iterator[Callable[..., Desk]]:
    """Start an API that gives the answers it is told, the last one for ever."""
    servers: list[ThreadingHTTPServer] = []

    def start(*answers: Answer) -> Desk:
        left = list(answers)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                status, headers, body = left.pop(0) if len(left) > 1 else left[0]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return Desk(state(f"http://127.0.0.1:{server.server_port}/"))

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def state(endpoint: str) -> State:
    names: dict[str, Any] = dict.fromkeys(
        (
            "api_key",
            "aws_url",
            "region",
            "requests_topic",
            "notifications_topic",
            "output_bucket",
            "payload_bucket",
            "tasks_table",
            "unrouted_queue_url",
            "validator_function",
        ),
        "x",
    )
    return State(
        **{**names, "aws_url": "http://127.0.0.1:9"},
        endpoint=endpoint,
        pid=1,
        started_at=0,
        runtimes={},
        processes={},
        logs=Path("/l"),
    )


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


async def test_an_accepted_request_gives_its_answer(api: Callable[..., Desk]) -> None:
    assert await api((200, {}, body({"id": "a"}))).post(A_REQUEST) == {"id": "a"}


async def test_a_busy_api_is_asked_again(api: Callable[..., Desk]) -> None:
    busy = (429, {"Retry-After": "0"}, body(REFUSAL))
    assert await api(busy, busy, (200, {}, body({"id": "a"}))).post(A_REQUEST) == {"id": "a"}


async def test_an_api_that_stays_busy_is_reported(api: Callable[..., Desk]) -> None:
    with pytest.raises(RefusedError) as caught:
        await api((503, {"Retry-After": "0"}, body(REFUSAL))).post(A_REQUEST)
    assert caught.value.status == 503


async def test_a_refusal_keeps_its_faults(api: Callable[..., Desk]) -> None:
    with pytest.raises(RefusedError) as caught:
        await api((400, {}, body(REFUSAL))).post(A_REQUEST)
    assert [fault.message for fault in caught.value.faults] == ["no"]


async def test_what_answers_and_is_not_the_api_is_shown(api: Callable[..., Desk]) -> None:
    with pytest.raises(NoAnswerError, match="404: a web page"):
        await api((404, {}, b"a web page")).post(A_REQUEST)


def test_a_picture_has_the_extension_that_the_system_gave_it() -> None:
    assert Picture("s3://b/o/a.b/a.b-abcd-1.gif", b"").extension == ".gif"


def test_requests_to_one_api_may_be_posted_from_one_loop_after_another(api: Callable[..., Desk]) -> None:
    desk = api((200, {}, body({"id": "a"})))
    assert [asyncio.run(desk.post(A_REQUEST)) for _ in range(2)] == [{"id": "a"}] * 2
