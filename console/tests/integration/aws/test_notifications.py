"""Notifications as they were sent, from rows and from the payload bucket."""

import json
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response

from console import notifications
from console.answers import refusal
from console.errors import RefusedError
from s3io.claimcheck import ClaimCheck
from task_schema import Notification, compact
from task_store import Outcome, Task
from task_store.testing_states import NOW, OTHER, claimed, recorded

CONTEXT = {"order": "</script><script>alert(1)</script>", "n": 1.0}


def notification(task: Task, images: int = 1) -> Notification:
    return Notification.succeeded(
        task_id=task.id,
        submission=task.submission,
        runtime=task.runtime,
        context=CONTEXT,
        images=[f"s3://out/output/{task.id}/{task.id}-abcd-{n}.png" for n in range(images)],
        output_url=f"s3://out/output/{task.id}/{task.id}-abcd.out",
    )


@pytest.fixture
async def asked(cloud: Any, table: Any, bucket: str) -> Any:
    def of(**more: Any) -> httpx.AsyncClient:
        context = cloud.context(**{"tasks_table": table.name, "payload_bucket": bucket, **more})

        async def refused(_: object, error: Exception) -> Response:
            assert isinstance(error, RefusedError)
            return refusal(error)

        app = Starlette(
            routes=list(notifications.routes(context)), exception_handlers={RefusedError: refused}
        )
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://console")

    return of


async def answer(asked: Any, path: str = "/api/tasks/a/notification", **more: Any) -> httpx.Response:
    async with asked(**more) as http:
        found: httpx.Response = await http.get(path)
        return found


def message(refused: httpx.Response) -> str:
    return str(refused.json()["error"]["message"])


async def test_a_notification_is_shown_to_the_letter(asked: Any, table: Any) -> None:
    task = claimed(table, id="a", token=OTHER)
    told = notification(task)
    table.commit(task.id, task.submission, OTHER, Outcome.of(told, event_id="e"), now=NOW)
    found = await answer(asked)
    assert found.status_code == 200
    assert found.text == told.to_json()
    assert found.headers["content-type"] == "application/json"


async def test_one_that_was_too_large_for_the_row_comes_from_the_payload_bucket(
    asked: Any, cloud: Any, table: Any, bucket: str
) -> None:
    task = claimed(table, id="a", token=OTHER)
    told = notification(task, images=100)
    outcome = Outcome.of(told, event_id="e")
    ref = ClaimCheck(cloud.s3, bucket).put(task.submission, outcome.payload_name, json.loads(told.to_json()))
    table.commit(task.id, task.submission, OTHER, outcome.by_reference(ref), now=NOW)
    assert (await answer(asked)).text == compact(json.loads(told.to_json())) == told.to_json()
    cloud.s3.delete_object(Bucket=bucket, Key=ref.removeprefix(f"s3://{bucket}/"))
    gone = await answer(asked)
    assert gone.status_code == 404
    assert "too large for the tasks table" in message(gone)
    assert (await answer(asked, payload_bucket=None)).status_code == 404


async def test_a_reference_to_somewhere_else_is_not_followed(
    asked: Any, cloud: Any, table: Any, bucket: str
) -> None:
    cloud.s3.put_object(Bucket=bucket, Key="tasks/other/notification.json", Body=b'{"secret": 1}')
    task = claimed(table, id="a", token=OTHER)
    outcome = Outcome.of(notification(task), event_id="e")
    ref = f"s3://{bucket}/tasks/other/notification.json"
    table.commit(task.id, task.submission, OTHER, outcome.by_reference(ref), now=NOW)
    found = await answer(asked)
    assert found.status_code == 404
    assert "secret" not in found.text


async def test_a_task_that_has_not_ended_was_told_to_nobody(asked: Any, table: Any) -> None:
    recorded(table, id="a")
    found = await answer(asked)
    assert (found.status_code, message(found)) == (
        404,
        "task a is queued: nobody is told before it has ended",
    )


async def test_a_task_that_there_is_not_any_more_says_so(asked: Any, table: Any) -> None:
    assert "30 days" in message(await answer(asked))
    task = recorded(table, id="a")
    other = await answer(asked, "/api/tasks/a/notification?s=8a4c2b0e-0000-4000-8000-00000000000f")
    assert (other.status_code, "30 days" in message(other)) == (404, True)
    own = await answer(asked, f"/api/tasks/a/notification?s={task.submission}")
    assert "queued" in message(own)


async def test_a_table_that_there_is_not_is_told(asked: Any) -> None:
    found = await answer(asked, tasks_table="gone")
    assert found.status_code == 502
    assert found.json()["error"]["code"] == "unavailable"


async def test_without_access_to_aws_it_is_told_what_gives_it(asked: Any) -> None:
    found = await answer(asked, mode="api", aws=None)
    assert found.status_code == 404
    assert "--stack-name" in message(found)


async def test_a_profile_that_there_is_not_is_told(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "of-nobody")
    found = await answer(asked, mode="stack", aws={"region": "us-east-1"})
    assert found.status_code == 502
    assert "of-nobody" in message(found)
