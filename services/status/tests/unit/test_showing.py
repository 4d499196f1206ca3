"""Tasks as they are shown, and waiting for them."""

from typing import Any

import pytest

from task_schema import Notification, Status
from task_store import Outcome, Task


def succeed(system: Any, task: Task, images: int = 1, *, by_reference: bool = False) -> None:
    folder = f"s3://outputs/output/{task.id}/{task.id}"
    urls = [f"{folder}-abcd-{number}.png" for number in range(1, images + 1)]
    notification = Notification.succeeded(
        task_id=task.id,
        submission=task.submission,
        runtime=task.runtime,
        context={},
        images=urls,
        output_url=f"{folder}-abcd.out",
    )
    outcome = Outcome.of(notification, event_id="event")
    if by_reference:
        kept = notification.model_dump(mode="json")
        outcome = outcome.by_reference(system.payloads.put(task.submission, outcome.payload_name, kept))
    system.store.commit(task.id, task.submission, "mine", outcome, now=system.now)


def test_a_queued_task_is_shown_with_an_estimate_and_when_to_ask_again(system: Any) -> None:
    system.record()
    answer = system.send("GET", "t")
    assert answer.status == 200
    assert answer.body["status"] == "queued"
    assert answer.body["queue"] == {"position_estimate": 7}
    assert answer.body["output_location"] == "s3://outputs/output/t"
    assert answer.body["created_at"] == "2027-01-15T08:00:00Z"
    assert answer.headers["Retry-After"] == "7"
    assert answer.headers["Cache-Control"] == "private, no-cache"


def test_where_the_queue_does_not_answer_there_is_no_estimate(system: Any) -> None:
    system.record(runtime="gone")
    answer = system.send("GET", "t")
    assert "queue" not in answer.body
    assert answer.headers["Retry-After"] == "5"


def test_a_running_task_is_shown_with_its_progress_in_percent(system: Any) -> None:
    task = system.claim(system.record())
    system.now += 10_000
    system.store.renew("t", task.submission, "mine", lease_until=system.now, progress=0.5)
    answer = system.send("GET", "t")
    assert (answer.body["status"], answer.body["progress"], answer.body["attempts"]) == ("running", 50, 1)
    assert answer.headers["Retry-After"] == "10"
    assert "queue" not in answer.body


@pytest.mark.parametrize("by_reference", [False, True])
def test_a_task_that_succeeded_is_shown_with_links_wherever_its_notification_is(
    system: Any, by_reference: bool
) -> None:
    succeed(system, system.claim(system.record()), 2, by_reference=by_reference)
    answer = system.send("GET", "t")
    assert answer.body["images"] == [
        {
            "s3": f"s3://outputs/output/t/t-abcd-{number}.png",
            "url": f"https://signed.example/outputs/output/t/t-abcd-{number}.png",
        }
        for number in (1, 2)
    ]
    assert answer.body["output"]["url"] == "https://signed.example/outputs/output/t/t-abcd.out"
    assert answer.body["output_url"] == "s3://outputs/output/t/t-abcd.out"
    assert "Retry-After" not in answer.headers


def test_of_more_than_a_hundred_images_the_number_is_told(system: Any) -> None:
    succeed(system, system.claim(system.record()), 101, by_reference=True)
    body = system.send("GET", "t").body
    assert (len(body["images"]), body["images_total"]) == (100, 101)


def test_where_the_list_of_images_is_gone_the_rest_is_shown(system: Any) -> None:
    succeed(system, system.claim(system.record()), by_reference=True)
    system.payloads.objects.clear()
    answer = system.send("GET", "t")
    assert (answer.status, answer.body["images"], answer.body["status"]) == (200, [], "succeeded")


@pytest.mark.parametrize("form", ["{}", 'W/"x", {}', "*"])
def test_who_has_this_state_gets_304_without_a_body(system: Any, form: str) -> None:
    system.record()
    tag = system.send("GET", "t").headers["ETag"]
    system.queues.lengths = {"sdruntime": 3}  # no news: an estimate
    answer = system.send("GET", "t", known=form.format(tag))
    assert (answer.status, answer.text, answer.headers["ETag"]) == (304, "", tag)
    assert answer.headers["Retry-After"] == "3"
    system.claim(system.task())
    changed = system.send("GET", "t", known=form.format(tag))
    assert changed.status == (304 if form == "*" else 200)
    assert changed.headers["ETag"] != tag


def test_waiting_ends_with_the_task(system: Any) -> None:
    task = system.claim(system.record())
    system.meanwhile[3] = lambda: succeed(system, task)
    answer = system.send("GET", "t", wait=20)
    assert (answer.body["status"], system.slept) == ("succeeded", 3)


def test_waiting_ends_with_any_change(system: Any) -> None:
    task = system.record()
    system.meanwhile[2] = lambda: system.claim(task)
    assert system.send("GET", "t", wait=20).body["status"] == "running"
    assert system.slept == 2


def test_waiting_ends_when_it_was_long_enough(system: Any) -> None:
    system.record()
    assert system.send("GET", "t", wait=2).body["status"] == "queued"
    tag = system.send("GET", "t").headers["ETag"]
    assert system.send("GET", "t", wait=3, known=tag).status == 304
    assert system.slept == 5


def test_who_has_an_older_state_does_not_wait(system: Any) -> None:
    system.record()
    assert system.send("GET", "t", wait=20, known='W/"older"').status == 200
    assert system.slept == 0


@pytest.mark.parametrize("wait", ["-1", "21", "x", "", "1.5", "\u0663", "1" * 5000])
def test_a_wait_that_cannot_be_is_refused(system: Any, wait: str) -> None:
    system.record()
    answer = system.send("GET", "t", wait=wait)
    assert (answer.status, answer.body["error"]["code"]) == (400, "bad_value")
    assert answer.body["error"]["field"] == "wait"


def test_a_task_that_is_not_there_is_not_found(system: Any) -> None:
    answer = system.send("GET", "nobody")
    assert (answer.status, answer.body["error"]["code"]) == (404, "not_found")
    assert system.meter.counted == {("Refused", "code=not_found"): 1}


def test_without_the_table_the_answer_is_503(system: Any) -> None:
    system.store.available = False
    answer = system.send("GET", "t")
    assert (answer.status, answer.body["error"]["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "2"
    assert system.log.lines[0][0] == "error"


def test_lists_are_newest_first_in_pages_without_links(system: Any) -> None:
    for number in range(5):
        system.now += 1000
        system.record(f"t{number}", runtime=("sdruntime", "comfyruntime")[number % 2])
    succeed(system, system.claim(system.task("t4")))
    first = system.send("GET", limit=3).body
    assert [task["id"] for task in first["tasks"]] == ["t4", "t3", "t2"]
    assert first["tasks"][0]["images"] == [{"s3": "s3://outputs/output/t4/t4-abcd-1.png"}]
    second = system.send("GET", limit=3, cursor=first["cursor"]).body
    assert [task["id"] for task in second["tasks"]] == ["t1", "t0"]
    assert second["cursor"] is None
    [only] = system.send("GET", status="succeeded").body["tasks"]
    assert only["id"] == "t4"
    listed = system.send("GET", runtime="comfyruntime").body["tasks"]
    assert [task["id"] for task in listed] == ["t3", "t1"]


def test_a_list_leaves_images_out_that_its_row_does_not_have(system: Any) -> None:
    succeed(system, system.claim(system.record()), by_reference=True)
    [task] = system.send("GET").body["tasks"]
    assert "images" not in task


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", "0"), ("limit", "101"), ("status", "over"), ("cursor", "x"), ("cursor", ""), ("runtime", "")],
)
def test_a_list_that_cannot_be_is_refused(system: Any, name: str, value: str) -> None:
    answer = system.send("GET", **{name: value})
    assert (answer.status, answer.body["error"]["code"]) == (400, "bad_value")
    assert answer.body["error"]["field"] == name


def test_each_request_leaves_a_span_a_line_and_a_count(system: Any) -> None:
    system.record()
    system.send("GET", "t")
    system.send("GET")
    assert [each["name"] for each in system.documents] == [
        "GET /v1alpha2/tasks/:id",
        "GET /v1alpha2/tasks",
    ]
    assert system.documents[0]["annotations"]["darkroom_task_id"] == "t"
    level, line = system.log.lines[0]
    assert (level, line["task"], line["outcome"], line["task_status"]) == (
        "info",
        "t",
        "shown",
        Status.QUEUED,
    )
    assert system.meter.counted == {("Shown",): 1, ("Listed",): 1}
