"""What a request leaves in its trace."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from task_schema import MAX_INLINE_CONTENT_BYTES
from task_store import TableUnavailableError
from validator.errors import UnavailableError

type Body = Callable[..., Any]
type Event = Callable[..., dict[str, Any]]

TRACE_ID = "1-5759e988-bd862e3fe1be46a994272793"
LAMBDA = "53995c3f42cd8ad8"
CLIENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRET = "a very private lighthouse"


def attributes(document: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = document["metadata"]["darkroom"]["attributes"]
    return told


def test_a_request_is_a_span_of_lambdas_with_its_steps_below_it(system: Any, body: Body) -> None:
    system.post(body())
    spans = system.spans()
    assert list(spans) == ["parse", "record", "publish requests", "POST /v1alpha2"]
    request = spans.pop("POST /v1alpha2")
    assert (request["parent_id"], request["type"]) == (LAMBDA, "subsegment")
    assert {document["parent_id"] for document in spans.values()} == {request["id"]}
    assert {document["trace_id"] for document in system.documents} == {TRACE_ID}
    kinds = {document["name"]: document["metadata"]["darkroom"]["kind"] for document in system.documents}
    assert kinds == {
        "parse": "internal",
        "record": "internal",
        "publish requests": "producer",
        "POST /v1alpha2": "server",
    }
    assert not any(document.get("fault") or document.get("error") for document in system.documents)


def test_the_message_goes_on_where_it_was_published(system: Any, body: Body) -> None:
    system.post(body())
    ((message, sent),) = system.topic.messages
    published = system.spans()["publish requests"]
    assert sent["traceparent"] == f"00-5759e988bd862e3fe1be46a994272793-{published['id']}-01"
    told = attributes(published)
    assert told["messaging.message.body.size"] > len(json.dumps(message["content"]))
    assert (told["messaging.system"], told["messaging.destination.name"]) == ("aws.sns", "requests")


def test_a_span_says_what_was_asked_for(system: Any, body: Body) -> None:
    content = {
        "prompt": SECRET,
        "negative_prompt": SECRET,
        "steps": 16,
        "width": 640,
        "height": 512,
        "seed": 7,
        "sampler_name": "Euler a",
        "sampler_index": "DDIM",
        "alwayson_scripts": {"sd_model_checkpoint": "v1-5.safetensors"},
    }
    system.post(body(content))
    request = system.spans()["POST /v1alpha2"]
    assert attributes(request) == {
        "http.request.method": "POST",
        "http.route": "/v1alpha2",
        "http.response.status_code": 200,
        "darkroom.task.id": "t",
        "darkroom.submission": system.task().submission,
        "darkroom.runtime": "sdruntime",
        "darkroom.task.type": "text-to-image",
        "darkroom.outcome": "accepted",
        "darkroom.steps": 16,
        "darkroom.width": 640,
        "darkroom.height": 512,
        "darkroom.seed": 7,
        "darkroom.sampler": "Euler a",
        "darkroom.model": "v1-5.safetensors",
    }
    assert request["annotations"]["darkroom_task_id"] == "t"
    assert request["annotations"]["darkroom_submission"] == system.task().submission


def test_a_workflow_has_no_settings_to_tell(system: Any, body: Body) -> None:
    graph = {"1": {"class_type": "KSampler", "inputs": {"steps": 20, "text": SECRET}}}
    answer = system.post(body(graph, runtime="comfyruntime", tasktype="pipeline"))
    assert answer.status == 200
    assert attributes(system.spans()["POST /v1alpha2"])["darkroom.task.type"] == "pipeline"
    assert SECRET not in json.dumps(system.documents)


def test_nothing_that_the_user_wrote_is_in_a_span(system: Any, body: Body) -> None:
    key = "unknown " + SECRET
    for sent in (
        body({"prompt": SECRET, "styles": [SECRET]}, prefix=SECRET, context=SECRET),
        body({"prompt": 5}, **{key: SECRET}),
        body({"prompt": SECRET}, runtime=SECRET, tasktype=SECRET),
        SECRET,
    ):
        system.post(sent, Idempotency_Key=SECRET, x_api_key=SECRET, traceparent=SECRET)
    system.topic.broken = ValueError(SECRET)
    system.post(body({"prompt": SECRET}, id="u"))
    assert len(system.documents) == 4 + 3 * 2 + 4
    assert SECRET not in json.dumps(system.documents)


def test_a_trace_of_the_clients_own_is_linked_to(system: Any, body: Body) -> None:
    system.post(body(), Traceparent=CLIENT)
    request = system.spans()["POST /v1alpha2"]
    assert request["links"] == [{"trace_id": "1-0af76519-16cd43dd8448eb211c80319c", "id": "b7ad6b7169203331"}]
    assert request["trace_id"] == TRACE_ID
    assert system.task().trace_id == "5759e988bd862e3fe1be46a994272793"


@pytest.mark.parametrize("header", ["", "garbage", CLIENT.upper(), "ff" + CLIENT[2:], "\ud800"])
def test_what_is_no_traceparent_links_to_nothing(system: Any, body: Body, header: str) -> None:
    assert system.post(body(), traceparent=header).status == 200
    assert "links" not in system.spans()["POST /v1alpha2"]


def test_a_refusal_is_the_callers_error_with_its_codes(system: Any, body: Body) -> None:
    system.post(body({"width": 0}, more=1))
    spans = system.spans()
    assert list(spans) == ["parse", "POST /v1alpha2"]
    assert all(document["error"] and "fault" not in document for document in spans.values())
    told = attributes(spans["POST /v1alpha2"])
    assert told["darkroom.code"] == ["bad_value", "unknown_field"]
    assert told["http.response.status_code"] == 400
    assert told["error.type"] in told["darkroom.code"]
    assert spans["POST /v1alpha2"]["annotations"] == {
        "darkroom_outcome": "refused",
        "darkroom_code": "bad_value,unknown_field",
    }


def test_a_conflict_is_found_while_recording(system: Any, body: Body) -> None:
    system.post(body())
    system.documents.clear()
    system.post(body({"prompt": "A cat"}))
    spans = system.spans()
    assert spans["record"]["error"]
    assert spans["POST /v1alpha2"]["annotations"]["darkroom_code"] == "conflict"
    assert spans["POST /v1alpha2"]["annotations"]["darkroom_task_id"] == "t"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (UnavailableError(SECRET), "unavailable"),
        (TableUnavailableError(SECRET), "unavailable"),
        (KeyError(SECRET), "failed"),
    ],
)
def test_an_outage_is_a_fault_where_it_happened(
    system: Any, body: Body, error: Exception, outcome: str
) -> None:
    system.topic.broken = error
    system.post(body())
    spans = system.spans()
    assert "fault" not in spans["record"]
    for name in ("publish requests", "POST /v1alpha2"):
        assert spans[name]["fault"]
        assert attributes(spans[name])["error.type"] == type(error).__name__
    assert spans["POST /v1alpha2"]["annotations"]["darkroom_outcome"] == outcome


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/v1alpha2/", "GET /v1alpha2"),
        ("POST", "/v1alpha2/tasks/" + SECRET, "POST"),
        (SECRET, "/v1alpha2", "request"),
    ],
)
def test_a_name_of_a_span_is_one_of_few(system: Any, event: Event, method: str, path: str, name: str) -> None:
    system.send(event(None, path=path, method=method))
    [document] = system.documents
    assert document["name"] == name
    assert SECRET not in json.dumps(document)


@pytest.mark.parametrize("event", [None, {}, {"httpMethod": ["POST"]}, {"Records": []}, "warm up"])
def test_an_event_of_another_kind_is_a_fault_too(system: Any, event: Any) -> None:
    assert system.send(event).status == 503
    [document] = system.documents
    assert (document["name"], document["fault"]) == ("request", True)


@pytest.mark.parametrize(
    "trace",
    [
        None,
        "",
        "garbage",
        f"Root={TRACE_ID};Parent={LAMBDA};Sampled=0",
        f"Root={TRACE_ID};Parent={LAMBDA};Sampled=?",
    ],
)
def test_without_a_trace_to_keep_nothing_is_sent_and_no_log_line_names_one(
    system: Any, body: Body, trace: str | None
) -> None:
    system.trace = trace
    assert system.post(body()).status == 200
    assert system.documents == []
    ((_, line),) = system.log.lines
    assert not {"trace_id", "span_id"} & set(line)
    assert system.task().trace_id is None


def test_where_spans_go_nowhere_the_message_goes_on_from_lambdas_own(make_system: Any, body: Body) -> None:
    system = make_system(exported=False)
    assert system.post(body()).status == 200
    ((_, sent),) = system.topic.messages
    assert sent["traceparent"] == f"00-5759e988bd862e3fe1be46a994272793-{LAMBDA}-01"
    assert system.task().trace_id == "5759e988bd862e3fe1be46a994272793"
    assert system.documents == []


def test_each_request_is_counted_once(system: Any, body: Body) -> None:
    large = body({"prompt": "x" * MAX_INLINE_CONTENT_BYTES}, id="u")
    system.post(body())
    system.post(body())
    system.post(body({"width": 0}, id="-", more=1))
    system.post("{")
    system.payloads.broken = UnavailableError("no answer")
    system.post(large)
    system.payloads.broken = None
    system.post(large)
    assert system.meter.counted == {
        ("Accepted", "runtime=sdruntime"): 2,
        ("Repeated", "runtime=sdruntime"): 1,
        ("Refused", "code=bad_value"): 1,
        ("Refused", "code=bad_json"): 1,
        ("Unavailable",): 1,
    }
