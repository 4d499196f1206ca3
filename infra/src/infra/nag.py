"""Acknowledging a finding of cdk-nag where the rule asks for something that we decided against."""

import json
from collections.abc import Iterable
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, *, reason: str) -> None:
    """Accept a finding of the AWS Solutions rules on a construct and what is below it.

    `rule` is the short name, such as `L1` or, where a rule has several findings, `IAM5[Resource::*]`.
    """
    accepted = cdk.Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason)
    cdk.Validations.of(construct).acknowledge(accepted)


def acknowledge_managed(construct: IConstruct, policies: Iterable[str], *, reason: str) -> None:
    """Accept that roles at or below a construct have policies that AWS manages, given by name."""
    for policy in policies:
        acknowledge(construct, f"IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{policy}]", reason=reason)


def acknowledge_open(
    construct: IConstruct, statements: Iterable[iam.PolicyStatement], *, reason: str
) -> None:
    """Accept that statements of a construct name resources by a pattern."""
    stack = cdk.Stack.of(construct)
    named = [_shown(stack.resolve(each)) for statement in statements for each in statement.resources]
    for resource in dict.fromkeys(named):
        if "*" in resource:
            acknowledge(construct, f"IAM5[Resource::{resource}]", reason=reason)


def acknowledge_policies(construct: IConstruct, policies: Iterable[iam.Policy], *, reason: str) -> None:
    """Accept that policies name actions and resources by patterns."""
    stack = cdk.Stack.of(construct)
    for policy in policies:
        document = stack.resolve(policy.document)
        for statement in document["Statement"]:
            for kind in ("Action", "Resource"):
                for named in _listed(statement.get(kind, [])):
                    if "*" in (shown := _shown(named)):
                        acknowledge(policy, f"IAM5[{kind}::{shown}]", reason=reason)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _shown(value: Any) -> str:
    """Return a resource as the rule's findings show it."""
    match value:
        case str():
            return value
        case {"Fn::Join": ["", parts]}:
            return "".join(_shown(part) for part in parts)
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case _:
            return json.dumps(value, separators=(",", ":"))
