"""Webhooks of the running system: signed, tried again, and never in the way of others (DESIGN 4.3)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from standardwebhooks import Webhook

from local.aftercare import set_function_environment
from tests.e2e.user import User, eventually, new_id, request, text_to_image

# The gaps of a deployment last for hours.
GAPS = {"WEBHOOK_DELAYS": "[1, 1, 1, 1, 1, 1]"}
SIX = 6  # five failures and the one that was taken


class Receiver:
    """A receiver on loopback that answers with these statuses first, then with 200."""

    def __init__(self, url: str, statuses: list[int]) -> None:
        self.url = url
        self.statuses = statuses
        self.got: list[tuple[dict[str, str], bytes]] = []

    def of(self, task_id: str) -> list[tuple[dict[str, str], bytes]]:
        """Return what came about a task."""
        return [(headers, body) for headers, body in list(self.got) if f'"{task_id}"'.encode() in body]


@contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    """Run a receiver."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}/hook", list(statuses))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def outputs(user: User) -> dict[str, str]:
    cloudformation = user.clients.client("cloudformation")
    return {
        output["OutputKey"]: output["OutputValue"]
        for stack in cloudformation.describe_stacks()["Stacks"]
        for output in stack.get("Outputs", [])
    }


@pytest.fixture(name="verify", scope="module")
def _verify(session_user: User) -> Webhook:
    """Give the published library with the system's secret; later tries come soon."""
    found = outputs(session_user)
    set_function_environment(session_user.clients, found["WebhooksFunctionName"], GAPS)
    secrets = session_user.clients.client("secretsmanager")
    return Webhook(secrets.get_secret_value(SecretId=found["WebhookSecret"])["SecretString"])


def submitted(user: User, url: str) -> str:
    task_id = new_id("webhook")
    body = request(task_id, text_to_image(1))
    body["task"]["metadata"]["callback_url"] = url
    user.submit(body)
    return task_id


def test_the_receiver_gets_what_subscribers_get_signed(user: User, verify: Webhook) -> None:
    with receiving() as receiver:
        task_id = submitted(user, receiver.url)
        told = user.hears(task_id)
        [(headers, body)] = eventually(lambda: receiver.of(task_id) or None, what="the webhook")
    assert body.decode() == told.body
    assert verify.verify(body, headers)["result"] is True
    assert headers["webhook-id"] == told.attributes["event_id"]


def test_a_receiver_that_fails_five_times_gets_the_event_once_more(user: User, verify: Webhook) -> None:
    with receiving(500, 500, 503, 302, 500) as receiver:
        task_id = submitted(user, receiver.url)
        tries = eventually(
            lambda: found if len(found := receiver.of(task_id)) == SIX else None, what="six tries"
        )
    assert len({headers["webhook-id"] for headers, _ in tries}) == 1
    assert len({body for _, body in tries}) == 1
    headers, body = tries[-1]
    assert verify.verify(body, headers)["id"] == task_id
