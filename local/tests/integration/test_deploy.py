import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import aftercare
from local.clients import Clients
from local.deploy import Deployer
from local.errors import DeployError
from local.synthesis import Assembly

QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 30}}
TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "TimeToLiveSpecification": {"AttributeName": "expires_on", "Enabled": True},
    },
}


def written(
    folder: Path, stack: str, resources: dict[str, Any], files: dict[str, Any] | None = None
) -> Assembly:
    template = {
        "Parameters": {
            "BootstrapVersion": {
                "Type": "AWS::SSM::Parameter::Value<String>",
                "Default": "/cdk-bootstrap/hnb659fds/version",
            }
        },
        "Resources": resources,
        "Outputs": {"Queue": {"Value": {"Ref": "Q"}}},
    }
    (folder / f"{stack}.template.json").write_text(json.dumps(template))
    (folder / f"{stack}.assets.json").write_text(json.dumps({"files": files or {}}))
    return Assembly(folder)


def test_a_stack_is_created_then_updated_then_left_alone(emulator: Clients, tmp_path: Path) -> None:
    deployer = Deployer(emulator)
    outputs = deployer.deploy(written(tmp_path, "A", {"Q": QUEUE}), "A")
    sqs = emulator.client("sqs")

    def timeout() -> str:
        answer = sqs.get_queue_attributes(QueueUrl=outputs["Queue"], AttributeNames=["VisibilityTimeout"])
        return str(answer["Attributes"]["VisibilityTimeout"])

    assert timeout() == "30"
    changed = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}}
    assert deployer.deploy(written(tmp_path, "A", {"Q": changed}), "A") == outputs
    assert timeout() == "60"
    assert deployer.deploy(written(tmp_path, "A", {"Q": changed}), "A") == outputs


def test_a_resource_that_cannot_be_made_is_named_with_the_reason(emulator: Clients, tmp_path: Path) -> None:
    broken = {"Q": QUEUE, "Odd": {"Type": "AWS::Nothing::Known"}}
    with pytest.raises(DeployError, match="AWS::Nothing::Known"):
        Deployer(emulator).deploy(written(tmp_path, "B", broken), "B")


def test_assets_are_uploaded_where_the_template_looks_for_them(emulator: Clients, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("1")
    (tmp_path / "one.zip").write_bytes(b"zip")
    place = {"bucketName": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"}
    files = {
        "1": {
            "source": {"path": "one.zip", "packaging": "file"},
            "destinations": {"x": place | {"objectKey": "one.zip"}},
        },
        "2": {
            "source": {"path": "code", "packaging": "zip"},
            "destinations": {"x": place | {"objectKey": "two.zip"}},
        },
    }
    Deployer(emulator).deploy(written(tmp_path, "C", {"Q": QUEUE}, files), "C")
    s3 = emulator.client("s3")
    bucket = "cdk-hnb659fds-assets-000000000000-us-east-1"
    assert s3.get_object(Bucket=bucket, Key="one.zip")["Body"].read() == b"zip"
    assert s3.get_object(Bucket=bucket, Key="two.zip")["Body"].read()[:2] == b"PK"


def test_what_the_emulator_ignores_is_applied_afterwards(emulator: Clients, tmp_path: Path) -> None:
    made = written(tmp_path, "D", {"Q": QUEUE, "T": TABLE})
    Deployer(emulator).deploy(made, "D")
    ids = aftercare.physical_ids(emulator, "D")
    [table] = aftercare.apply_time_to_live(emulator, made.template("D"), ids)
    described = emulator.client("dynamodb").describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert (described["TimeToLiveStatus"], described["AttributeName"]) == ("ENABLED", "expires_on")


def test_the_throttle_of_a_single_method_is_the_templates(emulator: Clients, tmp_path: Path) -> None:
    integration = {"Type": "MOCK", "RequestTemplates": {"application/json": '{"statusCode": 200}'}}
    answers = {**integration, "IntegrationResponses": [{"StatusCode": "200"}]}
    method = {
        "RestApiId": {"Ref": "Api"},
        "ResourceId": {"Ref": "Path"},
        "HttpMethod": "POST",
        "AuthorizationType": "NONE",
        "ApiKeyRequired": True,
        "Integration": answers,
        "MethodResponses": [{"StatusCode": "200"}],
    }
    root = {"Fn::GetAtt": ["Api", "RootResourceId"]}
    limits = {"/v1/POST": {"RateLimit": 1, "BurstLimit": 2}}
    stages = [{"ApiId": {"Ref": "Api"}, "Stage": "prod", "Throttle": limits}]
    plan = {"ApiStages": stages, "Throttle": {"RateLimit": 100, "BurstLimit": 100}}
    resources = {
        "Q": QUEUE,
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "api"}},
        "Path": {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {"RestApiId": {"Ref": "Api"}, "ParentId": root, "PathPart": "v1"},
        },
        "Method": {"Type": "AWS::ApiGateway::Method", "Properties": method},
        "Deployment": {
            "Type": "AWS::ApiGateway::Deployment",
            "DependsOn": ["Method"],
            "Properties": {"RestApiId": {"Ref": "Api"}, "StageName": "prod"},
        },
        "Key": {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Enabled": True, "Value": "k" * 24}},
        "Plan": {"Type": "AWS::ApiGateway::UsagePlan", "DependsOn": ["Deployment"], "Properties": plan},
        "PlanKey": {
            "Type": "AWS::ApiGateway::UsagePlanKey",
            "Properties": {"KeyId": {"Ref": "Key"}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": "Plan"}},
        },
    }
    made = written(tmp_path, "F", resources)
    Deployer(emulator).deploy(made, "F")
    ids = aftercare.physical_ids(emulator, "F")
    assert aftercare.apply_method_throttles(emulator, made.template("F"), ids) == 1
    url = f"{emulator.url}/_aws/execute-api/{ids['Api']}/prod/v1"
    headers = {"x-api-key": "k" * 24, "content-type": "application/json"}
    statuses = [httpx.post(url, headers=headers, content="{}").status_code for _ in range(6)]
    assert statuses[:2] == [200, 200]
    assert 429 in statuses
    assert httpx.post(url, content="{}").status_code in {401, 403}


def test_without_an_emulator_the_error_says_which_step(tmp_path: Path) -> None:
    nobody = Clients("http://127.0.0.1:9")
    with pytest.raises(DeployError, match="deploying E"):
        Deployer(nobody).deploy(written(tmp_path, "E", {"Q": QUEUE}), "E")
