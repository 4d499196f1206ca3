"""Acknowledging a finding of cdk-nag where the rule asks for something that we decided against."""

import aws_cdk as cdk
from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, *, reason: str) -> None:
    """Accept a finding of the AWS Solutions rules on a construct and what is below it.

    `rule` is the short name, such as `L1` or, where a rule has several findings, `IAM5[Resource::*]`.
    """
    accepted = cdk.Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason)
    cdk.Validations.of(construct).acknowledge(accepted)
