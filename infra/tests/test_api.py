"""The REST API: its paths, its key, its limits, and what it answers itself."""

import json
from typing import Any

import pytest

from infra.testing import Template, resolved
from task_schema import Refusal, RequestCode

VERSIONS = ["v1alpha1", "v1alpha2"]
# What each path takes, by the start of its methods' names.
TAKEN = {
    "v1alpha1": ["POST"],
    "v1alpha2": ["POST"],
    "v1alpha2uploads": ["POST"],
    "v1alpha2tasks": ["GET"],
    "v1alpha2tasksid": ["GET", "DELETE"],
}


def method(template: Template, version: str, verb: str) -> dict[str, Any]:
    return template.only("AWS::ApiGateway::Method", starting=f"FrontApi{version}{verb}")[1]


def test_the_api_is_regional_and_there_are_two_paths_and_those_of_tasks_and_uploads(
    template: Template,
) -> None:
    _, api = template.only("AWS::ApiGateway::RestApi")
    paths = [resource["PathPart"] for resource in template.properties("AWS::ApiGateway::Resource").values()]
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert sorted(paths) == ["tasks", "uploads", *VERSIONS, "{id}"]


def test_every_method_needs_the_key(template: Template) -> None:
    methods = template.properties("AWS::ApiGateway::Method")
    assert len(methods) == 11
    assert {found["ApiKeyRequired"] for found in methods.values()} == {True}


@pytest.mark.parametrize("version", [*VERSIONS, "v1alpha2uploads"])
def test_post_goes_to_the_validator_as_it_came(template: Template, version: str) -> None:
    function, _ = template.only("AWS::Lambda::Function", starting="Validator")
    integration = method(template, version, "POST")["Integration"]
    assert integration["Type"] == "AWS_PROXY"
    assert f"<{function}.Arn>/invocations" in resolved(integration["Uri"])


@pytest.mark.parametrize(("path", "verb"), [(path, verb) for path in TAKEN for verb in TAKEN[path]][3:])
def test_what_is_asked_about_tasks_goes_to_the_status_function(
    template: Template, path: str, verb: str
) -> None:
    function, _ = template.only("AWS::Lambda::Function", starting="Status")
    integration = method(template, path, verb)["Integration"]
    assert integration["Type"] == "AWS_PROXY"
    assert f"<{function}.Arn>/invocations" in resolved(integration["Uri"])


@pytest.mark.parametrize("path", TAKEN)
def test_any_other_method_is_not_allowed_and_wakes_no_lambda(template: Template, path: str) -> None:
    found = method(template, path, "ANY")
    [answer] = found["Integration"]["IntegrationResponses"]
    body = Refusal.model_validate_json(answer["ResponseTemplates"]["application/json"])
    assert found["Integration"]["Type"] == "MOCK"
    assert answer["StatusCode"] == "405"
    assert json.loads(found["Integration"]["RequestTemplates"]["application/json"]) == {"statusCode": 405}
    assert body.error.code is RequestCode.METHOD_NOT_ALLOWED
    assert answer["ResponseParameters"] == {"method.response.header.Allow": f"'{', '.join(TAKEN[path])}'"}
    assert found["MethodResponses"] == [
        {"StatusCode": "405", "ResponseParameters": {"method.response.header.Allow": True}}
    ]


def test_limits_sit_on_the_methods_and_the_plan_has_none_below_their_sum(
    template: Template,
) -> None:
    _, plan = template.only("AWS::ApiGateway::UsagePlan")
    [stage] = plan["ApiStages"]
    limits = stage["Throttle"]
    submitting, asking = {"RateLimit": 30, "BurstLimit": 50}, {"RateLimit": 100, "BurstLimit": 200}
    assert limits == {
        "/v1alpha1/POST": submitting,
        "/v1alpha2/POST": submitting,
        "/v1alpha2/uploads/POST": submitting,
        "/v1alpha2/tasks/GET": asking,
        "/v1alpha2/tasks/{id}/GET": asking,
        "/v1alpha2/tasks/{id}/DELETE": asking,
    }
    assert plan["Throttle"] == {"RateLimit": 3 * 30 + 3 * 100, "BurstLimit": 3 * 50 + 3 * 200}


def test_the_key_is_in_the_plan_of_the_stage(template: Template) -> None:
    key, _ = template.only("AWS::ApiGateway::ApiKey")
    plan, properties = template.only("AWS::ApiGateway::UsagePlan")
    _, link = template.only("AWS::ApiGateway::UsagePlanKey")
    stage, _ = template.only("AWS::ApiGateway::Stage")
    assert resolved(link) == {"KeyId": f"<{key}>", "KeyType": "API_KEY", "UsagePlanId": f"<{plan}>"}
    assert resolved(properties["ApiStages"][0]["Stage"]) == f"<{stage}>"


def test_the_stage_traces_and_logs_but_never_bodies_or_keys(template: Template) -> None:
    _, stage = template.only("AWS::ApiGateway::Stage")
    [everywhere] = stage["MethodSettings"]
    assert stage["StageName"] == "prod"
    assert stage["TracingEnabled"] is True
    assert (everywhere["LoggingLevel"], everywhere["DataTraceEnabled"]) == ("ERROR", False)
    line = json.loads(stage["AccessLogSetting"]["Format"])
    assert line["request_id"] == "$context.requestId"
    assert "$context.identity.apiKey" not in line.values()


def test_the_gateways_own_log_group_is_made_before_it_makes_one_that_never_forgets(
    template: Template,
) -> None:
    api, _ = template.only("AWS::ApiGateway::RestApi")
    stage, _ = template.only("AWS::ApiGateway::Stage")
    group, properties = template.only("AWS::Logs::LogGroup", starting="FrontExecution")
    assert resolved(properties["LogGroupName"]) == f"API-Gateway-Execution-Logs_<{api}>/prod"
    assert group in template.body["Resources"][stage]["DependsOn"]


@pytest.mark.parametrize(
    ("type_", "code", "retry_after"),
    [
        ("INVALID_API_KEY", RequestCode.UNAUTHORIZED, None),
        ("UNAUTHORIZED", RequestCode.UNAUTHORIZED, None),
        ("ACCESS_DENIED", RequestCode.UNAUTHORIZED, None),
        ("EXPIRED_TOKEN", RequestCode.UNAUTHORIZED, None),
        ("INVALID_SIGNATURE", RequestCode.UNAUTHORIZED, None),
        ("WAF_FILTERED", RequestCode.UNAUTHORIZED, None),
        ("MISSING_AUTHENTICATION_TOKEN", RequestCode.NOT_FOUND, None),
        ("RESOURCE_NOT_FOUND", RequestCode.NOT_FOUND, None),
        ("THROTTLED", RequestCode.THROTTLED, "'1'"),
        ("QUOTA_EXCEEDED", RequestCode.THROTTLED, "'3600'"),
        ("REQUEST_TOO_LARGE", RequestCode.TOO_LARGE, None),
        ("UNSUPPORTED_MEDIA_TYPE", RequestCode.UNSUPPORTED_MEDIA_TYPE, None),
        ("BAD_REQUEST_BODY", RequestCode.BAD_JSON, None),
        ("BAD_REQUEST_PARAMETERS", RequestCode.BAD_VALUE, None),
        ("DEFAULT_4XX", RequestCode.BAD_VALUE, None),
        ("INTEGRATION_TIMEOUT", RequestCode.UNAVAILABLE, "'1'"),
        ("INTEGRATION_FAILURE", RequestCode.UNAVAILABLE, "'1'"),
        ("API_CONFIGURATION_ERROR", RequestCode.UNAVAILABLE, "'1'"),
        ("DEFAULT_5XX", RequestCode.UNAVAILABLE, "'1'"),
    ],
)
def test_the_gateways_own_answers_have_our_shape_and_codes(
    template: Template, type_: str, code: RequestCode, retry_after: str | None
) -> None:
    answers = {a["ResponseType"]: a for a in template.properties("AWS::ApiGateway::GatewayResponse").values()}
    answer = answers[type_]
    # API Gateway puts a JSON string in the variable's place.
    text = answer["ResponseTemplates"]["application/json"].replace(
        "$context.error.messageString", '"said it"'
    )
    refusal = Refusal.model_validate_json(text)
    assert answer["StatusCode"] == str(code.http_status)
    assert (refusal.error.code, refusal.error.field, refusal.errors) == (code, None, [refusal.error])
    assert answer.get("ResponseParameters", {}).get("gatewayresponse.header.Retry-After") == retry_after
    assert "$" not in text


def test_no_answer_of_the_gateway_is_left_untested(template: Template) -> None:
    assert len(template.resources("AWS::ApiGateway::GatewayResponse")) == 19


def test_a_new_deployment_waits_for_all_methods_and_answers(template: Template) -> None:
    deployment, _ = template.only("AWS::ApiGateway::Deployment")
    waits_for = set(template.body["Resources"][deployment]["DependsOn"])
    assert set(template.resources("AWS::ApiGateway::Method")) <= waits_for
    assert set(template.resources("AWS::ApiGateway::GatewayResponse")) <= waits_for
