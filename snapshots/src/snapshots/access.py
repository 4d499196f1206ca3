"""The role of the instance: it may talk to Systems Manager and read from ECR, and nothing else."""

import json
from collections.abc import Callable

from snapshots.aws import Aws, tag_list
from snapshots.failures import AWS_ERRORS, code_of, step
from snapshots.undo import UndoStack

POLICIES = ("AmazonSSMManagedInstanceCore", "AmazonEC2ContainerRegistryReadOnly")


def make_profile(aws: Aws, *, name: str, tags: dict[str, str], undo: UndoStack) -> str:
    """Make a role and an instance profile of that name, and return the profile's name.

    Raises:
        StepError: IAM refused.
    """
    principal = f"ec2.{aws.dns_suffix}"
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"},
        ],
    }
    with step("making the instance's role"):
        undo.push("IAM role", name, lambda: _remove_role(aws, name))
        aws.iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps(trust),
            Description="Builds a snapshot of container images; removed afterwards",
            Tags=tag_list(tags),
        )
        for policy in POLICIES:
            aws.iam.attach_role_policy(RoleName=name, PolicyArn=_arn(aws, policy))
    with step("making the instance profile"):
        undo.push("instance profile", name, lambda: _remove_profile(aws, name))
        aws.iam.create_instance_profile(InstanceProfileName=name, Tags=tag_list(tags))
        aws.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    return name


def _remove_role(aws: Aws, name: str) -> None:
    for policy in POLICIES:
        _content(lambda policy=policy: aws.iam.detach_role_policy(RoleName=name, PolicyArn=_arn(aws, policy)))  # type: ignore[misc]
    _content(lambda: aws.iam.delete_role(RoleName=name))


def _remove_profile(aws: Aws, name: str) -> None:
    try:
        roles = aws.iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]
    except AWS_ERRORS as exc:
        if code_of(exc) == "NoSuchEntity":
            return
        raise
    if roles:
        _content(lambda: aws.iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name))
    _content(lambda: aws.iam.delete_instance_profile(InstanceProfileName=name))


def _content(call: Callable[[], object]) -> None:
    """Make a call that removes something; that it is not there is as good."""
    try:
        call()
    except AWS_ERRORS as exc:
        if code_of(exc) != "NoSuchEntity":
            raise


def _arn(aws: Aws, policy: str) -> str:
    return f"arn:{aws.partition}:iam::aws:policy/{policy}"
