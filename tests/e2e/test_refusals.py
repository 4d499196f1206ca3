"""Bad requests through the real API: each is refused in the documented shape, and none is published."""

import json
from typing import NamedTuple

import httpx
import pytest

from task_schema import RequestCode
from tests.contract.bad_requests import BAD_REQUESTS, BadRequest
from tests.e2e.user import DYNAMIC, STATIC, User, new_id, request, text_to_image

JSON = {"content-type": "application/json"}


class AtTheGate(NamedTuple):
    """What the gateway refuses before the validator sees it; `key`: None for none, "" for the right one."""

    name: str
    method: str
    path: str
    key: str | None
    code: RequestCode


AT_THE_GATE = (
    AtTheGate("no key", "POST", "v1alpha2", None, RequestCode.UNAUTHORIZED),
    AtTheGate("no key in the old version", "POST", "v1alpha1", None, RequestCode.UNAUTHORIZED),
    AtTheGate("a wrong key", "POST", "v1alpha2", "not-the-key", RequestCode.UNAUTHORIZED),
    AtTheGate("an unknown path", "POST", "v1alpha9", "", RequestCode.NOT_FOUND),
    AtTheGate("an unknown path without a key", "GET", "nowhere/at/all", None, RequestCode.NOT_FOUND),
    AtTheGate("the root", "GET", "", "", RequestCode.NOT_FOUND),
    AtTheGate("another method", "GET", "v1alpha2", "", RequestCode.METHOD_NOT_ALLOWED),
    AtTheGate("another method in the old version", "PUT", "v1alpha1", "", RequestCode.METHOD_NOT_ALLOWED),
    AtTheGate("nothing to delete", "DELETE", "v1alpha2", "", RequestCode.METHOD_NOT_ALLOWED),
)


def fault_of(answer: httpx.Response) -> tuple[str, str | None]:
    """Return code and field of a refusal, after a look at its shape."""
    assert answer.headers["content-type"].partition(";")[0] == "application/json", answer.text
    told = answer.json()
    assert told.keys() == {"error", "errors"}, told
    assert told["errors"][0] == told["error"]
    for fault in told["errors"]:
        assert fault.keys() == {"code", "message", "field"}
        assert len(fault["message"]) > 5
    return told["error"]["code"], told["error"]["field"]


@pytest.mark.parametrize("bad", BAD_REQUESTS, ids=lambda bad: bad.name)
def test_a_bad_request_gets_its_status_code_and_field(user: User, bad: BadRequest) -> None:
    answer = user.send(bad.method, bad.path, body=bad.body, headers=bad.headers)
    assert (answer.status_code, *fault_of(answer)) == (bad.status, bad.code, bad.field)


@pytest.mark.parametrize("gate", AT_THE_GATE, ids=lambda gate: gate.name)
def test_the_gateway_refuses_in_the_same_shape(user: User, gate: AtTheGate) -> None:
    body = json.dumps(request(new_id("gate"), text_to_image(1))) if gate.method in {"POST", "PUT"} else ""
    answer = user.send(gate.method, gate.path, body=body, headers=JSON, key=gate.key)
    assert (answer.status_code, *fault_of(answer)) == (gate.code.http_status, gate.code, None)


def test_all_faults_of_a_request_are_told_at_once(user: User) -> None:
    body = request("", {"steps": 0, "width": "wide"}, runtime="nowhere", tasktype="painting")
    body["task"]["metadata"]["prefix"] = "../up"
    answer = user.post(body)
    assert answer.status_code == 400
    named = {fault["field"] for fault in answer.json()["errors"]}
    assert {"task.metadata.id", "task.metadata.runtime", "task.metadata.prefix"} <= named


def test_who_sends_too_much_is_throttled_in_the_same_shape_and_told_when_to_come_again(user: User) -> None:
    """With a key whose plan allows next to nothing: how fast this machine is does not matter then."""
    gateway = user.clients.client("apigateway")
    api, stage = user.state.endpoint.rstrip("/").split("/")[-2:]
    stages = [{"apiId": api, "stage": stage}]
    plan = gateway.create_usage_plan(
        name="little", apiStages=stages, throttle={"rateLimit": 0.01, "burstLimit": 1}
    )
    key = gateway.create_api_key(name="little", enabled=True)
    gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    first, second = (
        user.send("POST", "v1alpha2", body="{}", headers=JSON, key=key["value"], patient=False)
        for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (400, 429)
    assert fault_of(second) == (RequestCode.THROTTLED, None)
    assert int(second.headers["retry-after"]) >= 1


def test_who_polls_as_fast_as_they_can_are_throttled_in_asking_and_not_in_submitting(user: User) -> None:
    """The plan of the deployment, with next to nothing for each GET: this machine cannot ask fast enough."""
    gateway = user.clients.client("apigateway")
    api = user.state.endpoint.rstrip("/").split("/")[-2]
    [given] = [
        stage
        for plan in gateway.get_usage_plans()["items"]
        for stage in plan["apiStages"]
        if stage["apiId"] == api and gateway.get_usage_plan_keys(usagePlanId=plan["id"])["items"]
        if stage.get("throttle")
    ]
    little = {"rateLimit": 0.01, "burstLimit": 2}
    throttle = {
        method: little if method.endswith("/GET") else limits for method, limits in given["throttle"].items()
    }
    plan = gateway.create_usage_plan(
        name="poller",
        apiStages=[{**given, "throttle": throttle}],
        throttle={"rateLimit": 1000, "burstLimit": 1000},
    )
    key = gateway.create_api_key(name="poller", enabled=True)
    gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")

    def ask(method: str, path: str, body: str = "") -> httpx.Response:
        return user.send(method, path, body=body, headers=JSON, key=key["value"], patient=False)

    asked = [ask("GET", f"v1alpha2/tasks/{new_id('nobody')}") for _ in range(4)]
    assert [answer.status_code for answer in asked] == [404, 404, 429, 429]
    assert fault_of(asked[-1]) == (RequestCode.THROTTLED, None)
    task_id = new_id("submitted")
    body = json.dumps(request(task_id, text_to_image(1)))
    assert [ask("POST", "v1alpha2", body).status_code for _ in range(4)] == [200] * 4
    assert user.hears(task_id).json["result"]


def test_bad_requests_record_and_publish_nothing(user: User) -> None:
    """Count what every queue could get, at a moment when all that went before has arrived."""
    before = len(user.published.all(lambda _: True))
    rows = _rows(user)
    for bad in BAD_REQUESTS:
        user.send(bad.method, bad.path, body=bad.body, headers=bad.headers)
    good = new_id("sentinel")
    user.submit(request(good, text_to_image(1)))
    user.published.wait(lambda heard: good in heard.body, what=good)
    assert user.hears(good).json["result"]
    assert len(BAD_REQUESTS) >= 40
    assert len(user.published.all(lambda _: True)) == before + 1
    assert _rows(user) == rows + 1
    assert user.keys("tasks/", bucket=user.state.payload_bucket) == _payloads_of_known_tasks(user)
    assert user.queued(user.state.unrouted_queue_url) == 0


def test_a_static_runtime_refuses_another_model_and_a_dynamic_one_takes_it(user: User) -> None:
    other = {"alwayson_scripts": {"sd_model_checkpoint": "dreamshaper_8.safetensors"}}
    answer = user.post(request(new_id("static"), text_to_image(1, **other), runtime=STATIC))
    code, field = fault_of(answer)
    assert (answer.status_code, code) == (400, "model_not_served")
    assert field == "task.content.alwayson_scripts.sd_model_checkpoint"
    task_id = new_id("dynamic")
    assert user.post(request(task_id, text_to_image(1, **other), runtime=DYNAMIC)).status_code == 200
    assert user.hears(task_id).json["result"]


def _rows(user: User) -> int:
    pages = user.clients.client("dynamodb").get_paginator("scan").paginate(TableName=user.state.tasks_table)
    return sum(page["Count"] for page in pages)


def _payloads_of_known_tasks(user: User) -> list[str]:
    # What came straight from the topic has its submission from whoever met it, who told of it.
    messages = [heard.json for ear in (user.published, user.told) for heard in ear.all(lambda _: True)]
    known = {message["submission"] for message in messages if "submission" in message}
    return [
        key for key in user.keys("tasks/", bucket=user.state.payload_bucket) if key.split("/")[1] in known
    ]
