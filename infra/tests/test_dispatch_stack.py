"""What holds for the dispatch stack as a whole."""

from pathlib import Path

import pytest

from infra.testing import Template, resolved

# All that MiniStack 1.5.33 was seen to deploy for this stack; it refuses a template with a type that it does
# not know. A type that is new here needs a look at what the emulator does with it.
KNOWN_TO_MINISTACK = {
    "AWS::ApiGateway::Account",
    "AWS::ApiGateway::ApiKey",
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGateway::GatewayResponse",
    "AWS::ApiGateway::Method",
    "AWS::ApiGateway::Resource",
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGateway::Stage",
    "AWS::ApiGateway::UsagePlan",
    "AWS::ApiGateway::UsagePlanKey",
    "AWS::DynamoDB::Table",
    "AWS::Events::Rule",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SecretsManager::Secret",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
}

# Statements that allow more than named resources, and why they must.
OPEN_RESOURCES = {
    ("xray:PutTelemetryRecords", "*"),  # X-Ray knows no resources
    ("xray:PutTraceSegments", "*"),
    ("s3:PutObject", "<PayloadsBucket>/tasks/*"),  # each submission has a folder of its own
    ("s3:GetObject", "<PayloadsBucket>/tasks/*"),
    ("s3:PutObject", "<PayloadsBucket>/uploads/*"),  # each upload has a name of its own
    ("s3:GetObject", "<PayloadsBucket>/dead-letters/*"),  # and each letter a name
    ("s3:PutObject", "<PayloadsBucket>/dead-letters/*"),
    ("s3:GetObject", "<OutputsBucket>/*"),  # users choose the folders of what is stored for them
    ("s3:PutObject", "<OutputsBucket>/*"),
    ("s3:DeleteObject", "<OutputsBucket>/*"),
}


def test_only_types_that_the_emulator_knows_are_used(template: Template) -> None:
    assert template.types <= KNOWN_TO_MINISTACK


def test_the_stack_belongs_to_no_account_region_or_partition(assembly: Path) -> None:
    text = (assembly / "sdoneksStack.template.json").read_text()
    manifest = (assembly / "manifest.json").read_text()
    assert '"arn:aws:' not in text
    assert "amazonaws.com/" not in text
    assert "aws://unknown-account/unknown-region" in manifest
    assert '"missing"' not in manifest


def test_the_outputs_have_the_names_that_operators_and_the_local_system_know(template: Template) -> None:
    # The others are what the observability stack reads.
    assert {name for name in template.outputs if not name.startswith("PublishOutput")} == {
        "ApiKeyId",
        "FrontApiEndpoint",
        "GetAPIKeyCommand",
        "OutputS3Bucket",
        "PayloadBucket",
        "RestApiId",
        "RuntimeQueues",
        "StageName",
        "SweeperFunctionName",
        "TasksTable",
        "UnroutedQueueUrl",
        "ValidatorFunctionName",
        "WebhookDeadLettersUrl",
        "WebhookSecret",
        "WebhooksFunctionName",
        "sdNotificationLambdaARN",
        "sdNotificationOutputArn",
    }


def test_no_other_stack_can_hold_on_to_what_this_one_has(template: Template) -> None:
    assert not [name for name, output in template.body["Outputs"].items() if "Export" in output]


def test_the_endpoint_ends_in_a_slash_so_that_the_version_can_be_appended(template: Template) -> None:
    api, _ = template.only("AWS::ApiGateway::RestApi")
    stage, _ = template.only("AWS::ApiGateway::Stage")
    endpoint = resolved(template.outputs["FrontApiEndpoint"])
    assert endpoint == f"https://<{api}>.execute-api.<AWS::Region>.<AWS::URLSuffix>/<{stage}>/"


def test_the_command_that_gets_the_key_is_the_guides(template: Template) -> None:
    key, _ = template.only("AWS::ApiGateway::ApiKey")
    assert resolved(template.outputs["GetAPIKeyCommand"]) == (
        f"aws apigateway get-api-keys --query 'items[?id==`<{key}>`].value' --include-values --output text"
    )


def test_the_topic_outputs_are_not_swapped(template: Template) -> None:
    assert resolved(template.outputs["sdNotificationOutputArn"]).startswith("<NotificationsTopic")
    assert resolved(template.outputs["sdNotificationLambdaARN"]).startswith("<RequestsTopic")


def test_no_policy_allows_more_than_it_names(template: Template) -> None:
    buckets = {name: name[:-8] for name in template.resources("AWS::S3::Bucket")}  # without the CDK's hash
    open_resources = set()
    for _, statement in template.statements():
        if statement["Effect"] == "Deny":
            continue
        actions = _listed(statement["Action"])
        assert not [action for action in actions if "*" in action]
        assert statement.get("Principal") not in ("*", {"AWS": "*"})
        for resource in _listed(resolved(statement.get("Resource", []))):
            if "*" in resource:
                named = resource
                for bucket, short in buckets.items():
                    named = named.replace(f"<{bucket}.Arn>", f"<{short}>")
                open_resources |= {(action, named) for action in actions}
    assert open_resources == OPEN_RESOURCES


@pytest.mark.parametrize(
    ("type_", "policy_type", "key"),
    [
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "Bucket"),
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues"),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics"),
    ],
)
def test_buckets_queues_and_topics_refuse_what_comes_without_tls(
    template: Template, type_: str, policy_type: str, key: str
) -> None:
    guarded = set()
    for policy in template.properties(policy_type).values():
        statements = policy["PolicyDocument"]["Statement"]
        if any(_refuses_plain_text(statement) for statement in statements):
            guarded |= set(_listed(resolved(policy[key])))
    assert guarded == {f"<{name}>" for name in template.resources(type_)}


def _refuses_plain_text(statement: dict[str, object]) -> bool:
    return (
        statement["Effect"] == "Deny"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        and statement["Principal"] in ("*", {"AWS": "*"})
    )


def _listed(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]
