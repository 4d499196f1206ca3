import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from task_schema import MAX_BODY_BYTES

type Body = Callable[..., Any]
type Event = Callable[..., dict[str, Any]]

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "value",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json ; charset=us-ascii",
        "application/json; profile=x",
    ],
)
@pytest.mark.parametrize("name", ["Content-Type", "content-type", "CONTENT-TYPE"])
def test_json_in_utf_8_is_taken(system: Any, body: Body, event: Event, name: str, value: str) -> None:
    assert system.send(event(json.dumps(body()), headers={name: value})).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"Content-Type": ""},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Accept": "application/json"},
    ],
)
def test_another_media_type_is_refused(system: Any, body: Body, event: Event, headers: Any) -> None:
    answer = system.send(event(json.dumps(body()), headers=headers))
    assert answer.status == 415
    assert answer.body["error"]["code"] == "unsupported_media_type"
    assert answer.body["error"]["field"] == "Content-Type"
    assert system.topic.messages == []


def test_a_body_in_base64_is_the_body(system: Any, body: Body, event: Event) -> None:
    text = base64.b64encode(json.dumps(body()).encode()).decode()
    assert system.send(event(text, headers=JSON, base64=True)).status == 200


@pytest.mark.parametrize("text", ["%%%", "abc", "äöü", base64.b64encode(b"\xff\xfe{").decode()])
def test_bad_base64_is_bad_json(system: Any, event: Event, text: str) -> None:
    answer = system.send(event(text, headers=JSON, base64=True))
    assert (answer.status, answer.body["error"]["code"]) == (400, "bad_json")


@pytest.mark.parametrize("text", [None, ""])
def test_no_body_is_bad_json(system: Any, event: Event, text: str | None) -> None:
    answer = system.send(event(text, headers=JSON))
    assert (answer.status, answer.body["error"]["code"]) == (400, "bad_json")


def _padded(body: Any, size: int, pad: str) -> str:
    """Make a body whose escaped form has `size` bytes, give or take one piece of `pad`."""
    body["task"]["content"]["prompt"] = ""
    empty = json.dumps(json.dumps(body), ensure_ascii=False)
    piece = len(json.dumps(json.dumps(pad)[1:-1])) - 2
    body["task"]["content"]["prompt"] = pad * ((size - len(empty)) // piece)
    return json.dumps(body)


@pytest.mark.parametrize("pad", ["x", '"', "\n"])
def test_the_size_that_counts_is_that_of_the_escaped_body(system: Any, body: Body, pad: str) -> None:
    assert system.post(_padded(body(), MAX_BODY_BYTES, pad)).status == 200
    answer = system.post(_padded(body(id="u"), MAX_BODY_BYTES + 10, pad))
    assert answer.status == 413
    assert answer.body["error"]["code"] == "too_large"
    assert system.store.get("u") is None


def test_text_that_is_not_ascii_counts_in_bytes(system: Any) -> None:
    assert system.post("é" * (MAX_BODY_BYTES // 2)).status == 413
    assert system.post("é" * (MAX_BODY_BYTES // 2 - 2)).status == 400
    assert system.post("\ud800" * MAX_BODY_BYTES).status == 413


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_an_idempotency_key_has_1_to_255_characters(system: Any, body: Body, key: str) -> None:
    answer = system.post(body(), Idempotency_Key=key)
    assert answer.status == 400
    assert answer.body["error"]["code"] == "bad_value"
    assert answer.body["error"]["field"] == "Idempotency-Key"
