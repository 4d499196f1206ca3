"""Submitting, looking and cancelling through a real console, over a fake API that is asked by real HTTP."""

import asyncio
from typing import Any

import httpx
import pytest

from console.testing import KEY, FakeApi, Running, submission_of
from darkroom_client.testing import Say, refusal

HTML = "<img src=x onerror=alert(1)>"


def request(task_id: str = "t1", **metadata: Any) -> dict[str, Any]:
    known = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "output"}
    return {"task": {"metadata": {**known, **metadata}, "content": {"prompt": HTML, "seed": 7}}}


def test_what_is_submitted_goes_to_the_api_as_it_is_with_the_key_and_an_idempotency_key(
    browser: httpx.Client, api: FakeApi
) -> None:
    answer = browser.post("/api/tasks", json=request(context={"a": 1}))
    assert answer.status_code == 200
    assert answer.json()["id_task"] == "t1"
    seen = api.seen[0]  # the next one asks what became of it
    assert seen.body == request(context={"a": 1})
    assert seen.headers["x-api-key"] == KEY
    assert len(seen.headers["idempotency-key"]) == 32
    assert "cookie" not in seen.headers
    assert "origin" not in seen.headers


@pytest.mark.parametrize(
    ("status", "code", "field"),
    [
        (400, "bad_value", "task.content.width"),
        (409, "conflict", None),
        (413, "too_large", None),
        (429, "throttled", None),
        (503, "unavailable", None),
    ],
)
def test_a_refusal_of_the_api_is_passed_on_to_the_letter(
    browser: httpx.Client, api: FakeApi, status: int, code: str, field: str | None
) -> None:
    refused = refusal(code, HTML, field)
    refused["errors"].append({"code": "missing_field", "message": "x", "field": None})
    api.refuses = Say(status, refused, {"Retry-After": "7"})
    answer = browser.post("/api/tasks", json=request())
    assert (answer.status_code, answer.json()) == (status, refused)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["retry-after"] == "7"


def test_a_request_that_was_lost_is_sent_again_with_the_same_idempotency_key(
    browser: httpx.Client, api: FakeApi
) -> None:
    api.refuses = Say(503, refusal("unavailable"))
    browser.post("/api/tasks", json=request())
    keys = [seen.headers["idempotency-key"] for seen in api.seen]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_a_request_that_is_refused_for_what_it_is_is_not_sent_again(
    browser: httpx.Client, api: FakeApi
) -> None:
    assert (
        browser.post("/api/tasks", json=request(runtime="moon")).json()["error"]["code"] == "unknown_runtime"
    )
    assert len(api.seen) == 1


@pytest.mark.parametrize(
    "say",
    [
        Say(drop=True),
        Say(200, {"tasks": []}, cut=True),
        Say(200, b"<html>a proxy</html>"),
        Say(200, ["x"]),
        Say(302, {}, {"Location": "https://evil.example"}),
        Say(500, {"message": "Internal server error"}),
        Say(200, b'{"a":' * 5000),
        Say(401, refusal("unauthorized", "no or wrong API key")),
        Say(403, {"message": "Forbidden"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("asked", ["POST /api/tasks", "GET /api/tasks/t1", "DELETE /api/tasks/t1"])
def test_where_the_api_does_not_answer_as_one_the_page_is_told_so(
    browser: httpx.Client, api: FakeApi, say: Say, asked: str
) -> None:
    api.refuses = say
    method, path = asked.split()
    answer = browser.request(method, path, json=request() if method == "POST" else None)
    assert answer.status_code in (502, say.status)
    assert answer.status_code >= 500
    assert answer.json()["error"]["code"] == "unavailable"
    assert KEY not in answer.text


def test_a_body_that_is_larger_than_the_api_takes_is_not_even_read(
    browser: httpx.Client, api: FakeApi
) -> None:
    body = b'{"task": "' + b"x" * (6 * 1024 * 1024) + b'"}'
    for path in ("/api/tasks", "/api/workflow"):
        declared = browser.post(path, content=body, headers={"Content-Type": "application/json"})
        chunked = browser.post(
            path,
            content=iter([body[:4_000_000], body[4_000_000:]]),
            headers={"Content-Type": "application/json"},
        )
        for answer in (declared, chunked):
            assert answer.status_code == 413
            assert answer.json()["error"]["code"] == "too_large"
    assert api.seen == []


def test_a_task_is_shown_with_all_that_is_known_and_no_presigned_url(
    browser: httpx.Client, api: FakeApi
) -> None:
    api.put(
        "t1",
        "succeeded",
        attempts=2,
        trace_id="1-abc",
        images=[
            {"s3": "s3://out/output/t1/t1-abcd-1.png", "url": "https://signed.example/?X-Amz-Signature=s"},
            {"s3": "s3://out/output/t1/t1-abcd-2.mp4", "url": "https://signed.example/?X-Amz-Signature=s"},
        ],
        images_total=120,
        output={"s3": "s3://out/output/t1/t1-abcd.out", "url": "https://signed.example/?X-Amz-Signature=s"},
    )
    answer = browser.get("/api/tasks/t1")
    assert "Signature" not in answer.text
    told = answer.json()
    assert told["images"] == [
        {"s3": "s3://out/output/t1/t1-abcd-1.png", "name": "t1-abcd-1.png", "kind": "image"},
        {"s3": "s3://out/output/t1/t1-abcd-2.mp4", "name": "t1-abcd-2.mp4", "kind": "file"},
    ]
    assert (told["images_total"], told["attempts"], told["trace_id"]) == (120, 2, "1-abc")
    assert told["request"] is None


def test_a_queued_task_of_this_console_has_its_request(browser: httpx.Client, api: FakeApi) -> None:
    browser.post("/api/tasks", json=request())
    assert browser.get("/api/tasks/t1").json()["request"] == request()


def test_a_task_of_somebody_else_that_took_the_id_is_not_shown_with_our_request(
    browser: httpx.Client, api: FakeApi
) -> None:
    browser.post("/api/tasks", json=request())
    assert browser.get("/api/tasks/t1").json()["request"] is not None
    api.put("t1", "queued", submission="another", created_at="2026-03-01T00:00:00+00:00")
    assert browser.get("/api/tasks/t1").json()["request"] is None


def test_cancelling_is_answered_as_the_api_answers(browser: httpx.Client, api: FakeApi) -> None:
    api.put("t1", "queued")
    api.put("t2", "succeeded")
    cancelled = browser.delete("/api/tasks/t1")
    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
    ended = browser.delete("/api/tasks/t2")
    assert (ended.status_code, ended.json()["error"]["code"]) == (409, "conflict")
    assert ended.json()["error"]["message"] == "the task has ended: it is succeeded"
    nobody = browser.delete("/api/tasks/t3")
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "text",
    ["%00", "..", "%2e%2e", "-x", "a%20b", "%3Cscript%3E", "x" * 129, "%F0%9F%90%88", "a%0d%0ab", "?", "%25"],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_id_that_no_task_can_have_is_not_found_and_never_asked_for(
    browser: httpx.Client, api: FakeApi, method: str, text: str
) -> None:
    answer = browser.request(method, f"/api/tasks/{text}")
    assert answer.status_code in (404, 405)
    assert answer.json()["error"]["code"] in ("not_found", "method_not_allowed")
    assert api.seen == []


def test_the_system_is_told_without_its_key(browser: httpx.Client, api: FakeApi) -> None:
    answer = browser.get("/api/system")
    assert KEY not in answer.text
    assert answer.json() == {
        "mode": "local",
        "endpoint": api.url,
        "runtimes": [
            {"name": "sdruntime", "type": "sdwebui", "tasktypes": ["text-to-image"], "models": ["a.ckpt"]}
        ],
        "features": {"traces": False, "glance": False, "notifications": False},
        "input_max": 32 * 1024 * 1024,
    }


def test_a_workflow_has_its_faults_beside_its_nodes(browser: httpx.Client) -> None:
    graph = {"1": {"class_type": "X", "inputs": {}}, "2": {"class_type": HTML, "inputs": {"a": ["9", 0]}}}
    answer = browser.post("/api/workflow", json={"workflow": graph})
    assert answer.status_code == 200
    told = answer.json()
    assert [node["class_type"] for node in told["nodes"]] == ["X", HTML]
    assert [fault["field"] for fault in told["nodes"][1]["faults"]] == ["task.content.2.inputs.a"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"workflow": []}', b'{"workflow": null}', b"\xff", b"[" * 100_000, b"{}"]
)
def test_what_is_no_workflow_is_refused(browser: httpx.Client, body: bytes) -> None:
    answer = browser.post("/api/workflow", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in ("bad_json", "bad_value")


async def test_many_requests_at_once_are_all_answered(console: Running, api: FakeApi) -> None:
    for number in range(20):
        api.put(f"t{number}", "running")
    async with httpx.AsyncClient(
        base_url=console.url, headers=console.headers, trust_env=False, verify=False, timeout=20
    ) as client:
        answers = await asyncio.gather(*(client.get(f"/api/tasks/t{number}") for number in range(20)))
    assert [answer.json()["submission"] for answer in answers] == [submission_of(f"t{n}") for n in range(20)]
