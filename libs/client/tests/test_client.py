import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from darkroom_client import (
    ApiError,
    BadArgumentError,
    ConflictError,
    Darkroom,
    DownloadError,
    NoAnswerError,
    NotFoundError,
    Retries,
    Status,
    Task,
    TaskFailedError,
    ThrottledError,
    UnauthorizedError,
    UnavailableError,
    UnexpectedAnswerError,
    WaitTimeoutError,
)
from darkroom_client.testing import ACCEPTED, Say, Seen, Server, refusal, task

KEY = "the-key-of-the-tests"
BUSY = Say(429, refusal("throttled"), {"Retry-After": "0"})
CANCELLED = {"code": "cancelled", "message": "cancelled by the user", "retryable": False}
LONG_AGO = (datetime.now(UTC) - timedelta(hours=1)).isoformat()


def submit(client: Darkroom, **more: Any) -> Any:
    return client.submit({"prompt": "a dog"}, runtime="sdruntime", tasktype="text-to-image", id="a", **more)


def script(server: Server, *, posts: list[Say], look: Say) -> None:
    server.script = lambda seen: look if seen.method == "GET" else posts.pop(0)


def test_a_task_is_posted_as_the_api_takes_it(client: Darkroom, server: Server) -> None:
    server.says(Say(200, ACCEPTED))
    assert submit(client, context={"x": 1}, expires_in=60).output_location == "s3://out/output/a"
    [seen] = server.seen
    assert (seen.method, seen.path, seen.headers["x-api-key"]) == ("POST", "/prod/v1alpha2", KEY)
    metadata = {"id": "a", "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "output"}
    sent = {"metadata": {**metadata, "context": {"x": 1}, "expires_in": 60}, "content": {"prompt": "a dog"}}
    assert seen.body == {"task": sent}


def test_a_key_makes_requests_with_one_id_the_same_task(client: Darkroom, server: Server) -> None:
    server.says(BUSY, Say(200, ACCEPTED))
    submit(client, idempotency_key="order-17")
    assert [seen.headers.get("idempotency-key") for seen in server.seen] == ["order-17"] * 2


@pytest.mark.parametrize("key", ["", " x", "a\nb", "ä", "x" * 256])
def test_what_cannot_be_a_key_is_refused(client: Darkroom, server: Server, key: str) -> None:
    with pytest.raises(BadArgumentError, match="idempotency key"):
        submit(client, idempotency_key=key)
    assert server.seen == []


def test_a_whole_request_of_either_version_is_posted_as_it_is(client: Darkroom, server: Server) -> None:
    new = {"task": {"metadata": {"id": "a"}, "content": {}}}
    old = {"prompt": "a", "alwayson_scripts": {"id_task": "a", "sd_model_checkpoint": "m.ckpt"}}
    old_answer = {"id_task": "a", "sd_model_checkpoint": "m.ckpt", "output_location": "s3://out/output/a"}
    server.says(Say(200, ACCEPTED), Say(200, old_answer))
    accepted = [client.submit_request(new), client.submit_request(old)]
    assert [type(one).__name__ for one in accepted] == ["Accepted", "AcceptedV1Alpha1"]
    assert [(seen.path, seen.body) for seen in server.seen] == [
        ("/prod/v1alpha2", new),
        ("/prod/v1alpha1", old),
    ]


def test_an_old_request_whose_answer_was_lost_is_not_run_again(client: Darkroom, server: Server) -> None:
    old = {"alwayson_scripts": {"id_task": "a", "sd_model_checkpoint": "m.ckpt"}}
    script(server, posts=[Say(drop=True)], look=Say(200, task("succeeded")))
    assert client.submit_request(old).model_dump() == {
        "id_task": "a",
        "sd_model_checkpoint": "m.ckpt",
        "output_location": "s3://out/output/a",
    }


def test_a_request_without_an_id_is_refused(client: Darkroom, server: Server) -> None:
    with pytest.raises(BadArgumentError, match=r"task\.metadata\.id"):
        client.submit_request({"task": {"content": {}}})
    assert server.seen == []


def test_a_task_without_an_id_gets_one_that_all_its_tries_share(client: Darkroom, server: Server) -> None:
    server.says(BUSY, BUSY, Say(200, ACCEPTED))
    client.submit({}, runtime="r", tasktype="pipeline")
    ids = [seen.body["task"]["metadata"]["id"] for seen in server.seen]
    assert len(ids) == 3
    assert len(set(ids)) == 1


@pytest.mark.parametrize("trouble", [BUSY, Say(500), Say(503, refusal("unavailable"))])
def test_an_api_in_trouble_is_asked_again(client: Darkroom, server: Server, trouble: Say) -> None:
    script(server, posts=[trouble, trouble, Say(200, ACCEPTED)], look=Say(404, refusal("not_found")))
    assert submit(client).id == "a"


@pytest.mark.parametrize("lost", [Say(drop=True), Say(200, ACCEPTED, cut=True), Say(504), Say(hang=30)])
def test_a_task_whose_answer_was_lost_and_that_has_ended_is_not_run_again(server: Server, lost: Say) -> None:
    script(server, posts=[lost], look=Say(200, task("succeeded")))
    with Darkroom(server.url, KEY, retries=Retries(first=0.002), timeout=1.5) as client:
        assert submit(client).id == "a"
    assert server.asked() == ["POST /v1alpha2", "GET /v1alpha2/tasks/a"]


@pytest.mark.parametrize("look", [task("queued"), task("succeeded", created_at=LONG_AGO), {"not": "a task"}])
def test_a_task_that_may_not_have_been_published_is_posted_again(
    client: Darkroom, server: Server, look: dict[str, Any]
) -> None:
    script(server, posts=[Say(drop=True), Say(200, ACCEPTED)], look=Say(200, look))
    assert submit(client).id == "a"
    assert server.asked() == ["POST /prod/v1alpha2", "GET /prod/v1alpha2/tasks/a", "POST /prod/v1alpha2"]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "bad_value", ApiError),
        (401, "unauthorized", UnauthorizedError),
        (404, "not_found", NotFoundError),
        (409, "conflict", ConflictError),
        (429, "throttled", ThrottledError),
        (503, "unavailable", UnavailableError),
        (400, "a_code_of_tomorrow", ApiError),
    ],
)
def test_a_refusal_keeps_status_code_and_field(
    client: Darkroom, server: Server, status: int, code: str, kind: type[ApiError]
) -> None:
    server.says(Say(status, refusal(code, "look here", "task.content.steps")))
    with pytest.raises(kind, match="look here") as caught:
        submit(client)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert caught.value.field == "task.content.steps"


def test_what_is_no_use_to_repeat_is_asked_once(client: Darkroom, server: Server) -> None:
    server.says(Say(400, refusal("bad_value")))
    with pytest.raises(ApiError):
        submit(client)
    assert len(server.seen) == 1


def test_patience_ends(client: Darkroom, server: Server) -> None:
    server.says(BUSY)
    with pytest.raises(ThrottledError):
        client.get("a")
    assert len(server.seen) == 4


def test_an_api_that_asks_for_too_long_a_pause_is_left_alone(client: Darkroom, server: Server) -> None:
    server.says(Say(429, refusal("throttled"), {"Retry-After": "3600"}))
    with pytest.raises(ThrottledError) as caught:
        client.get("a")
    assert caught.value.retry_after == 3600
    assert len(server.seen) == 1


@pytest.mark.parametrize("broken", [Say(drop=True), Say(200, task(), cut=True)])
def test_an_api_that_breaks_off_each_time_has_given_no_answer(
    client: Darkroom, server: Server, broken: Say
) -> None:
    server.says(broken)
    with pytest.raises(NoAnswerError):
        client.get("a")
    assert len(server.seen) == 4


def test_an_api_that_is_not_there_has_given_no_answer() -> None:
    with (
        Darkroom("http://127.0.0.1:9", KEY, retries=Retries(tries=2, first=0.001)) as client,
        pytest.raises(NoAnswerError),
    ):
        client.get("a")


@pytest.mark.parametrize("page", [Say(200, b"<html>"), Say(200, {"id": 1}), Say(302), Say(418, b"tea")])
def test_what_answers_and_is_not_the_api_is_told(client: Darkroom, server: Server, page: Say) -> None:
    server.says(page)
    with pytest.raises(UnexpectedAnswerError) as caught:
        client.get("a")
    assert caught.value.status == page.status


def test_waiting_holds_on_until_the_task_has_ended(client: Darkroom, server: Server) -> None:
    views = [task("queued", queue={"position_estimate": 3}), task("running", progress=50), task("failed")]
    etags = iter(range(9))
    polls = [Say(200, view, {"ETag": f'W/"{next(etags)}"'}) for view in views]
    server.says(polls[0], Say(304, hang=1.0), polls[1], Say(503), BUSY, Say(drop=True), polls[2])
    seen: list[Task] = []
    assert client.wait("a", on_change=seen.append).status is Status.FAILED
    assert [one.status for one in seen] == ["queued", "running", "failed"]
    assert seen[0].queue is not None
    assert seen[0].queue.position_estimate == 3
    assert {poll.query["wait"] for poll in server.seen} == {"20"}
    known = [poll.headers.get("if-none-match") for poll in server.seen]
    assert known == [None, 'W/"0"', 'W/"0"', 'W/"1"', 'W/"1"', 'W/"1"', 'W/"1"']


def test_an_api_that_does_not_hold_its_answers_back_is_not_asked_without_end(server: Server) -> None:
    server.says(Say(200, task("running")))
    with Darkroom(server.url, KEY) as client, pytest.raises(WaitTimeoutError) as caught:
        client.wait("a", timeout=1.5)
    assert caught.value.task is not None
    assert caught.value.task.status is Status.RUNNING
    assert len(server.seen) <= 4


def test_waiting_ends_in_time_though_the_api_is_out_of_order(server: Server) -> None:
    server.says(Say(503))
    with (
        Darkroom(server.url, KEY, retries=Retries(tries=50, first=5)) as client,
        pytest.raises(WaitTimeoutError, match="never seen"),
    ):
        client.wait("a", timeout=1)


def test_a_result_is_of_a_task_that_succeeded(client: Darkroom, server: Server) -> None:
    server.says(
        Say(200, task("succeeded", images=[{"s3": "s3://out/output/a/a-1.png", "url": "https://x/"}]))
    )
    assert [image.name for image in client.result("a").images] == ["a-1.png"]


def test_a_task_without_a_result_is_an_error_with_its_code(client: Darkroom, server: Server) -> None:
    error = {"code": "attempts_exhausted", "message": "three times", "retryable": True}
    server.says(Say(200, task("failed", error=error)))
    with pytest.raises(TaskFailedError, match="three times") as caught:
        client.result("a")
    assert (caught.value.code, caught.value.retryable) == ("attempts_exhausted", True)


def test_cancelling_shows_the_task(client: Darkroom, server: Server) -> None:
    server.says(Say(202, task("cancelled")))
    assert client.cancel("a").status is Status.CANCELLED
    assert server.asked() == ["DELETE /prod/v1alpha2/tasks/a"]


def test_what_has_ended_cannot_be_cancelled(client: Darkroom, server: Server) -> None:
    server.says(Say(409, refusal("conflict")))
    with pytest.raises(ConflictError):
        client.cancel("a")


@pytest.mark.parametrize("status", ["cancelled", "succeeded"])
def test_a_conflict_with_a_cancellation_whose_answer_was_lost_is_none(
    client: Darkroom, server: Server, status: str
) -> None:
    posts = [Say(drop=True), Say(409, refusal("conflict"))]
    script(server, posts=posts, look=Say(200, task(status, error=CANCELLED)))
    if status == "cancelled":
        assert client.cancel("a").status is Status.CANCELLED
    else:
        with pytest.raises(ConflictError):
            client.cancel("a")


def test_a_list_goes_through_its_pages(client: Darkroom, server: Server) -> None:
    def pages(seen: Seen) -> Say:
        ids, cursor = (("c", "b"), "2") if "cursor" not in seen.query else (("a",), None)
        return Say(200, {"tasks": [task(id=one) for one in ids], "cursor": cursor})

    server.script = pages
    assert [one.id for one in client.list(runtime="sdruntime", status=Status.FAILED)] == ["c", "b", "a"]
    wanted = {"runtime": "sdruntime", "status": "failed"}
    assert [seen.query for seen in server.seen] == [wanted, {**wanted, "cursor": "2"}]


def outputs(server: Server, *names: str) -> dict[str, Any]:
    images = [
        {"s3": f"s3://out/output/a/{name}", "url": f"{server.url}/bucket/{name}?sig=1"} for name in names
    ]
    return task("succeeded", images=images)


def test_outputs_are_saved_without_the_key_going_to_the_store(
    client: Darkroom, server: Server, tmp_path: Path
) -> None:
    shown = Say(200, outputs(server, "a-1.png", "a-2.png"))
    server.script = lambda seen: Say(200, seen.path.encode()) if "bucket" in seen.path else shown
    saved = client.download("a", tmp_path / "new")
    assert [path.read_bytes() for path in saved] == [b"/bucket/a-1.png", b"/bucket/a-2.png"]
    assert all("x-api-key" not in seen.headers for seen in server.seen if "bucket" in seen.path)


def test_an_output_that_comes_in_part_is_fetched_again_and_never_left_so(
    client: Darkroom, server: Server, tmp_path: Path
) -> None:
    server.says(
        Say(200, outputs(server, "a-1.png")), Say(200, b"half", cut=True), Say(500), Say(200, b"whole")
    )
    assert client.download("a", tmp_path)[0].read_bytes() == b"whole"
    assert [path.name for path in tmp_path.iterdir()] == ["a-1.png"]


def test_saving_leaves_the_umask_alone_which_is_of_all_threads(
    client: Darkroom, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "as-any-other"
    shared.touch()
    changed: list[int] = []
    monkeypatch.setattr(os, "umask", changed.append)
    server.says(Say(200, outputs(server, "a-1.png")), Say(200, b"picture"))
    [saved] = client.download("a", tmp_path)
    assert changed == []
    assert saved.stat().st_mode == shared.stat().st_mode


def test_an_output_that_cannot_be_fetched_leaves_nothing(
    client: Darkroom, server: Server, tmp_path: Path
) -> None:
    server.says(Say(200, outputs(server, "a-1.png")), Say(200, b"half", cut=True))
    with pytest.raises(DownloadError):
        client.download("a", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_has_run_out_is_asked_for_anew(
    client: Darkroom, server: Server, tmp_path: Path
) -> None:
    shown = Say(200, outputs(server, "a-1.png"))
    server.says(shown, Say(403), shown, Say(200, b"picture"))
    assert client.download("a", tmp_path)[0].read_bytes() == b"picture"


@pytest.mark.parametrize("name", ["", "..", "a\\b"])
def test_an_output_stays_in_its_folder(client: Darkroom, server: Server, tmp_path: Path, name: str) -> None:
    server.says(Say(200, outputs(server, name)))
    with pytest.raises(DownloadError):
        client.download("a", tmp_path)


@pytest.mark.parametrize("task_id", ["", "..", "a/b", "a?b", "-a", "a\n", "a" * 129])
def test_what_cannot_be_an_id_is_not_asked_for(client: Darkroom, server: Server, task_id: str) -> None:
    with pytest.raises(BadArgumentError):
        client.get(task_id)
    assert server.seen == []


@pytest.mark.parametrize(
    "endpoint", ["", "nonsense", "ftp://a/", "http://example.org/prod/", "https://a/?b=c", "https://u:p@a/"]
)
def test_what_cannot_be_an_endpoint_is_refused(endpoint: str) -> None:
    with pytest.raises(BadArgumentError):
        Darkroom(endpoint, KEY)


@pytest.mark.parametrize("key", ["", "a\nb", "schlüssel"])
def test_what_cannot_be_a_key_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(BadArgumentError) as caught:
        Darkroom("https://example.org/", key)
    assert not key or key not in str(caught.value)


def test_endpoint_and_key_may_come_from_the_environment(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_ENDPOINT", server.url)
    with pytest.raises(BadArgumentError, match="DARKROOM_API_KEY"):
        Darkroom.from_environment()
    monkeypatch.setenv("DARKROOM_API_KEY", KEY)
    server.says(Say(200, task()))
    with Darkroom.from_environment() as client:
        assert client.get("a").id == "a"


def test_what_is_on_this_machine_is_not_asked_through_a_proxy(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    server.says(Say(200, task()))
    with Darkroom(server.url, KEY, retries=Retries(tries=1)) as client:
        assert client.get("a").id == "a"


def test_the_key_is_neither_logged_nor_shown_nor_taken_along(
    client: Darkroom, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.says(Say(302, headers={"Location": f"{server.url}/elsewhere"}))
    with pytest.raises(UnexpectedAnswerError) as caught:
        client.get("a")
    assert server.asked() == ["GET /prod/v1alpha2/tasks/a"]
    assert KEY not in caplog.text + repr(client) + str(caught.value) + repr(client._connection)
