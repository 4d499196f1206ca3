"""The Lambda function behind the tasks' own paths."""

import json

from infra.dispatch.environment import MAX_ENVIRONMENT_BYTES, status_environment, status_queues
from infra.testing import Template, resolved

RUNTIMES = ["sdruntime", "sddynamic", "comfy-runtime"]


def queue_of(template: Template, runtime: str) -> str:
    return template.only("AWS::SQS::Queue", starting=f"Runtimes{runtime.replace('-', '')}Queue")[0]


def test_the_function_waits_less_than_the_gateway_and_longer_than_a_request_may(template: Template) -> None:
    _, function = template.only("AWS::Lambda::Function", starting="Status")
    assert 20 < function["Timeout"] < 29
    assert function["Handler"] == "lambda_function.handler"
    assert function["TracingConfig"] == {"Mode": "Active"}


def test_the_function_knows_its_stores_its_topic_and_the_queue_of_each_runtime(template: Template) -> None:
    _, function = template.only("AWS::Lambda::Function", starting="Status")
    variables = resolved(function["Environment"]["Variables"])
    assert json.loads(variables.pop("RUNTIMES")) == {
        runtime: f"<{queue_of(template, runtime)}.QueueName>" for runtime in RUNTIMES
    }
    assert variables == {
        "TASKS_TABLE": f"<{template.only('AWS::DynamoDB::Table')[0]}>",
        "NOTIFICATIONS_TOPIC_ARN": f"<{template.only('AWS::SNS::Topic', starting='Notifications')[0]}>",
        "PAYLOAD_BUCKET": f"<{template.only('AWS::S3::Bucket', starting='Payloads')[0]}>",
        "OUTPUT_BUCKET": f"<{template.only('AWS::S3::Bucket', starting='Outputs')[0]}>",
        "POWERTOOLS_SERVICE_NAME": "status",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


def test_the_role_holds_what_the_function_does_and_no_more(template: Template) -> None:
    _, policy = template.only("AWS::IAM::Policy", starting="Status")
    table, _ = template.only("AWS::DynamoDB::Table")
    topic, _ = template.only("AWS::SNS::Topic", starting="Notifications")
    payloads, _ = template.only("AWS::S3::Bucket", starting="Payloads")
    outputs, _ = template.only("AWS::S3::Bucket", starting="Outputs")
    group, _ = template.only("AWS::Logs::LogGroup", starting="Status")
    allowed: dict[str, set[str]] = {}
    for statement in policy["PolicyDocument"]["Statement"]:
        resources, actions = resolved(statement["Resource"]), statement["Action"]
        for resource in resources if isinstance(resources, list) else [resources]:
            allowed.setdefault(resource, set()).update([actions] if isinstance(actions, str) else actions)
    queue = {"sqs:GetQueueAttributes", "sqs:GetQueueUrl"}
    assert allowed == {
        f"<{table}.Arn>": {"dynamodb:GetItem", "dynamodb:UpdateItem"},
        f"<{table}.Arn>/index/by-runtime": {"dynamodb:Query"},
        f"<{topic}>": {"sns:Publish"},
        f"<{payloads}.Arn>": {"s3:ListBucket"},
        f"<{payloads}.Arn>/tasks/*": {"s3:GetObject", "s3:PutObject"},
        f"<{outputs}.Arn>/*": {"s3:GetObject"},
        f"<{group}.Arn>": {"logs:CreateLogStream", "logs:PutLogEvents"},
        "*": {"xray:PutTelemetryRecords", "xray:PutTraceSegments"},
        **{f"<{queue_of(template, runtime)}.Arn>": queue for runtime in RUNTIMES},
    }


def test_only_the_api_may_call_the_function_and_only_by_its_three_methods(template: Template) -> None:
    stage, _ = template.only("AWS::ApiGateway::Stage")
    function, _ = template.only("AWS::Lambda::Function", starting="Status")
    callers = [
        (permission["Principal"], resolved(permission["SourceArn"]).partition(f"<{stage}>")[2])
        for permission in template.properties("AWS::Lambda::Permission").values()
        if resolved(permission["FunctionName"]) == f"<{function}.Arn>"
    ]
    assert sorted(callers) == [
        ("apigateway.amazonaws.com", "/DELETE/v1alpha2/tasks/*"),
        ("apigateway.amazonaws.com", "/GET/v1alpha2/tasks"),
        ("apigateway.amazonaws.com", "/GET/v1alpha2/tasks/*"),
    ]


def test_where_the_names_of_the_queues_may_not_fit_none_is_told() -> None:
    runtimes = [f"runtime-{number:02}" for number in range(45)]
    environment = status_environment(
        tasks_table="t",
        notifications_topic_arn="t",
        payload_bucket="b",
        output_bucket="b",
        runtimes=runtimes,
    )
    told = status_queues(environment, dict.fromkeys(runtimes, "q"))
    assert told == dict.fromkeys(runtimes)
    few = dict.fromkeys(runtimes[:10], "q")
    assert status_queues(environment, few) == few
    assert len(json.dumps({**environment, "RUNTIMES": json.dumps(told)})) < MAX_ENVIRONMENT_BYTES
