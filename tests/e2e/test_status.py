"""What became of a task: asked, waited for, listed, cancelled."""

import httpx

from task_schema import Status
from tests.e2e.user import HOLD, STATIC, Json, User, eventually, new_id, request, text_to_image


def asked(user: User, task_id: str, query: str = "", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return user.send("GET", f"v1alpha2/tasks/{task_id}{query}", headers=named)


def ended(user: User, task_id: str) -> Json:
    """Wait for the end of a task, as clients do."""

    def shown() -> Json | None:
        answer = asked(user, task_id, "?wait=5")
        assert answer.status_code == 200, answer.text
        task: Json = answer.json()
        return task if Status(task["status"]).is_terminal else None

    return eventually(shown, what=task_id)


def test_a_task_is_shown_with_links_that_need_no_credentials(user: User) -> None:
    task_id = new_id("shown")
    user.submit(request(task_id, text_to_image(1)))
    task = ended(user, task_id)
    told = user.hears(task_id).json
    assert task["status"] == "succeeded"
    assert (task["runtime"], task["tasktype"], task["attempts"]) == (STATIC, "text-to-image", 1)
    assert (task["submission"], task["progress"]) == (told["submission"], 100)
    assert [image["s3"] for image in task["images"]] == told["image_url"]
    assert task["output_url"] == told["output_url"]
    for link in (*task["images"], task["output"]):
        fetched = httpx.get(link["url"], trust_env=False)
        assert fetched.status_code == 200
        assert fetched.content == user.fetch(link["s3"])
        assert int(httpx.URL(link["url"]).params["X-Amz-Expires"]) <= 3600


def test_who_has_the_state_of_a_task_is_told_that_it_is_unchanged(user: User) -> None:
    task_id = new_id("etag")
    user.submit(request(task_id, text_to_image(1)))
    ended(user, task_id)
    first = asked(user, task_id)
    again = asked(user, task_id, if_none_match=first.headers["etag"])
    assert (first.status_code, again.status_code) == (200, 304)
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]
    assert asked(user, task_id, if_none_match='W/"else"').status_code == 200


def test_a_task_that_nobody_knows_is_not_found_and_wrong_questions_are_told(user: User) -> None:
    for verb in ("GET", "DELETE"):
        answer = user.send(verb, f"v1alpha2/tasks/{new_id('nobody')}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    answer = user.send("GET", "v1alpha2/tasks?limit=0")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "limit")
    answer = user.send("PUT", "v1alpha2/tasks/x")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, DELETE")
    assert user.send("GET", "v1alpha2/tasks", key=None).status_code in {401, 403}


def test_a_queued_task_that_is_cancelled_is_told_and_no_gpu_sees_it(user: User) -> None:
    queued, after = new_id("queued"), new_id("after")
    with user.holding(STATIC):
        jobs = len(user.jobs(STATIC))
        user.submit(request(queued, text_to_image(2)))
        before = asked(user, queued)
        assert (before.json()["status"], before.json()["queue"]["position_estimate"] >= 0) == ("queued", True)
        assert int(before.headers["retry-after"]) >= 1
        answer = user.send("DELETE", f"v1alpha2/tasks/{queued}")
        assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
        told = user.hears(queued).json
        assert (told["status"], told["error"]["code"]) == ("cancelled", "cancelled")
        assert told["context"] == {"of": queued}
        assert user.send("DELETE", f"v1alpha2/tasks/{queued}").status_code == 409
        user.submit(request(after, text_to_image(3)))
    assert ended(user, after)["status"] == "succeeded"
    eventually(lambda: user.queued(user.state.runtimes[STATIC].queue_url) == 0, what="an empty queue")
    assert user.settled_row(queued).attempts == 0
    assert len(user.jobs(STATIC)) == jobs + 1, "the GPU saw the one after it only"


def test_a_running_task_that_is_cancelled_ends_soon(user: User) -> None:
    task_id = new_id("stop")
    user.plan(STATIC, {"kind": "slow", "seconds": HOLD})
    user.submit(request(task_id, text_to_image(1)))
    eventually(lambda: asked(user, task_id).json()["status"] == "running", what="its run")
    answer = user.send("DELETE", f"v1alpha2/tasks/{task_id}")
    assert answer.status_code == 202
    assert ended(user, task_id)["status"] == "cancelled"
    assert user.hears(task_id).json["error"]["code"] == "cancelled"


def test_lists_have_the_newest_tasks_first_and_go_on(user: User) -> None:
    ids = [new_id("listed") for _ in range(3)]
    for seed, task_id in enumerate(ids):
        user.submit(request(task_id, text_to_image(seed)))
        user.hears(task_id)
    listed: list[Json] = []
    cursor = ""
    while not set(ids) <= {task["id"] for task in listed}:
        answer = user.send("GET", f"v1alpha2/tasks?runtime={STATIC}&status=succeeded&limit=2{cursor}")
        assert answer.status_code == 200, answer.text
        listed += answer.json()["tasks"]
        assert answer.json()["cursor"], f"only {listed}"
        cursor = f"&cursor={answer.json()['cursor']}"
    assert [task["id"] for task in listed if task["id"] in ids] == ids[::-1]
    assert {task["status"] for task in listed} == {"succeeded"}
    assert "url" not in listed[0]["images"][0]
