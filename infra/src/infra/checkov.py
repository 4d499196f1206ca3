"""Checks of checkov that resources do not pass: each has its reason in the template, beside the resource."""

from collections.abc import Mapping
from typing import Final

import aws_cdk as cdk

OWN_KEY: Final = "encrypted with a key of AWS; a key of one's own costs each month and adds no reader"

Reasons = Mapping[str, Mapping[str, str]]

EVERYWHERE: Final[Reasons] = {
    "AWS::Logs::LogGroup": {"CKV_AWS_158": OWN_KEY},
    "AWS::SQS::Queue": {"CKV_AWS_27": OWN_KEY},
}
DISPATCH: Final[Reasons] = {
    "AWS::ApiGateway::Stage": {"CKV_AWS_120": "a cache would answer for tasks that nobody has taken"},
    "AWS::DynamoDB::Table": {"CKV_AWS_119": OWN_KEY},
    "AWS::Lambda::Function": {
        "CKV_AWS_115": "the API's throttle and its queues limit it; what a setting reserves, others lack",
        "CKV_AWS_116": "its caller waits for the answer, or its queue has dead letters",
        "CKV_AWS_117": "it talks to AWS only, and nothing private; a VPC would need endpoints for all of it",
        "CKV_AWS_173": "its environment holds names and limits, and no secret",
    },
    "AWS::SecretsManager::Secret": {"CKV_AWS_149": OWN_KEY},
    "AWS::S3::Bucket": {
        "CKV_AWS_18": "a log of access costs more than the objects; CloudTrail can tell who read them",
        "CKV_AWS_21": "an object is written once, under a name of its own",
    },
}
_BY_CLOUDFORMATION: Final = "only CloudFormation calls it, waits for its answer, and tells of its errors"
CLUSTER: Final[Reasons] = {
    "AWS::EKS::Cluster": {
        "CKV_AWS_58": "EKS encrypts all that its API keeps, with a key of its own, since Kubernetes 1.28",
    },
    "AWS::IAM::Policy": {
        "CKV_AWS_107": "tokens for charts in public registries are what kubectl's role needs it for",
    },
    "AWS::Lambda::Function": {
        "CKV_AWS_115": _BY_CLOUDFORMATION,
        "CKV_AWS_116": _BY_CLOUDFORMATION,
        "CKV_AWS_173": "its environment holds the name of a function and no secret",
    },
}


def accept(stack: cdk.Stack, reasons: Reasons) -> None:
    """Put reasons, and those that hold everywhere, beside the resources of a stack that is complete."""
    for construct in stack.node.find_all():
        if not isinstance(construct, cdk.CfnResource):
            continue
        type_ = construct.cfn_resource_type
        if found := {**EVERYWHERE.get(type_, {}), **reasons.get(type_, {})}:
            skipped = [{"id": check, "comment": reason} for check, reason in found.items()]
            construct.add_metadata("checkov", {"skip": skipped})
