"""Stands in for the CDK app: writes an assembly with a small stack that has the dispatch stack's outputs."""

import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import Any

STACK = "sdoneksStack"
RUNTIMES = ("sdruntime", "sddynamic", "comfyruntime")
HANDLER = Path(__file__).with_name("function.py").read_text()


def template(key: str) -> dict[str, Any]:
    """Return the template; `key` is the place of the function's code."""
    bucket = {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"}
    resources: dict[str, Any] = {
        "Role": _role(),
        "Validator": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.12",
                "Handler": "function.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Timeout": 15,
                "Code": {"S3Bucket": bucket, "S3Key": key},
                "Environment": {"Variables": {"TOPIC": {"Ref": "Requests"}}},
            },
        },
        "Requests": {"Type": "AWS::SNS::Topic"},
        "Notifications": {"Type": "AWS::SNS::Topic"},
        "Unrouted": {"Type": "AWS::SQS::Queue"},
        "Outputs": {"Type": "AWS::S3::Bucket"},
        "Payloads": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "LifecycleConfiguration": {
                    "Rules": [{"Status": "Enabled", "ExpirationInDays": 30, "Prefix": "tasks/"}]
                }
            },
        },
        "Tasks": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "TimeToLiveSpecification": {"AttributeName": "expires_on", "Enabled": True},
            },
        },
    }
    for name in RUNTIMES:
        # Short: an agent that is killed leaves a poll behind that takes the next message.
        resources[f"Queue{name}"] = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 2}}
        resources[f"Subscription{name}"] = {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": {"Ref": "Requests"},
                "Protocol": "sqs",
                "Endpoint": {"Fn::GetAtt": [f"Queue{name}", "Arn"]},
                "RawMessageDelivery": True,
                "FilterPolicy": {"runtime": [name]},
            },
        }
    resources |= _api()
    return {
        "Parameters": {
            "BootstrapVersion": {
                "Type": "AWS::SSM::Parameter::Value<String>",
                "Default": "/cdk-bootstrap/hnb659fds/version",
            }
        },
        "Resources": resources,
        "Outputs": {name: {"Value": value} for name, value in _outputs().items()},
    }


def _outputs() -> dict[str, Any]:
    pieces: list[Any] = []
    for name in RUNTIMES:
        pieces += [f'{"," if pieces else "{"}"{name}":"', {"Ref": f"Queue{name}"}, '"']
    return {
        "RestApiId": {"Ref": "Api"},
        "StageName": {"Ref": "Stage"},
        "ApiKeyId": {"Ref": "Key"},
        "OutputS3Bucket": {"Ref": "Outputs"},
        "PayloadBucket": {"Ref": "Payloads"},
        "TasksTable": {"Ref": "Tasks"},
        "sdNotificationOutputArn": {"Ref": "Notifications"},
        "sdNotificationLambdaARN": {"Ref": "Requests"},
        "RuntimeQueues": {"Fn::Join": ["", [*pieces, "}"]]},
        "UnroutedQueueUrl": {"Ref": "Unrouted"},
        "ValidatorFunctionName": {"Ref": "Validator"},
    }


def _role() -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": document}}


def _api() -> dict[str, Any]:
    uri = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Validator.Arn}/invocations"
    resources: dict[str, Any] = {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "standin"}},
        "Deployment": {
            "Type": "AWS::ApiGateway::Deployment",
            "DependsOn": ["Methodv1alpha1", "Methodv1alpha2"],
            "Properties": {"RestApiId": {"Ref": "Api"}},
        },
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {
                "RestApiId": {"Ref": "Api"},
                "DeploymentId": {"Ref": "Deployment"},
                "StageName": "prod",
            },
        },
        "Key": {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Enabled": True}},
        "Plan": {
            "Type": "AWS::ApiGateway::UsagePlan",
            "Properties": {"ApiStages": [{"ApiId": {"Ref": "Api"}, "Stage": {"Ref": "Stage"}}]},
        },
        "PlanKey": {
            "Type": "AWS::ApiGateway::UsagePlanKey",
            "Properties": {"KeyId": {"Ref": "Key"}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": "Plan"}},
        },
    }
    for version in ("v1alpha1", "v1alpha2"):
        resources[f"Resource{version}"] = {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {
                "RestApiId": {"Ref": "Api"},
                "ParentId": {"Fn::GetAtt": ["Api", "RootResourceId"]},
                "PathPart": version,
            },
        }
        resources[f"Method{version}"] = {
            "Type": "AWS::ApiGateway::Method",
            "Properties": {
                "RestApiId": {"Ref": "Api"},
                "ResourceId": {"Ref": f"Resource{version}"},
                "HttpMethod": "POST",
                "AuthorizationType": "NONE",
                "ApiKeyRequired": True,
                "Integration": {
                    "Type": "AWS_PROXY",
                    "IntegrationHttpMethod": "POST",
                    "Uri": {"Fn::Sub": uri},
                },
            },
        }
    return resources


def main() -> None:
    """Write the assembly where the CDK app would."""
    folder = Path(os.environ["CDK_OUTDIR"])
    assert Path(os.environ["CDK_CONFIG_PATH"]).read_text().startswith("#")
    code = folder / "asset.zip"
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr(zipfile.ZipInfo("function.py"), HANDLER)
    key = hashlib.sha256(code.read_bytes()).hexdigest() + ".zip"
    asset = {
        "source": {"path": code.name, "packaging": "file"},
        "destinations": {
            "here": {
                "bucketName": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}",
                "objectKey": key,
            }
        },
    }
    (folder / f"{STACK}.assets.json").write_text(json.dumps({"files": {"code": asset}}))
    (folder / f"{STACK}.template.json").write_text(json.dumps(template(key)))
    (folder / "manifest.json").write_text("{}")
    with Path("made").open("a") as made:
        made.write("once\n")


if __name__ == "__main__":
    main()
