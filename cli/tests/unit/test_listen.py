import base64
import io
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console
from standardwebhooks import Webhook

from darkroom_cli.endpoints import Target
from darkroom_cli.errors import BadRequestOptionError
from darkroom_cli.listen import LARGEST_BODY, listen, receiver, secrets_of
from darkroom_cli.terminal import Terminal
from local.home import Home

SECRET = "whsec_" + base64.b64encode(b"a secret of 24 bytes ...").decode()
BODY = json.dumps(
    {
        "id": "a",
        "result": False,
        "image_url": [],
        "output_url": None,
        "context": {},
        "runtime": "sdruntime",
        "status": "failed",
        "submission": "8a4c2b0e-0000-4000-8000-000000000001",
        "error": {"code": "timeout", "message": "too slow", "retryable": True},
    }
)


def post(url: str, event_id: str, *, secret: str = SECRET) -> int:
    now = int(time.time())
    headers = {
        "webhook-id": event_id,
        "webhook-timestamp": str(now),
        "webhook-signature": Webhook(secret).sign(event_id, datetime.fromtimestamp(now, UTC), BODY),
    }
    return httpx.post(url, content=BODY, headers=headers, trust_env=False).status_code


@contextmanager
def listening(*, count: int, as_json: bool = False) -> Iterator[tuple[str, io.StringIO, io.StringIO]]:
    """Run the command beside the test; what it printed is whole afterwards."""
    out, err = io.StringIO(), io.StringIO()
    terminal = Terminal(out=Console(file=out, width=200), err=Console(file=err, width=200))
    options = {"port": 0, "terminal": terminal, "count": count, "as_json": as_json}
    thread = threading.Thread(target=listen, args=([SECRET],), kwargs=options)
    thread.start()
    try:
        while (found := re.search(r"http://\S+/", err.getvalue())) is None:
            time.sleep(0.01)
        yield found.group(), out, err
    finally:
        thread.join(10)
    assert not thread.is_alive()


def test_what_is_verified_is_printed_and_an_event_that_comes_again_is_marked() -> None:
    with listening(count=2) as (url, out, _):
        assert [post(url, "e1"), post(url, "e1"), post(url, "e2")] == [204, 204, 204]
    first, again, second = out.getvalue().splitlines()
    assert "a  sdruntime  failed (timeout)" in first
    assert again.endswith("(sent again)")
    assert not second.endswith("(sent again)")


def test_what_is_not_signed_by_darkroom_is_refused_and_not_shown() -> None:
    other = "whsec_" + base64.b64encode(b"a stranger's").decode()
    with listening(count=1) as (url, out, err):
        assert post(url, "e1", secret=other) == 401
        assert out.getvalue() == ""
        post(url, "e2")
    assert "refused: no signature of it matches" in err.getvalue()


def test_for_programs_each_event_is_one_line_of_json() -> None:
    with listening(count=2, as_json=True) as (url, out, _):
        for event_id in ("e1", "e1", "e2"):
            post(url, event_id)
    assert [json.loads(line)["id"] for line in out.getvalue().splitlines()] == ["a", "a"]


@pytest.mark.parametrize(("length", "status"), [(str(LARGEST_BODY + 1), 413), ("x", 411), ("-1", 411)])
def test_what_no_webhook_would_be_is_not_read(length: str, status: int) -> None:
    with receiver([SECRET], port=0, heard=lambda *_: None, refused=lambda _: None) as url:
        sender = HTTPConnection(url.removeprefix("http://").rstrip("/"), timeout=5)
        sender.putrequest("POST", "/")
        sender.putheader("Content-Length", length)
        sender.endheaders()
        assert sender.getresponse().status == status
        sender.close()


def test_a_port_that_is_taken_is_told() -> None:
    with (
        receiver([SECRET], port=0, heard=lambda *_: None, refused=lambda _: None) as url,
        pytest.raises(BadRequestOptionError, match="--port"),
    ):
        listen([SECRET], port=int(url.rstrip("/").rpartition(":")[2]), terminal=Terminal())


class Secrets:
    """Secrets Manager with one secret, and the stack that names it."""

    def __init__(self, text: str, outputs: dict[str, str]) -> None:
        self.text = text
        self.outputs = outputs

    def client(self, _service: str, _region: str | None) -> Any:
        return self

    def describe_stacks(self, **_: str) -> Any:
        told = {**dict.fromkeys(WANTED, "{}"), "FrontApiEndpoint": "https://e.example/", **self.outputs}
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in told.items()]
        return {"Stacks": [{"StackName": "sdStack", "StackStatus": "CREATE_COMPLETE", "Outputs": outputs}]}

    def get_api_key(self, **_: Any) -> Any:
        return {"value": "k"}

    def get_function_configuration(self, **_: str) -> Any:
        return {"Environment": {"Variables": {"RUNTIMES": "[]"}}}

    def get_secret_value(self, **_: str) -> Any:
        return {"SecretString": self.text}


WANTED = (
    "ApiKeyId",
    "TasksTable",
    "RuntimeQueues",
    "UnroutedQueueUrl",
    "ValidatorFunctionName",
    "sdNotificationLambdaARN",
)


def told(text: str, tmp_path: Path, **outputs: str) -> list[str]:
    aws = Secrets(text, outputs)
    return secrets_of(Target(stack="sd"), environ={}, home=Home(tmp_path), clients=aws.client)


@pytest.mark.parametrize(
    ("text", "expected"), [(SECRET, [SECRET]), (json.dumps([SECRET, "whsec_bmV3"]), [SECRET, "whsec_bmV3"])]
)
def test_a_stack_tells_what_it_signs_with(text: str, expected: list[str], tmp_path: Path) -> None:
    assert told(text, tmp_path, WebhookSecret="name") == expected


def test_a_stack_without_webhooks_and_an_endpoint_alone_do_not(tmp_path: Path) -> None:
    with pytest.raises(BadRequestOptionError, match="posts no webhooks"):
        told(SECRET, tmp_path)
    with pytest.raises(BadRequestOptionError, match="give --secret"):
        secrets_of(Target(endpoint="https://e.example/"), environ={}, home=Home(tmp_path))
