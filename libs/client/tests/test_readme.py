"""The examples of README.md, as they stand there."""

import base64
import hashlib
import hmac
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from darkroom_client.testing import ACCEPTED, Say, Seen, Server, refusal, task, upload

README = Path(__file__).parents[1] / "README.md"
SECRET = "whsec_" + base64.b64encode(b"a secret of 24 bytes ...").decode()


def example(number: int, **names: Any) -> dict[str, Any]:
    """Run one example with what it takes for granted; return what it defines."""
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)
    scope: dict[str, Any] = {"endpoint": "http://127.0.0.1:9/", "api_key": "a-key", **names}
    exec(compile(blocks[number], f"README.md, example {number}", "exec"), scope)
    return scope


@pytest.fixture
def api(server: Server) -> Server:
    """Give an API whose tasks succeed."""
    image = {"s3": "s3://out/output/a/a-1.png", "url": f"{server.url}/bucket/a-1.png"}

    def answer(seen: Seen) -> Say:
        if "bucket" in seen.path:
            return Say(200, b"picture")
        return Say(200, ACCEPTED if seen.method == "POST" else task("succeeded", images=[image]))

    server.script = answer
    return server


def test_a_picture_from_a_prompt(api: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example(0, endpoint=api.url, folder=tmp_path)
    assert capsys.readouterr().out == f"{tmp_path / 'a-1.png'}\n"


async def test_the_same_with_asyncio(api: Server) -> None:
    assert await example(1, endpoint=api.url)["paint"]("a dog") == "s3://out/output/a/a-1.png"


def test_an_input_goes_up_before_its_task(server: Server, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"a photo")
    server.says(Say(200, upload(server)), Say(200, b""), Say(200, ACCEPTED))
    example(2, endpoint=server.url, folder=tmp_path)
    assert server.seen[1].body == b"a photo"
    assert server.seen[2].body["task"]["content"]["init_images"] == [upload(server)["reference"]]


def test_a_refusal_says_which_field(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.says(Say(400, refusal("bad_value", "steps: must be positive", "task.content.steps")))
    example(3, endpoint=server.url)
    assert "400 bad_value task.content.steps" in capsys.readouterr().out


def test_a_receiver_takes_an_event_once(capsys: pytest.CaptureFixture[str]) -> None:
    receive = example(4, secrets=SECRET, seen=set())["receive"]
    notification = {"id": "a", "result": True, "runtime": "r", "status": "succeeded", "submission": "s"}
    body, now = json.dumps(notification).encode(), str(int(time.time()))
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = hmac.digest(key, b".".join([b"e1", now.encode(), body]), hashlib.sha256)
    headers = {
        "webhook-id": "e1",
        "webhook-timestamp": now,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
    assert [receive(body, headers), receive(body, headers), receive(b"{}", headers)] == [204, 204, 401]
    assert capsys.readouterr().out == "a succeeded\n"
