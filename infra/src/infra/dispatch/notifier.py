"""The Lambda functions of the notifier: one zip, and for each function a role of its own."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.dispatch.queues import SubscribedQueue
from infra.dispatch.table import INDEX_BY_LOOK
from infra.nag import acknowledge

MEMORY_MIB = 512
LETTERS_TIMEOUT = Duration.seconds(60)  # a sixth of its queues' visibility
SWEEP_TIMEOUT = Duration.minutes(4)
SWEEP_EVERY = "rate(5 minutes)"
BATCH = 10
LETTERS_HANDLER = "notifier.letters_handler.handler"
SWEEPER_HANDLER = "notifier.sweeper_handler.handler"
TASKS = "tasks"  # folder of what is too large for a row
KEPT = "dead-letters"  # folder of the letters themselves


@dataclass(frozen=True)
class Places:
    """Where tasks are kept, told and stored."""

    table: dynamodb.ITable
    notifications: sns.ITopic
    payloads: s3.IBucket
    outputs: s3.IBucket


class Notifier(Construct):
    """What ends the tasks that no agent ends: by dead letters, and by a look at the table every few minutes.

    `letters` are the functions for the former by what they settle, `sweeper` is the one for the latter.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: Path,
        places: Places,
        queues: Mapping[str, SubscribedQueue],
        unrouted: SubscribedQueue,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        self._log_retention = log_retention
        self._code = lambda_.Code.from_asset(str(code))
        self._places = places
        runtimes = json.dumps(list(queues), separators=(",", ":"))
        self.letters = {
            "dead": self._letters("Dead", "dead", [each.dead_letters for each in queues.values()]),
            "undelivered": self._letters(
                "Undelivered", "undelivered", [each.undelivered for each in queues.values()]
            ),
            "unrouted": self._letters(
                "Unrouted",
                "unrouted",
                [unrouted.queue, unrouted.dead_letters, unrouted.undelivered],
                runtimes=runtimes,
            ),
        }
        self.sweeper = self._sweeper()

    def _letters(
        self, name: str, kind: str, queues: Sequence[sqs.IQueue], *, runtimes: str | None = None
    ) -> "NotifierFunction":
        """Add the function that settles the messages of some queues."""
        environment = {"LETTERS": kind} | ({} if runtimes is None else {"RUNTIMES": runtimes})
        function = NotifierFunction(
            self,
            name,
            code=self._code,
            handler=LETTERS_HANDLER,
            timeout=LETTERS_TIMEOUT,
            environment=environment,
            places=self._places,
            log_retention=self._log_retention,
        )
        function.may("dynamodb:PutItem", on=self._places.table.table_arn)  # tasks straight from the topic
        function.may_objects("s3:GetObject", "s3:PutObject", bucket=self._places.payloads, below=KEPT)
        for number, queue in enumerate(queues):
            queue.grant_consume_messages(function.role)
            # Named by number: the scope of a queue's own construct would not do for those of two functions.
            function.function.add_event_source_mapping(
                f"Source{number}",
                event_source_arn=queue.queue_arn,
                batch_size=BATCH,
                report_batch_item_failures=True,
            )
        return function

    def _sweeper(self) -> "NotifierFunction":
        sweeper = NotifierFunction(
            self,
            "Sweeper",
            code=self._code,
            handler=SWEEPER_HANDLER,
            timeout=SWEEP_TIMEOUT,
            environment={},
            places=self._places,
            log_retention=self._log_retention,
        )
        sweeper.may("dynamodb:Query", on=f"{self._places.table.table_arn}/index/{INDEX_BY_LOOK}")
        rule = events.CfnRule(
            self,
            "EveryFewMinutes",
            schedule_expression=SWEEP_EVERY,
            targets=[
                events.CfnRule.TargetProperty(
                    id="sweeper",
                    arn=sweeper.function.function_arn,
                    # The next tick comes soon; one that could not start is not worth a later one.
                    retry_policy=events.CfnRule.RetryPolicyProperty(maximum_retry_attempts=0),
                )
            ],
        )
        sweeper.function.add_permission(
            "Schedule",
            principal=iam.ServicePrincipal("events.amazonaws.com"),
            source_arn=rule.attr_arn,
        )
        return sweeper


class NotifierFunction(Construct):
    """One function with its role, which holds what every one of them does: end tasks, and tell it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        handler: str,
        timeout: Duration,
        environment: Mapping[str, str],
        places: Places,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        self.log_group = logs.LogGroup(
            self, "Logs", retention=log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.may("dynamodb:GetItem", "dynamodb:UpdateItem", on=places.table.table_arn)
        self.may("sns:Publish", on=places.notifications.topic_arn)
        self.may_objects("s3:GetObject", "s3:PutObject", bucket=places.payloads, below=TASKS)
        # Without it S3 answers AccessDenied for what is not there.
        self.may("s3:ListBucket", on=places.payloads.bucket_arn)
        # Whether an object is its own after a put without an answer, and away with it where the task is lost.
        self.may_objects("s3:GetObject", "s3:PutObject", "s3:DeleteObject", bucket=places.outputs)
        self.may("logs:CreateLogStream", "logs:PutLogEvents", on=self.log_group.log_group_arn)
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_12,
            code=code,
            handler=handler,
            environment={
                "TASKS_TABLE": places.table.table_name,
                "NOTIFICATIONS_TOPIC_ARN": places.notifications.topic_arn,
                "PAYLOAD_BUCKET": places.payloads.bucket_name,
                "OUTPUT_BUCKET": places.outputs.bucket_name,
                "POWERTOOLS_SERVICE_NAME": "notifier",
                "POWERTOOLS_LOG_LEVEL": "INFO",
                **environment,
            },
            memory_size=MEMORY_MIB,
            timeout=timeout,
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

    def may(self, *actions: str, on: str) -> None:
        """Allow actions on one resource."""
        self.role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=[on]))

    def may_objects(self, *actions: str, bucket: s3.IBucket, below: str | None = None) -> None:
        """Allow actions on the objects of a bucket, or of one folder in it."""
        pattern = "*" if below is None else f"{below}/*"
        self.may(*actions, on=bucket.arn_for_objects(pattern))
        resource = bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)
        objects = f"<{Stack.of(self).get_logical_id(resource)}.Arn>/{pattern}"
        reason = "tasks and letters have objects of their own names, and users choose the folders of outputs"
        acknowledge(self.role, f"IAM5[Resource::{objects}]", reason=reason)
