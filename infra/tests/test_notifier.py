"""The functions that end what no agent ends, and what starts them."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.app import synthesise
from infra.artifacts import Zips
from infra.config import MAX_RUNTIMES, Config
from infra.testing import Template, resolved

FUNCTION = "AWS::Lambda::Function"
MAPPING = "AWS::Lambda::EventSourceMapping"
LETTERS = ["Dead", "Undelivered", "Unrouted"]
WAYS = ["Runtimessdruntime", "Runtimessddynamic", "Runtimescomfyruntime"]
READ = {
    "Dead": [f"{way}DeadLetters" for way in WAYS],
    "Undelivered": [f"{way}Undelivered" for way in WAYS],
    "Unrouted": ["UnroutedQueue", "UnroutedDeadLetters", "UnroutedUndelivered"],
}


def function(template: Template, name: str) -> tuple[str, dict[str, Any]]:
    return template.only(FUNCTION, starting=f"Notifier{name}")


def granted(template: Template, name: str) -> dict[str, set[str]]:
    """Return the actions that a function's role has, by resource."""
    _, policy = template.only("AWS::IAM::Policy", starting=f"Notifier{name}")
    found: dict[str, set[str]] = {}
    for statement in resolved(policy["PolicyDocument"]["Statement"]):
        for resource in _listed(statement["Resource"]):
            found.setdefault(resource, set()).update(_listed(statement["Action"]))
    return found


@pytest.mark.parametrize("name", LETTERS)
def test_each_queue_of_letters_is_read_and_messages_fail_one_by_one(template: Template, name: str) -> None:
    logical, properties = function(template, name)
    mappings = [
        mapping
        for mapping in resolved(template.properties(MAPPING)).values()
        if mapping["FunctionName"] == f"<{logical}>"
    ]
    queues = [template.only("AWS::SQS::Queue", starting=start) for start in READ[name]]
    assert [mapping["EventSourceArn"] for mapping in mappings] == [f"<{queue}.Arn>" for queue, _ in queues]
    assert {tuple(mapping["FunctionResponseTypes"]) for mapping in mappings} == {("ReportBatchItemFailures",)}
    # Lambda refuses a queue that shows a message again while the function may still be at it.
    assert all(queue["VisibilityTimeout"] >= 6 * properties["Timeout"] for _, queue in queues)


def test_no_queue_of_letters_is_forgotten_and_none_of_an_agents_is_taken(template: Template) -> None:
    read = {mapping["EventSourceArn"] for mapping in resolved(template.properties(MAPPING)).values()}
    agents = {f"<{template.only('AWS::SQS::Queue', starting=f'{way}Queue')[0]}.Arn>" for way in WAYS}
    # Webhooks that nobody took wait for a human.
    kept = {f"<{template.only('AWS::SQS::Queue', starting='WebhooksFirstDeadLetters')[0]}.Arn>"}
    assert read == {f"<{name}.Arn>" for name in template.resources("AWS::SQS::Queue")} - agents - kept


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("Dead", {"LETTERS": "dead"}),
        ("Undelivered", {"LETTERS": "undelivered"}),
        (
            "Unrouted",
            {"LETTERS": "unrouted", "RUNTIMES": json.dumps(["sdruntime", "sddynamic", "comfy-runtime"])},
        ),
        ("Sweeper", {}),
    ],
)
def test_a_function_knows_its_places(template: Template, name: str, own: dict[str, str]) -> None:
    _, properties = function(template, name)
    variables = resolved(properties["Environment"]["Variables"])
    if "RUNTIMES" in variables:
        variables["RUNTIMES"] = json.dumps(json.loads(variables["RUNTIMES"]))
    assert variables == {
        "TASKS_TABLE": f"<{template.only('AWS::DynamoDB::Table')[0]}>",
        "NOTIFICATIONS_TOPIC_ARN": f"<{template.only('AWS::SNS::Topic', starting='Notifications')[0]}>",
        "PAYLOAD_BUCKET": f"<{template.only('AWS::S3::Bucket', starting='Payloads')[0]}>",
        "OUTPUT_BUCKET": f"<{template.only('AWS::S3::Bucket', starting='Outputs')[0]}>",
        "POWERTOOLS_SERVICE_NAME": "notifier",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        **own,
    }
    module = "sweeper_handler" if name == "Sweeper" else "letters_handler"
    assert properties["Handler"] == f"notifier.{module}.handler"
    assert "ReservedConcurrentExecutions" not in properties


@pytest.mark.parametrize("name", [*LETTERS, "Sweeper"])
def test_a_role_holds_what_its_function_does_and_no_more(template: Template, name: str) -> None:
    table = f"<{template.only('AWS::DynamoDB::Table')[0]}.Arn>"
    payloads = f"<{template.only('AWS::S3::Bucket', starting='Payloads')[0]}.Arn>"
    outputs = f"<{template.only('AWS::S3::Bucket', starting='Outputs')[0]}.Arn>"
    expected: dict[str, set[str]] = {
        table: {"dynamodb:GetItem", "dynamodb:UpdateItem"},
        f"<{template.only('AWS::SNS::Topic', starting='Notifications')[0]}>": {"sns:Publish"},
        payloads: {"s3:ListBucket"},
        f"{payloads}/tasks/*": {"s3:GetObject", "s3:PutObject"},
        f"{outputs}/*": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
        f"<{template.only('AWS::Logs::LogGroup', starting=f'Notifier{name}')[0]}.Arn>": {
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        },
        "*": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"},
    }
    if name == "Sweeper":
        expected[f"{table}/index/by-look"] = {"dynamodb:Query"}
    else:
        expected[table] |= {"dynamodb:PutItem"}
        expected[f"{payloads}/dead-letters/*"] = {"s3:GetObject", "s3:PutObject"}
        for start in READ[name]:
            queue, _ = template.only("AWS::SQS::Queue", starting=start)
            expected[f"<{queue}.Arn>"] = {
                "sqs:ReceiveMessage",
                "sqs:ChangeMessageVisibility",
                "sqs:GetQueueUrl",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
            }
    assert granted(template, name) == expected


def test_the_sweeper_starts_every_five_minutes_and_only_by_its_rule(template: Template) -> None:
    rule, properties = template.only("AWS::Events::Rule")
    sweeper, _ = function(template, "Sweeper")
    [target] = resolved(properties["Targets"])
    assert properties["ScheduleExpression"] == "rate(5 minutes)"
    assert target["Arn"] == f"<{sweeper}.Arn>"
    _, permission = template.only("AWS::Lambda::Permission", starting="NotifierSweeper")
    assert permission["Principal"] == "events.amazonaws.com"
    assert resolved(permission["SourceArn"]) == f"<{rule}.Arn>"


def test_the_largest_deployment_fits_a_stack_and_its_roles(
    settings: dict[str, Any], zips: Zips, tmp_path: Path
) -> None:
    runtimes = [
        {"name": f"runtime-{n:02}", "namespace": "default", "type": "comfyui"} for n in range(MAX_RUNTIMES)
    ]
    more = {"modelsRuntime": runtimes, "functions": {"snapStart": True}}
    config = Config.model_validate({**settings, **more})
    template = Template.read(synthesise(config, zips=zips, outdir=tmp_path), "sdoneksStack")
    assert len(template.body["Resources"]) <= 500
    for policy in template.properties("AWS::IAM::Policy").values():
        arns = json.dumps(resolved(policy["PolicyDocument"]), separators=(",", ":"))
        names = arns.count("<")
        # A queue's ARN may be some 130 characters long; a role's own policies take 10,240 without spaces.
        assert len(arns) + names * 60 <= 10_240


def _listed(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]
