from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.nag import acknowledge

# Lambda gives processor time by memory, and reading a body of some megabytes is work for the processor.
MEMORY_MIB = 1024
TIMEOUT = Duration.seconds(15)  # API Gateway waits 29
HANDLER = "lambda_function.handler"  # Pants names it so in each zip
PAYLOAD_FOLDER = "tasks"  # claim checks are at tasks/<submission>/


class ValidatorFunction(Construct):
    """The Lambda function behind the API, with a role that holds what it does and no more."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: Path,
        environment: Mapping[str, str],
        table: dynamodb.ITable,
        requests_topic: sns.ITopic,
        payload_bucket: s3.IBucket,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        self.log_group = logs.LogGroup(
            self, "Logs", retention=log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        _grant(self.role, table.table_arn, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
        _grant(self.role, requests_topic.topic_arn, "sns:Publish")
        _grant(self.role, payload_bucket.arn_for_objects(f"{PAYLOAD_FOLDER}/*"), "s3:PutObject")
        # The ARN ends in `:*`, which stands for the group's streams.
        _grant(self.role, self.log_group.log_group_arn, "logs:CreateLogStream", "logs:PutLogEvents")
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_12,
            code=lambda_.Code.from_asset(str(code)),
            handler=HANDLER,
            environment=dict(environment),
            memory_size=MEMORY_MIB,
            timeout=TIMEOUT,
            tracing=lambda_.Tracing.ACTIVE,
            log_group=self.log_group,
            role=self.role,
        )
        self._acknowledge(payload_bucket)

    def _acknowledge(self, payload_bucket: s3.IBucket) -> None:
        acknowledge(
            self.function,
            "L1",
            reason="the zip holds compiled parts for Python 3.12, which the local system's emulator runs too",
        )
        acknowledge(self.role, "IAM5[Resource::*]", reason="X-Ray's actions know no resources")
        resource = payload_bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)
        objects = f"<{Stack.of(self).get_logical_id(resource)}.Arn>/{PAYLOAD_FOLDER}/*"
        acknowledge(
            self.role,
            f"IAM5[Resource::{objects}]",
            reason="each task's payload has a name of its own; no other folder of the bucket is open",
        )


def _grant(role: iam.Role, resource: str, *actions: str) -> None:
    role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=[resource]))
