import json

import pytest

from task_schema import MAX_IMAGE_URLS, Notification, Status, TaskCode, TaskError


def test_a_success_has_the_guides_keys_and_ours() -> None:
    told = Notification.succeeded(
        task_id="t",
        submission="s",
        runtime="r",
        context={"abc": 123},
        images=["s3://b/a.png"],
        output_url="s3://b/a.out",
    )
    assert json.loads(told.model_dump_json()) == {
        "id": "t",
        "result": True,
        "image_url": ["s3://b/a.png"],
        "output_url": "s3://b/a.out",
        "context": {"abc": 123},
        "runtime": "r",
        "status": "succeeded",
        "submission": "s",
    }


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
def test_a_task_without_result_has_an_error(status: Status) -> None:
    error = TaskError.of(TaskCode.TIMEOUT, "slow")
    told = Notification.ended_without_result(
        task_id="t", submission="s", runtime="r", context=None, error=error, status=status
    )
    assert json.loads(told.model_dump_json()) == {
        "id": "t",
        "result": False,
        "image_url": [],
        "output_url": None,
        "context": None,
        "runtime": "r",
        "status": status.value,
        "submission": "s",
        "error": {"code": "timeout", "message": "slow", "retryable": True},
    }


@pytest.mark.parametrize(
    ("count", "total"), [(MAX_IMAGE_URLS, None), (MAX_IMAGE_URLS + 1, MAX_IMAGE_URLS + 1)]
)
def test_more_than_a_hundred_images_are_counted(count: int, total: int | None) -> None:
    told = Notification.succeeded(
        task_id="t",
        submission="s",
        runtime="r",
        context="",
        images=["s3://b/k"] * count,
        output_url="s3://b/o",
    )
    assert len(told.image_url) == MAX_IMAGE_URLS
    assert told.images_total == total
    assert Notification.model_validate_json(told.model_dump_json()) == told


@pytest.mark.parametrize(("status", "ends"), [(s, s not in {"queued", "running"}) for s in Status])
def test_three_states_end_a_task(status: Status, ends: bool) -> None:
    assert status.is_terminal is ends
