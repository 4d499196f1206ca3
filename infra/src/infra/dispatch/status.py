"""The function that tells what became of tasks, lists them and cancels them."""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.dispatch.environment import status_environment, status_queues
from infra.dispatch.notifier import Places
from infra.dispatch.table import INDEX_BY_RUNTIME
from infra.dispatch.validator import HANDLER, PAYLOAD_FOLDER
from infra.nag import acknowledge

# It waits more than it works: a request with `?wait=20` is paid by memory and time.
MEMORY_MIB = 512
TIMEOUT = Duration.seconds(28)  # API Gateway waits 29; the longest `?wait` is 20


class StatusFunction(Construct):
    """The Lambda function behind the tasks' own paths, with a role that holds what it does and no more.

    It is not the validator's: that one's cold start stays short, polling clients take nothing of its
    concurrency where it is reserved, and neither may do what the other does.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: Path,
        places: Places,
        queues: Mapping[str, sqs.IQueue],
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        self.log_group = logs.LogGroup(
            self, "Logs", retention=log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self._allow(places.table, places.notifications, queues)
        self._allow_objects("s3:GetObject", "s3:PutObject", bucket=places.payloads, below=PAYLOAD_FOLDER)
        # Without it S3 answers AccessDenied for what is not there.
        self._may("s3:ListBucket", on=[places.payloads.bucket_arn])
        # It fetches none: who has a link does so with the rights of its signer.
        self._allow_objects("s3:GetObject", bucket=places.outputs)
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_12,
            code=lambda_.Code.from_asset(str(code)),
            handler=HANDLER,
            environment=self._environment(places, queues),
            memory_size=MEMORY_MIB,
            timeout=TIMEOUT,
            tracing=lambda_.Tracing.ACTIVE,
            log_group=self.log_group,
            role=self.role,
        )
        acknowledge(
            self.function,
            "L1",
            reason="the zip holds compiled parts for Python 3.12, which the local system's emulator runs too",
        )
        acknowledge(self.role, "IAM5[Resource::*]", reason="X-Ray's actions know no resources")

    def _environment(self, places: Places, queues: Mapping[str, sqs.IQueue]) -> dict[str, str]:
        environment = status_environment(
            tasks_table=places.table.table_name,
            notifications_topic_arn=places.notifications.topic_arn,
            payload_bucket=places.payloads.bucket_name,
            output_bucket=places.outputs.bucket_name,
            runtimes=list(queues),
        )
        named = status_queues(environment, {name: queue.queue_name for name, queue in queues.items()})
        return {**environment, "RUNTIMES": Stack.of(self).to_json_string(named)}

    def _allow(
        self, table: dynamodb.ITable, notifications: sns.ITopic, queues: Mapping[str, sqs.IQueue]
    ) -> None:
        self._may("dynamodb:GetItem", "dynamodb:UpdateItem", on=[table.table_arn])
        self._may("dynamodb:Query", on=[f"{table.table_arn}/index/{INDEX_BY_RUNTIME}"])
        self._may("sns:Publish", on=[notifications.topic_arn])
        self._may(
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
            on=[queue.queue_arn for queue in queues.values()],
        )
        self._may("logs:CreateLogStream", "logs:PutLogEvents", on=[self.log_group.log_group_arn])

    def _may(self, *actions: str, on: list[str]) -> None:
        self.role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=on))

    def _allow_objects(self, *actions: str, bucket: s3.IBucket, below: str | None = None) -> None:
        pattern = "*" if below is None else f"{below}/*"
        self._may(*actions, on=[bucket.arn_for_objects(pattern)])
        resource = bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)
        objects = f"<{Stack.of(self).get_logical_id(resource)}.Arn>/{pattern}"
        reason = "each task's payloads have names of their own, and users choose the folders of outputs"
        acknowledge(self.role, f"IAM5[Resource::{objects}]", reason=reason)
