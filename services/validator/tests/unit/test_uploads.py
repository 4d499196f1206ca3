"""`POST /v1alpha2/uploads`, and the tenant of a task."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from task_schema import upload_key
from validator.errors import UnavailableError

type Body = Callable[..., Any]
type Event = Callable[..., dict[str, Any]]

PATH = "/v1alpha2/uploads"


def test_an_upload_is_granted_with_what_sends_it_and_what_names_it(system: Any) -> None:
    answer = system.post({"size": 1000, "content_type": "image/png"}, path=PATH)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    [(upload_id, size, content_type)] = system.uploads.granted
    assert UUID(upload_id).version == 4
    assert (size, content_type) == (1000, "image/png")
    assert upload_key(answer.body["reference"]) == f"uploads/{upload_id}"
    assert answer.body == {
        "id": upload_id,
        "reference": f"upload://{upload_id}",
        "method": "PUT",
        "url": f"https://s3/{upload_id}",
        "headers": {"content-length": "1000"},
        "expires_at": "2027-01-15T08:15:00Z",
    }


def test_no_two_uploads_have_one_name(system: Any) -> None:
    references = {system.post({"size": 1}, path=PATH).body["reference"] for _ in range(20)}
    assert len(references) == 20


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({}, 400, "missing_field", "size"),
        ({"size": 0}, 400, "bad_value", "size"),
        ({"size": 1, "file": "x"}, 400, "unknown_field", "file"),
        ({"size": 1001}, 413, "too_large", "size"),
        ("{", 400, "bad_json", None),
    ],
)
def test_a_bad_upload_is_refused_and_none_is_granted(
    system: Any, body: Any, status: int, code: str, field: str | None
) -> None:
    answer = system.post(body, path=PATH)
    assert (answer.status, answer.body["error"]["code"]) == (status, code)
    assert answer.body["error"]["field"] == field
    assert system.uploads.granted == []


def test_an_upload_is_json_as_all_else(system: Any, event: Event) -> None:
    assert system.send(event("x", path=PATH, headers={"Content-Type": "image/png"})).status == 415


def test_an_upload_that_cannot_be_signed_is_unavailable(system: Any) -> None:
    system.uploads.broken = UnavailableError("no credentials")
    assert system.post({"size": 1}, path=PATH).status == 503
    system.uploads.broken = None
    assert system.post({"size": 1}, path=PATH).status == 200


def test_an_upload_is_logged_counted_and_traced_without_what_names_it(system: Any) -> None:
    answer = system.post({"size": 7}, path=PATH)
    ((level, line),) = system.log.lines
    assert (level, line["outcome"], line["bytes"], line["status"]) == ("info", "upload", 7, 200)
    assert system.meter.counted == {("UploadsGranted",): 1}
    assert set(system.spans()) == {"POST /v1alpha2/uploads", "parse"}
    assert answer.body["id"] not in json.dumps([system.log.lines, system.documents])


def test_an_upload_may_be_named_in_a_task_and_a_malformed_name_is_refused(system: Any, body: Body) -> None:
    reference = system.post({"size": 7}, path=PATH).body["reference"]
    good = body({"init_images": [reference]}, tasktype="image-to-image")
    assert system.post(good).status == 200
    bad = body({"init_images": [reference + "0"]}, tasktype="image-to-image", id="u")
    answer = system.post(bad)
    assert (answer.status, answer.body["error"]["field"]) == (400, "task.content.init_images[0]")


@pytest.mark.parametrize("path", ["/v1alpha2", "/v1alpha1"])
def test_a_task_is_published_for_the_api_key_that_it_came_with(
    system: Any, body: Body, event: Event, path: str
) -> None:
    scripts = {"task": "text-to-image", "sd_model_checkpoint": "v1-5", "id_task": "t"}
    sent = body() if path == "/v1alpha2" else {"alwayson_scripts": scripts}
    headers = {"Content-Type": "application/json"}
    answer = system.send(event(json.dumps(sent), path=path, headers=headers, api_key_id="abc123def4"))
    assert answer.status == 200
    assert system.topic.tenants == ["abc123def4"]


def test_a_task_of_nobody_known_is_published_all_the_same(system: Any, body: Body) -> None:
    assert system.post(body()).status == 200
    assert system.topic.tenants == [None]
