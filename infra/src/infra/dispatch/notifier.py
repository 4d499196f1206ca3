"""The Lambda functions of the notifier: one zip, and for each function a role of its own."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.dispatch.buckets import LETTERS, TASKS
from infra.dispatch.functions import Batches, OwnFunction, Program, read_queue
from infra.dispatch.queues import SubscribedQueue
from infra.dispatch.table import INDEX_BY_LOOK

MEMORY_MIB = 512
LETTERS_TIMEOUT = Duration.seconds(60)  # a sixth of its queues' visibility
SWEEP_TIMEOUT = Duration.minutes(4)
SWEEP_EVERY = "rate(5 minutes)"
BATCHES = Batches(size=10)
LETTERS_HANDLER = "notifier.letters_handler.handler"
SWEEPER_HANDLER = "notifier.sweeper_handler.handler"


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
        own = function.own
        own.may("dynamodb:PutItem", on=self._places.table.table_arn)  # tasks straight from the topic
        own.may_objects("s3:GetObject", "s3:PutObject", bucket=self._places.payloads, below=LETTERS)
        for number, queue in enumerate(queues):
            # By number: queues of different runtimes have constructs of one name.
            read_queue(function.function, f"Source{number}", queue, BATCHES)
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
        sweeper.own.may("dynamodb:Query", on=f"{self._places.table.table_arn}/index/{INDEX_BY_LOOK}")
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
        self.own = own = OwnFunction(self, log_retention=log_retention)
        own.may("dynamodb:GetItem", "dynamodb:UpdateItem", on=places.table.table_arn)
        own.may("sns:Publish", on=places.notifications.topic_arn)
        own.may_objects("s3:GetObject", "s3:PutObject", bucket=places.payloads, below=TASKS)
        # Without it S3 answers AccessDenied for what is not there.
        own.may("s3:ListBucket", on=places.payloads.bucket_arn)
        # Whether an object is its own after a put without an answer, and away with it where the task is lost.
        own.may_objects("s3:GetObject", "s3:PutObject", "s3:DeleteObject", bucket=places.outputs)
        own.may_log()
        self.log_group = own.log_group
        self.function = own.run(
            Program(
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
                memory=MEMORY_MIB,
                timeout=timeout,
            )
        )
