"""How every function is made: its log, its role with what it does and no more, its program, its queues."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct, IConstruct

from infra.configuration.functions import Functions
from infra.nag import acknowledge

ALIAS = "live"
API_HANDLER = "lambda_function.handler"  # Pants names it so in each zip


@dataclass(frozen=True, kw_only=True)
class Program:
    """What a function runs, and what it is given for that.

    `memory` is in MiB; Lambda gives processor time by it. `reserved` is how many may run at once, taken from
    what the account has for all functions; None for what is left of that.
    """

    code: lambda_.Code
    handler: str
    environment: Mapping[str, str]
    memory: int
    timeout: Duration
    reserved: int | None = None


class OwnFunction:
    """The parts of one function, below a construct that it is alone in: `Logs`, `Role`, then `Function`.

    It is no construct itself, so that it adds nothing to the parts' paths, which their names come from.
    """

    def __init__(self, scope: Construct, *, log_retention: logs.RetentionDays) -> None:
        self._scope = scope
        self.log_group = logs.LogGroup(
            scope, "Logs", retention=log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        self.role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))

    def may(self, *actions: str, on: str | Sequence[str]) -> None:
        """Allow actions on resources."""
        resources = [on] if isinstance(on, str) else list(on)
        self.role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=resources))

    def may_objects(self, *actions: str, bucket: s3.IBucket, below: str | None = None) -> None:
        """Allow actions on the objects of a bucket, or of one folder in it."""
        pattern = "*" if below is None else f"{below}/*"
        self.may(*actions, on=bucket.arn_for_objects(pattern))
        resource = bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)
        objects = f"<{Stack.of(self._scope).get_logical_id(resource)}.Arn>/{pattern}"
        reason = "objects have names of their own, and users choose the folders of outputs"
        acknowledge(self.role, f"IAM5[Resource::{objects}]", reason=reason)

    def may_log(self) -> None:
        """Allow writing into its log; the group's ARN ends in `:*`, which stands for its streams."""
        self.may("logs:CreateLogStream", "logs:PutLogEvents", on=self.log_group.log_group_arn)

    def run(self, program: Program) -> lambda_.Function:
        """Make the function."""
        function = lambda_.Function(
            self._scope,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_12,
            code=program.code,
            handler=program.handler,
            environment=dict(program.environment),
            memory_size=program.memory,
            timeout=program.timeout,
            reserved_concurrent_executions=program.reserved,
            tracing=lambda_.Tracing.ACTIVE,
            log_group=self.log_group,
            role=self.role,
        )
        acknowledge(
            function,
            "L1",
            reason="the zip holds compiled parts for Python 3.12, which the local system's emulator runs too",
        )
        acknowledge(self.role, "IAM5[Resource::*]", reason="X-Ray's actions know no resources")
        return function


@dataclass(frozen=True, kw_only=True)
class Batches:
    """How a function gets the messages of a queue: `window` waits for more, `most` is of batches at once."""

    size: int
    window: Duration | None = None
    most: int | None = None


def read_queue(function: lambda_.Function, name: str, queue: sqs.IQueue, batches: Batches) -> None:
    """Let a function read a queue; it reports which messages of a batch failed. `name` is the source's."""
    assert function.role is not None
    queue.grant_consume_messages(function.role)
    function.add_event_source_mapping(
        name,
        event_source_arn=queue.queue_arn,
        batch_size=batches.size,
        max_batching_window=batches.window,
        max_concurrency=batches.most,
        report_batch_item_failures=True,
    )


def run_on(architecture: str, scope: IConstruct) -> None:
    """Let all functions at or below a construct run on an architecture; their zips have to be for it."""
    for construct in scope.node.find_all():
        if isinstance(construct, lambda_.CfnFunction):
            construct.architectures = [architecture]


def behind_the_api(scope: Construct, function: lambda_.Function, settings: Functions) -> lambda_.IFunction:
    """Return what the API calls: the function, or with SnapStart the alias of its newest version.

    Only versions start from a snapshot.
    """
    if not settings.snap_start:
        return function
    resource = function.node.default_child
    assert isinstance(resource, lambda_.CfnFunction)
    resource.snap_start = lambda_.CfnFunction.SnapStartProperty(apply_on="PublishedVersions")
    return lambda_.Alias(scope, "Live", alias_name=ALIAS, version=function.current_version)
