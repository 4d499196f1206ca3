"""What is shown of a task beside the API's own words: request, `.out`, advice, trace."""

import json
import threading
from typing import Any

import httpx
import pytest

from console import details
from darkroom_client.testing import Say, refusal

TASK = "/api/tasks/a"
OTHER = "8a4c2b0e-0000-4000-8000-00000000000f"
CONTENT = {"prompt": "a cat <b>", "seed": 1, "alwayson_scripts": {}}


def out(store: Any, **record: Any) -> bytes:
    request = {"tasktype": "text-to-image", "submission": store.submission, "content": CONTENT, **record}
    return json.dumps({"images": [], "darkroom": {"attempt": 1, "request": request}}).encode()


def ended(store: Any, say: Say | bytes, **more: Any) -> None:
    store.has("succeeded", output=store.put("a.out", say), **more)


def test_the_request_of_a_task_that_others_sent_is_that_of_its_out(store: Any, browser: httpx.Client) -> None:
    ended(store, out(store), output_location="s3://out/my/folder/a")
    shown = browser.get(TASK).json()
    assert shown["has_out"] is True
    assert shown["advice"] is None
    assert shown["request"] == {
        "task": {
            "metadata": {
                "id": "a",
                "runtime": "sdruntime",
                "tasktype": "text-to-image",
                "prefix": "my/folder",
            },
            "content": CONTENT,
        }
    }


def test_an_out_is_read_once_and_not_where_it_would_hold_up_all_else(
    store: Any, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = out(store, content={"prompt": "x" * 100_000})
    ended(store, text)
    read: list[str] = []
    loads = json.loads

    def seen(given: Any, **more: Any) -> Any:
        if given == text:
            read.append(threading.current_thread().name)
        return loads(given, **more)

    monkeypatch.setattr(json, "loads", seen)
    assert browser.get(TASK).json()["request"] is not None
    [thread] = read
    assert thread.startswith("asyncio_")


def test_an_out_is_fetched_once_for_its_request(store: Any, browser: httpx.Client) -> None:
    ended(store, out(store))
    shown = [browser.get(TASK).json()["request"] for _ in range(3)]
    assert shown[0] is not None
    assert shown == [shown[0]] * 3
    assert len(store.fetched()) == 1


@pytest.mark.parametrize(
    "say",
    [
        json.dumps({"darkroom": {"request": {"submission": OTHER, "content": CONTENT}}}).encode(),
        b'{"images": []}',
        b'{"darkroom": {"request": {"content_ref": "s3://payloads/tasks/x/content.json"}}}',
        b'{"darkroom": {"request": []}}',
        b'{"darkroom": null}',
        b"[]",
        b"not json",
        b"[" * 100_000,
        Say(200, b"{}", cut=True),
        Say(403, b"<Error/>"),
        Say(404, b"<Error/>"),
        Say(drop=True),
    ],
)
def test_an_out_that_tells_no_request_leaves_the_rest_of_the_task(
    store: Any, browser: httpx.Client, say: Say | bytes
) -> None:
    ended(store, say)
    answer = browser.get(TASK)
    assert answer.status_code == 200
    assert answer.json()["request"] is None
    assert answer.json()["status"] == "succeeded"


def test_a_store_that_hangs_holds_a_task_back_for_a_moment_only(
    store: Any, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(details, "_PATIENCE", 0.1)
    ended(store, Say(200, out(store), hang=2.0))
    assert browser.get(TASK, timeout=1.5).json()["request"] is None


def test_outputs_that_cannot_be_pictures_are_files(store: Any, browser: httpx.Client) -> None:
    names = ["a.png", "a.JPG", "a.mp4", "a.svg", "a.html", "png", "a.webp"]
    store.has("succeeded", images=[store.put(name, b"") for name in names])
    kinds = [output["kind"] for output in browser.get(TASK).json()["images"]]
    assert kinds == ["image", "image", "file", "file", "file", "image", "image"]


def test_a_task_that_failed_has_advice(store: Any, browser: httpx.Client) -> None:
    error = {"code": "input_unreachable", "message": "https://example.com/cat.png answered 404"}
    store.has("failed", error={**error, "retryable": True})
    assert "link" in browser.get(TASK).json()["advice"]


def test_an_out_is_shown_as_it_is(store: Any, browser: httpx.Client) -> None:
    text = out(store, content={"prompt": "</script><script>alert(1)</script>"})
    ended(store, Say(200, text, {"Content-Type": "text/html"}))
    answer = browser.get(f"{TASK}/out")
    assert answer.content == text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "case",
    [
        (b"<script>alert(1)</script>", 502, "is not JSON"),
        (Say(404, b"<Error/>"), 404, "no such object any more"),
        (Say(200, b"{}", cut=True), 502, "does not answer"),
        (Say(403, b"<Error/>"), 502, "answered 403"),
    ],
)
def test_an_out_that_cannot_be_had_is_told_in_words(
    store: Any, browser: httpx.Client, case: tuple[Say | bytes, int, str]
) -> None:
    say, status, words = case
    ended(store, say)
    answer = browser.get(f"{TASK}/out")
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]


def test_an_out_that_is_too_large_is_not_shown(
    store: Any, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(details, "MAX_OUT", 100)
    ended(store, out(store))
    assert browser.get(f"{TASK}/out").status_code == 413
    assert browser.get(TASK).json()["request"] is None


def test_a_task_without_an_out_says_so(store: Any, browser: httpx.Client) -> None:
    store.has("queued")
    answer = browser.get(f"{TASK}/out")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "task a is queued and has no .out"
    assert browser.get(TASK).json()["has_out"] is False


def test_what_the_api_says_of_a_task_that_there_is_not_is_passed_on(
    store: Any, browser: httpx.Client
) -> None:
    for path in (f"{TASK}/out", f"{TASK}/images/0", f"{TASK}/images/0/thumb"):
        answer = browser.get(path)
        assert answer.status_code == 404
        assert answer.json()["error"]["message"] == "no such task"


def test_an_api_that_is_out_of_order_is_told(store: Any, browser: httpx.Client) -> None:
    store.server.says(Say(503, refusal("unavailable", "not now"), {"Retry-After": "9"}))
    assert browser.get(f"{TASK}/out").status_code == 503


TRACE: dict[str, Any] = {
    "trace_id": "6921f0c2a1b2c3d4e5f60718293a4b5c",
    "xray_trace_id": "1-6921f0c2-a1b2c3d4e5f60718293a4b5c",
    "name": "POST /v1alpha2",
    "tasks": ["a"],
    "started_at": 1.5,
    "ended_at": 2.5,
    "total_ms": 1000.0,
    "gpu_seconds": 0.5,
    "gpu_share": 0.5,
    "complete": True,
    "span_count": 1,
    "truncated": False,
    "gaps": [],
    "spans": [
        {
            "span_id": "s",
            "parent_id": None,
            "parent_missing": True,
            "depth": 0,
            "name": "infer",
            "service": "darkroom-queue-agent",
            "kind": "internal",
            "offset_ms": 0.0,
            "ms": 500.0,
            "self_ms": 500.0,
            "gpu": True,
            "error": False,
            "message": "<img src=x>",
            "attributes": {"darkroom.gpu": True},
            "links": [],
            "events": [{"name": "e", "offset_ms": 1.0, "attributes": {}}],
        }
    ],
    "steps": [{"span_id": None, "name": "queue", "offset_ms": 0.0, "ms": 500.0}],
}


def traced(store: Any, serving: Any, say: Say) -> httpx.Client:
    """Have a task with a trace, and a trace store that says this of it."""
    store.has("succeeded", trace_id=TRACE["trace_id"])
    script = store.server.script
    store.server.script = lambda seen: say if seen.path.startswith("/api/traces/") else script(seen)
    browser: httpx.Client = serving(traces_url=store.server.url)
    return browser


def test_a_trace_is_what_the_store_has_under_the_trace_id_of_the_task(store: Any, serving: Any) -> None:
    answer = traced(store, serving, Say(200, TRACE)).get(f"{TASK}/trace")
    shown = answer.json()
    assert answer.status_code == 200
    assert f"/api/traces/{TRACE['trace_id']}" in [seen.path for seen in store.server.seen]
    assert "xray_trace_id" not in shown
    assert shown["steps"] == TRACE["steps"]
    [span], [told] = shown["spans"], TRACE["spans"]
    assert span == {name: told[name] for name in told if name not in {"parent_missing", "links"}}


@pytest.mark.parametrize(
    "case",
    [
        (Say(404, {"message": "no such trace"}), 404, "not yet"),
        (Say(500), 502, "the trace store answered 500"),
        (Say(drop=True), 502, "the trace store does not answer"),
        (Say(200, b"<html>"), 502, "not a trace store of this version"),
        (Say(200, []), 502, "not a trace store of this version"),
        (Say(200, {**TRACE, "spans": [{}]}), 502, "not a trace store of this version"),
        (Say(200, {**TRACE, "spans": 1}), 502, "not a trace store of this version"),
        (Say(200, {**TRACE, "total_ms": "long"}), 502, "not a trace store of this version"),
    ],
)
def test_a_trace_that_cannot_be_had_is_told_in_words(
    store: Any, serving: Any, case: tuple[Say, int, str]
) -> None:
    say, status, words = case
    answer = traced(store, serving, say).get(f"{TASK}/trace")
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]


def test_a_system_without_a_trace_store_says_where_traces_are(store: Any, browser: httpx.Client) -> None:
    answer = browser.get(f"{TASK}/trace")
    assert answer.status_code == 404
    assert "X-Ray" in answer.json()["error"]["message"]


def test_an_endpoint_and_a_key_alone_tell_no_notification(store: Any, serving: Any) -> None:
    answer = serving(mode="api").get(f"{TASK}/notification")
    assert answer.status_code == 404
    assert "--stack-name" in answer.json()["error"]["message"]
