"""The stacks of a deployment, as CloudFormation knows them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from darkroom_cli.deploying.aws import AWS_ERRORS, Aws, code_of, told, unanswered
from darkroom_cli.deploying.configuration import Document
from darkroom_cli.deploying.findings import Code, Findings

DEPLOYMENT_TAG = "darkroom:deployment"
OUTPUTS = (
    "FrontApiEndpoint",
    "GetAPIKeyCommand",
    "ConfigCommand",
    "OutputS3Bucket",
    "sdNotificationOutputArn",
    "sdNotificationLambdaARN",
)
_GONE = ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS")
_BROKEN = ("ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED")


@dataclass(frozen=True)
class Stack:
    """One stack."""

    name: str
    status: str
    outputs: dict[str, str]
    tags: dict[str, str]

    @property
    def owner(self) -> str | None:
        """The deployment that it is of."""
        return self.tags.get(DEPLOYMENT_TAG)

    @property
    def in_progress(self) -> bool:
        """Whether CloudFormation is at work on it."""
        return self.status.endswith("_IN_PROGRESS")

    @property
    def stopped_halfway(self) -> bool:
        """Whether it was left as it was when something failed, to be gone on with."""
        return self.status in ("CREATE_FAILED", "UPDATE_FAILED")


@dataclass(frozen=True)
class Names:
    """What the stacks of a deployment are called."""

    deployment: str

    @property
    def dispatch(self) -> str:
        """The one that takes tasks."""
        return f"{self.deployment}Stack"

    @property
    def observability(self) -> str:
        """The one that watches."""
        return f"{self.deployment}ObservabilityStack"

    @property
    def cluster(self) -> str:
        """The one with the VPC and the cluster."""
        return f"{self.deployment}ClusterStack"

    @property
    def cluster_name(self) -> str:
        """The EKS cluster itself."""
        return f"{self.deployment}Stack"

    def runtime(self, name: str) -> str:
        """The one of a runtime."""
        return f"{self.deployment}Runtime-{name}"

    def all(self, runtimes: list[str]) -> list[str]:
        """All of them, in the order in which they are made."""
        return [self.dispatch, self.observability, self.cluster, *map(self.runtime, runtimes)]


def find(aws: Aws, name: str) -> Stack | None:
    """Return a stack, or None.

    Raises:
        BotoCoreError, ClientError: CloudFormation does not tell.
    """
    try:
        [said] = aws["cloudformation"].describe_stacks(StackName=name)["Stacks"]
    except AWS_ERRORS as exc:
        if code_of(exc) == "ValidationError" and "does not exist" in str(exc):
            return None
        raise
    stack = _read(said)
    return None if stack.status in _GONE else stack


def find_all(aws: Aws, deployment: str) -> list[Stack]:
    """Return all stacks of a deployment, also those of runtimes that config.yaml has forgotten.

    Raises:
        BotoCoreError, ClientError: CloudFormation does not tell.
    """
    pages = aws["cloudformation"].get_paginator("describe_stacks").paginate()
    found = (_read(one) for page in pages for one in page["Stacks"])
    return [one for one in found if one.owner == deployment and one.status not in _GONE]


def _read(said: dict[str, Any]) -> Stack:
    return Stack(
        name=str(said["StackName"]),
        status=str(said["StackStatus"]),
        outputs={one["OutputKey"]: one["OutputValue"] for one in said.get("Outputs", ())},
        tags={one["Key"]: one["Value"] for one in said.get("Tags", ())},
    )


def check_stacks(aws: Aws, document: Document, findings: Findings) -> dict[str, Stack]:
    """See whether the stacks can be made or changed, and return those that there are, by name."""
    names = Names(document.stack_name)
    found: dict[str, Stack] = {}
    for name in names.all([one.name for one in document.runtimes]):
        try:
            stack = find(aws, name)
        except AWS_ERRORS as exc:
            unanswered(exc, f"how the stack {name} is", findings)
            return found
        if stack is not None:
            found[name] = stack
            _check(stack, document.stack_name, findings)
    return found


def _check(stack: Stack, deployment: str, findings: Findings) -> None:
    owner = stack.owner
    if owner != deployment:
        whose = f"belongs to the deployment {owner}" if owner else "was not made by Darkroom"
        findings.add(
            Code.FOREIGN_STACK,
            f"the stack {stack.name} is there already and {whose}: take another --stack-name",
        )
    elif stack.status == "DELETE_IN_PROGRESS":
        findings.add(
            Code.STACK_GOING,
            f"the stack {stack.name} is being deleted: wait until it is gone, and start again",
        )
    elif stack.status in _BROKEN:
        findings.add(
            Code.STACK_BROKEN,
            f"the stack {stack.name} is {stack.status}, which takes a hand: look at its events, then"
            " `npx cdk rollback` or ./darkroom destroy",
        )
    elif stack.in_progress:
        findings.warn(f"the stack {stack.name} is {stack.status}: what is under way is waited for first")


def filters_hold_at(aws: Aws, stack: str) -> datetime | None:
    """Return when a subscription of the stack was last made or changed, or None.

    Raises:
        StepError: CloudFormation does not tell.
    """
    with told("looking at the subscriptions"):
        pages = aws["cloudformation"].get_paginator("list_stack_resources").paginate(StackName=stack)
        changed = [
            one["LastUpdatedTimestamp"]
            for page in pages
            for one in page["StackResourceSummaries"]
            if one["ResourceType"] == "AWS::SNS::Subscription"
        ]
    return max(changed, default=None)


def outputs(aws: Aws, deployment: str) -> Iterator[tuple[str, str]]:
    """Return what a deployment tells about itself, by the guide's names.

    Raises:
        StepError: CloudFormation does not tell.
    """
    names = Names(deployment)
    with told("reading the outputs"):
        found = [find(aws, name) for name in (names.dispatch, names.cluster)]
    for stack in found:
        for key in OUTPUTS:
            if stack is not None and key in stack.outputs:
                yield f"{stack.name}.{key}", stack.outputs[key]
