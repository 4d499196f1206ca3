"""The Lambda function behind the API."""

import json

from infra.testing import Template, resolved


def test_the_function_runs_the_zip_on_python_3_12_with_active_tracing(template: Template) -> None:
    _, function = template.only("AWS::Lambda::Function", starting="Validator")
    assert function["Runtime"] == "python3.12"
    assert function["Architectures"] == ["x86_64"]
    assert function["Handler"] == "lambda_function.handler"
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["Timeout"] < 29  # what API Gateway waits


def test_the_function_knows_its_stores_its_topic_and_the_runtimes(template: Template) -> None:
    _, function = template.only("AWS::Lambda::Function", starting="Validator")
    variables = resolved(function["Environment"]["Variables"])
    runtimes = json.loads(variables.pop("RUNTIMES"))
    assert [runtime["name"] for runtime in runtimes] == ["sdruntime", "sddynamic", "comfy-runtime"]
    assert variables == {
        "TASKS_TABLE": f"<{template.only('AWS::DynamoDB::Table')[0]}>",
        "REQUESTS_TOPIC_ARN": f"<{template.only('AWS::SNS::Topic', starting='Requests')[0]}>",
        "PAYLOAD_BUCKET": f"<{template.only('AWS::S3::Bucket', starting='Payloads')[0]}>",
        "OUTPUT_BUCKET": f"<{template.only('AWS::S3::Bucket', starting='Outputs')[0]}>",
        "INSECURE_CALLBACKS": "false",
        "FAIR_QUEUES": "true",
        "POWERTOOLS_SERVICE_NAME": "validator",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


def test_the_role_holds_what_the_validator_does_and_no_more(template: Template) -> None:
    role, properties = template.only("AWS::IAM::Role", starting="Validator")
    _, policy = template.only("AWS::IAM::Policy", starting="Validator")
    table, _ = template.only("AWS::DynamoDB::Table")
    topic, _ = template.only("AWS::SNS::Topic", starting="Requests")
    payloads, _ = template.only("AWS::S3::Bucket", starting="Payloads")
    group, _ = template.only("AWS::Logs::LogGroup", starting="Validator")
    assert "ManagedPolicyArns" not in properties
    assert resolved(policy["Roles"]) == [f"<{role}>"]
    assert {
        tuple(_hashable(resolved(statement[key])) for key in ("Resource", "Action"))
        for statement in policy["PolicyDocument"]["Statement"]
    } == {
        (f"<{table}.Arn>", ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")),
        (f"<{topic}>", "sns:Publish"),
        ((f"<{payloads}.Arn>/tasks/*", f"<{payloads}.Arn>/uploads/*"), "s3:PutObject"),
        (f"<{group}.Arn>", ("logs:CreateLogStream", "logs:PutLogEvents")),
        ("*", ("xray:PutTelemetryRecords", "xray:PutTraceSegments")),
    }


def _hashable(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def test_only_the_api_may_call_the_function_and_only_by_its_three_methods(template: Template) -> None:
    stage, _ = template.only("AWS::ApiGateway::Stage")
    function, _ = template.only("AWS::Lambda::Function", starting="Validator")
    sources = {
        resolved(permission["SourceArn"]).partition(f"<{stage}>")[2]
        for permission in template.properties("AWS::Lambda::Permission").values()
        if resolved(permission["FunctionName"]) == f"<{function}.Arn>"
    }
    assert sources == {"/POST/v1alpha1", "/POST/v1alpha2", "/POST/v1alpha2/uploads"}
    callers = [
        permission["Principal"]
        for permission in template.properties("AWS::Lambda::Permission").values()
        if resolved(permission["FunctionName"]) == f"<{function}.Arn>"
    ]
    assert callers == ["apigateway.amazonaws.com"] * 3


def test_logs_are_kept_as_long_as_the_setting_says(changed: dict[str, Template]) -> None:
    for stack in changed.values():
        groups = stack.properties("AWS::Logs::LogGroup")
        assert {properties["RetentionInDays"] for properties in groups.values()} == {7}


def test_logs_go_to_groups_that_forget(template: Template) -> None:
    groups = template.properties("AWS::Logs::LogGroup")
    _, function = template.only("AWS::Lambda::Function", starting="Validator")
    group, _ = template.only("AWS::Logs::LogGroup", starting="Validator")
    assert {properties["RetentionInDays"] for properties in groups.values()} == {30}
    assert resolved(function["LoggingConfig"]) == {"LogGroup": f"<{group}>"}
