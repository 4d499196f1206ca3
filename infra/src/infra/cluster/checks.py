"""Checks of checkov that resources do not pass, each with the reason: it is in the template."""

from collections.abc import Mapping
from typing import Final

import aws_cdk as cdk

OWN_KEY: Final = "encrypted with a key of the service; a key of one's own costs each month and adds no reader"
BY_CLOUDFORMATION: Final = "only CloudFormation calls it, waits for its answer, and tells of its errors"

ACCEPTED: Final[Mapping[str, Mapping[str, str]]] = {
    "AWS::EKS::Cluster": {
        "CKV_AWS_58": "EKS encrypts all that its API keeps, with a key of its own, since Kubernetes 1.28",
    },
    "AWS::IAM::Policy": {
        "CKV_AWS_107": "tokens for charts in public registries are what kubectl's role needs it for",
    },
    "AWS::Lambda::Function": {
        "CKV_AWS_115": BY_CLOUDFORMATION,
        "CKV_AWS_116": BY_CLOUDFORMATION,
        "CKV_AWS_173": "its environment holds the name of a function and no secret",
    },
    "AWS::Logs::LogGroup": {"CKV_AWS_158": OWN_KEY},
    "AWS::SQS::Queue": {"CKV_AWS_27": OWN_KEY},
}


def accept(stack: cdk.Stack) -> None:
    """Put the reasons beside the resources of a stack that is complete."""
    for construct in stack.node.find_all():
        if not isinstance(construct, cdk.CfnResource):
            continue
        reasons = ACCEPTED.get(construct.cfn_resource_type, {})
        if reasons:
            skipped = [{"id": check, "comment": reason} for check, reason in reasons.items()]
            construct.add_metadata("checkov", {"skip": skipped})
