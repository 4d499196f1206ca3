"""The API answers as its reference says: statuses, headers and bodies of real answers."""

from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS31Validator

from task_schema.openapi import document
from tests.e2e.user import STATIC, User, new_id, request, text_to_image

DOCUMENT = document()
TASK = "/v1alpha2/tasks/{id}"
TASKS = "/v1alpha2/tasks"


def fits(answer: httpx.Response, path: str, method: str) -> Any:
    """Check an answer against the reference; return its body, None where it has none."""
    said = DOCUMENT["paths"][path][method]["responses"][str(answer.status_code)]
    if "content" not in said:
        assert answer.content == b""
        return None
    schema = said["content"]["application/json"]["schema"]
    assert answer.headers["content-type"].startswith("application/json")
    OAS31Validator({**schema, "components": DOCUMENT["components"]}).validate(answer.json())
    return answer.json()


def test_a_task_is_shown_as_the_reference_says_on_all_its_way(user: User) -> None:
    task_id = new_id("reference")
    path = f"v1alpha2/tasks/{task_id}"
    with user.holding(STATIC):
        accepted = user.post(request(task_id, text_to_image(1)))
        fits(accepted, "/v1alpha2", "post")
        assert accepted.headers["location"].endswith(f"/{path}")
        under_way = user.send("GET", path)
        assert fits(under_way, TASK, "get")["status"] == "queued"
        assert 1 <= int(under_way.headers["retry-after"]) <= 30
    user.hears(task_id)
    ended = user.send("GET", path)
    assert fits(ended, TASK, "get")["status"] == "succeeded"
    assert "retry-after" not in ended.headers
    unchanged = user.send("GET", path, headers={"If-None-Match": ended.headers["etag"]})
    assert unchanged.status_code == 304
    fits(unchanged, TASK, "get")
    conflict = user.send("DELETE", path)
    assert fits(conflict, TASK, "delete")["error"]["code"] == "conflict"
    assert fits(user.send("GET", "v1alpha2/tasks?limit=5"), TASKS, "get")["tasks"]


@pytest.mark.parametrize(
    ("method", "sent", "path", "status"),
    [
        ("GET", "v1alpha2/tasks/nobody-knows", TASK, 404),
        ("DELETE", "v1alpha2/tasks/nobody-knows", TASK, 404),
        ("GET", "v1alpha2/tasks/nobody-knows?wait=21", TASK, 400),
        ("GET", "v1alpha2/tasks?limit=0", TASKS, 400),
        ("GET", "v1alpha2/tasks?status=lost", TASKS, 400),
        ("GET", "v1alpha2/tasks?cursor=made-up", TASKS, 400),
    ],
)
def test_a_refusal_is_one_of_the_reference(
    user: User, method: str, sent: str, path: str, status: int
) -> None:
    answer = user.send(method, sent)
    assert answer.status_code == status
    assert fits(answer, path, method.lower())["errors"]


def test_a_task_that_waits_is_cancelled_as_the_reference_says(user: User) -> None:
    tasks = [new_id("reference") for _ in range(4)]
    with user.holding(STATIC):
        for task_id in tasks:
            user.submit(request(task_id, text_to_image(1)))
        answer = user.send("DELETE", f"v1alpha2/tasks/{tasks[-1]}")
        assert answer.status_code == 202
        assert fits(answer, TASK, "delete")["status"] == "cancelled"
    for task_id in tasks[:-1]:
        assert user.hears(task_id).json["result"]
    told = user.hears(tasks[-1]).json
    assert (told["result"], told["error"]["code"]) == (False, "cancelled")
