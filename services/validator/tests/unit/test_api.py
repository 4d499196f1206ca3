import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from task_store import TableUnavailableError
from validator.errors import UnavailableError

type Body = Callable[..., Any]
type Event = Callable[..., dict[str, Any]]

SECRET = "a very private lighthouse"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
@pytest.mark.parametrize("path", ["/v1alpha1", "/v1alpha2", "/v1alpha2/", "/v1alpha2/uploads"])
def test_another_method_is_not_allowed(system: Any, event: Event, method: str, path: str) -> None:
    answer = system.send(event(None, path=path, method=method))
    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"
    assert answer.body["error"]["code"] == "method_not_allowed"
    assert answer.body["errors"] == [answer.body["error"]]


@pytest.mark.parametrize(
    "path", ["/", "/v1alpha3", "/v1alpha2/tasks", "/v1alpha1/uploads", "/prod/v1alpha2x"]
)
def test_another_path_is_not_found(system: Any, event: Event, path: str) -> None:
    answer = system.send(event("{}", path=path, headers={"Content-Type": "application/json"}))
    assert answer.status == 404
    assert answer.body["error"]["code"] == "not_found"


def test_a_refusal_has_all_faults_and_publishes_nothing(system: Any, body: Body) -> None:
    answer = system.post(body({"width": 0}, id="-", more=1))
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/json"
    assert {(fault["code"], fault["field"]) for fault in answer.body["errors"]} == {
        ("bad_value", "task.metadata.id"),
        ("unknown_field", "task.metadata.more"),
        ("bad_value", "task.content.width"),
    }
    assert answer.body["error"] == answer.body["errors"][0]
    assert system.topic.messages == []


def test_insecure_callbacks_are_a_setting(make_system: Any, body: Body) -> None:
    sent = body(callback_url="http://127.0.0.1:9/hook")
    assert make_system(insecure_callbacks=False).post(sent).status == 400
    assert make_system(insecure_callbacks=True).post(sent).status == 200


FAULTS: list[Exception] = [
    UnavailableError("no answer"),
    TableUnavailableError("no answer"),
    ClientError({"Error": {"Code": "AccessDenied", "Message": SECRET}}, "Publish"),
    EndpointConnectionError(endpoint_url="http://x.example"),
    KeyError(SECRET),
    RecursionError(),
]


@pytest.mark.parametrize("error", FAULTS, ids=lambda error: type(error).__name__)
def test_whatever_goes_wrong_is_unavailable_and_safe_to_send_again(
    system: Any, body: Body, error: Exception
) -> None:
    system.topic.broken = error
    answer = system.post(body())
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body["error"]["code"] == "unavailable"
    assert SECRET not in json.dumps(answer.body)
    system.topic.broken = None
    assert system.post(body()).status == 200


@pytest.mark.parametrize("event", [None, {}, {"httpMethod": "POST"}, {"Records": []}, "warm up"])
def test_an_event_of_another_kind_is_answered_too(system: Any, event: Any) -> None:
    assert system.send(event).status == 503


def test_each_request_is_one_line_in_the_log(system: Any, body: Body) -> None:
    system.post(body())
    system.post(body({"steps": 0}, id="u"))
    system.post("{")
    (level, accepted), (_, refused), (_, broken) = system.log.lines
    assert level == "info"
    assert accepted == {
        "request_id": None,
        "trace_id": "5759e988bd862e3fe1be46a994272793",
        "span_id": system.documents[3]["id"],
        "task": "t",
        "submission": system.task().submission,
        "runtime": "sdruntime",
        "tasktype": "text-to-image",
        "api_version": "v1alpha2",
        "outcome": "accepted",
        "status": 200,
    }
    assert refused == {
        "request_id": None,
        "trace_id": "5759e988bd862e3fe1be46a994272793",
        "span_id": system.documents[5]["id"],
        "outcome": "refused",
        "code": "bad_value",
        "codes": ["bad_value"],
        "faults": 1,
        "status": 400,
    }
    assert broken["codes"] == ["bad_json"]


def test_the_cause_of_an_outage_is_logged(system: Any, body: Body) -> None:
    response: Any = {
        "Error": {"Code": "ThrottlingException", "Message": SECRET},
        "ResponseMetadata": {"RequestId": "r-1"},
    }
    error = UnavailableError("no answer")
    error.__cause__ = ClientError(response, "Publish")
    system.topic.broken = error
    system.post(body())
    ((level, line),) = system.log.lines
    assert level == "error"
    assert line["outcome"] == "unavailable"
    assert line["task"] == "t"
    assert (line["error"], line["cause"]) == ("UnavailableError", "ClientError")
    assert (line["aws_code"], line["aws_operation"], line["aws_request_id"]) == (
        "ThrottlingException",
        "Publish",
        "r-1",
    )


def test_an_unexpected_error_is_logged_with_its_place(system: Any, body: Body) -> None:
    system.topic.broken = ZeroDivisionError(SECRET)
    system.post(body())
    ((level, line),) = system.log.lines
    assert (level, line["outcome"], line["error"]) == ("error", "failed", "ZeroDivisionError")
    assert any("submission.py" in str(frame) for frame in line["where"])


def test_nothing_that_the_user_wrote_is_logged(
    system: Any, body: Body, caplog: pytest.LogCaptureFixture
) -> None:
    key = "unknown " + SECRET
    for sent in (
        body({"prompt": SECRET}, prefix=SECRET, context=SECRET),
        body({"prompt": 5, "negative_prompt": [SECRET]}, **{key: SECRET}),
        body({"prompt": SECRET}, runtime=SECRET, tasktype=SECRET),
        SECRET,
    ):
        system.post(sent, Idempotency_Key=SECRET, x_api_key=SECRET)
    system.topic.broken = ValueError(SECRET)
    system.post(body({"prompt": SECRET}, id="u"))
    assert len(system.log.lines) == 5
    assert SECRET not in json.dumps(system.log.lines)
    assert SECRET not in caplog.text
