"""The guard and the router: whatever becomes of a request is answered, logged, counted and traced."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from aws_lambda_powertools.event_handler.api_gateway import Response

from lambda_api.events import header
from lambda_api.guard import Guard
from lambda_api.ports import Meter
from lambda_api.routing import Router, json_answer
from lambda_api.testing import TRACE, Answer, FakeDaemon, FakeLog, FakeMeter, rest_event
from task_schema import Fault, RequestCode, RequestRefusedError

SECRET = "a very private lighthouse"


class DownError(Exception):
    """A service gave no answer."""


@dataclass
class Function:
    """A function with one route, which does what it is told."""

    does: Callable[[Router, str], Response[str]]
    log: FakeLog = field(default_factory=FakeLog)
    meter: FakeMeter = field(default_factory=FakeMeter)
    daemon: FakeDaemon = field(default_factory=FakeDaemon)

    def __post_init__(self) -> None:
        self.router = Router(lambda path: (RequestRefusedError.of(RequestCode.NOT_FOUND, path), {"X": "y"}))
        self.router.add("GET", "/things/<thing_id>", lambda thing_id: self.does(self.router, thing_id))
        self._handle = Guard(
            log=self.log,
            meter=self.meter,
            segments=self.daemon.segments("things"),
            trace_header=lambda: TRACE,
            span_name=lambda event: (f"GET {event['resource']}", {}),
            count=_count,
            unavailable=(DownError,),
            apology="in a moment",
        ).around(self.router.answer)

    def get(self, path: str, **more: Any) -> Answer:
        return Answer.of(self._handle(rest_event("GET", path, **more), None))


def _count(meter: Meter, seen: Mapping[str, Any]) -> None:
    meter.count(str(seen["outcome"]))


def _show(router: Router, thing_id: str) -> Response[str]:
    router.seen.update(outcome="shown", task=thing_id)
    return json_answer(200, f'{{"id": "{thing_id}", "stage": "{router.stage}"}}', {"ETag": "1"})


def test_a_request_is_answered_logged_counted_and_traced() -> None:
    function = Function(_show)
    answer = function.get("/things/a", resource="/things/:id")
    assert (answer.status, answer.body) == (200, {"id": "a", "stage": "prod"})
    assert (answer.headers["ETag"], answer.headers["Content-Type"]) == ("1", "application/json")
    [(level, line)] = function.log.lines
    assert (level, line["outcome"], line["task"], line["status"]) == ("info", "shown", "a", 200)
    assert function.meter.counted == {("shown",): 1}
    [document] = function.daemon.documents
    assert (document["name"], line["span_id"]) == ("GET /things/:id", document["id"])
    assert document["metadata"]["darkroom"]["attributes"]["http.response.status_code"] == 200


def test_a_refusal_has_all_its_faults_and_the_line_their_codes() -> None:
    faults = [
        Fault(code=RequestCode.BAD_VALUE, message="b", field="b"),
        Fault(code=RequestCode.MISSING_FIELD, message="a", field="a"),
    ]

    def refuse(_router: Router, _id: str) -> Response[str]:
        raise RequestRefusedError(faults)

    function = Function(refuse)
    answer = function.get("/things/a")
    assert answer.status == 400
    assert [fault["code"] for fault in answer.body["errors"]] == ["bad_value", "missing_field"]
    [(level, line)] = function.log.lines
    assert (level, line["outcome"], line["code"], line["faults"]) == ("info", "refused", "bad_value", 2)
    assert line["codes"] == ["bad_value", "missing_field"]
    [document] = function.daemon.documents
    assert document["error"]
    assert not document.get("fault")


def test_a_path_without_a_route_is_refused_as_the_function_says() -> None:
    answer = Function(_show).get("/elsewhere")
    assert (answer.status, answer.headers["X"]) == (404, "y")
    assert answer.body["error"]["message"] == "/elsewhere"


@pytest.mark.parametrize(
    ("error", "outcome"), [(DownError(SECRET), "unavailable"), (KeyError(SECRET), "failed")], ids=repr
)
def test_whatever_goes_wrong_is_unavailable_and_its_message_is_kept_out_of_the_log(
    error: Exception, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_router: Router, _id: str) -> Response[str]:
        raise error

    function = Function(fail)
    answer = function.get("/things/a")
    assert (answer.status, answer.body["error"]["message"]) == (503, "in a moment")
    assert int(answer.headers["Retry-After"]) > 0
    [(level, line)] = function.log.lines
    assert (level, line["outcome"], line["error"]) == ("error", outcome, type(error).__name__)
    assert ("where" in line) == (outcome == "failed")
    assert function.meter.counted == {(outcome,): 1}
    assert function.daemon.documents[0]["fault"]
    assert SECRET not in caplog.text + repr(function.log.lines) + answer.text + repr(
        function.daemon.documents
    )


def test_a_trace_of_the_clients_own_is_linked_to() -> None:
    function = Function(_show)
    function.get(
        "/things/a", headers={"TraceParent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    )
    [document] = function.daemon.documents
    assert document["links"] == [
        {"trace_id": "1-0af76519-16cd43dd8448eb211c80319c", "id": "b7ad6b7169203331"}
    ]


def test_a_request_knows_nothing_of_the_one_before() -> None:
    function = Function(_show)
    function.get("/things/a")
    function.get("/elsewhere")
    assert [("task" in line) for _, line in function.log.lines] == [True, False]


@pytest.mark.parametrize("headers", [None, {}, {"Other": "x"}])
def test_a_header_that_is_not_there_is_none(headers: dict[str, str] | None) -> None:
    assert header({"headers": headers}, "ETag") is None


def test_headers_have_no_case() -> None:
    assert header({"headers": {"eTAG": "x"}}, "ETag") == "x"
