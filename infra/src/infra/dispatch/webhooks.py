"""What posts webhooks: queues, the function that reads them, and the secret that it signs with."""

import json
import string
from collections.abc import Sequence
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.config import Webhooks as Settings
from infra.dispatch.queues import LETTER_VISIBILITY, MAX_RECEIVE_COUNT, SubscribedQueue, kept_queue
from infra.nag import acknowledge

HANDLER = "notifier.webhooks_handler.handler"
MEMORY_MIB = 1024  # half a processor: a batch has as many TLS handshakes as webhooks
TIMEOUT = Duration.seconds(60)  # a sixth of its queues' visibility
# All of a batch are tried at once, so that one receiver that hangs holds up its batch by 3 s and no more.
BATCH = 50
BATCHING_WINDOW = Duration.seconds(1)  # the least that Lambda takes for more than ten
# Receivers that fail cannot use up what first tries need.
RETRY_CONCURRENCY = 5
ASKED_FOR = {"callback": ["true"]}
# The letters and digits of base64, four times eight of them: 24 bytes, as Standard Webhooks asks for.
SECRET_CHARACTERS = 32


class Webhooks(Construct):
    """Posts the notifications of those tasks that name a receiver (DESIGN 4.3).

    `first` has the queue of first tries, `retries` is that of later ones, `dead_letters` that of webhooks
    that nobody took. `secret` is the ARN or the name of what they are signed with.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: Path,
        settings: Settings,
        table: dynamodb.ITable,
        notifications: sns.ITopic,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        self.first = SubscribedQueue(
            self, "First", topic=notifications, filter_policy=ASKED_FOR, visibility=LETTER_VISIBILITY
        )
        self.dead_letters = self.first.dead_letters
        self.retries = kept_queue(
            self,
            "Retries",
            visibility_timeout=LETTER_VISIBILITY,
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=MAX_RECEIVE_COUNT
            ),
        )
        self.secret, secret_arn = self._secret(settings.secret)
        self.log_group = logs.LogGroup(
            self, "Logs", retention=log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self._may("dynamodb:GetItem", on=table.table_arn)
        self._may("secretsmanager:GetSecretValue", on=secret_arn)
        self._may("logs:CreateLogStream", "logs:PutLogEvents", on=self.log_group.log_group_arn)
        for queue in (self.retries, self.dead_letters):
            self._may("sqs:SendMessage", on=queue.queue_arn)
        self.function = self._function(code, table, settings.hosts)
        # What the topic could not deliver is a first try as well, late.
        self._reads([self.first.queue, self.first.undelivered])
        self._reads([self.retries], most=RETRY_CONCURRENCY)

    def _secret(self, name: str | None) -> tuple[str, str]:
        """Return what the function asks for and what its role may read: a secret by name, or a new one."""
        if name is not None:
            named = secretsmanager.Secret.from_secret_name_v2(self, "Secret", name)
            # Secrets Manager ends each ARN with six characters of its own.
            return name, f"{named.secret_arn}-??????"
        made = secretsmanager.Secret(
            self,
            "Secret",
            description="Darkroom: what webhooks are signed with",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                # By name, since the local system's emulator does not know `ExcludePunctuation`.
                exclude_characters=string.punctuation,
                password_length=SECRET_CHARACTERS,
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(
            made,
            "SMG4",
            reason="receivers have to know a new secret first: it is replaced by hand, both in use meanwhile",
        )
        return made.secret_arn, made.secret_arn

    def _function(self, code: Path, table: dynamodb.ITable, hosts: Sequence[str]) -> lambda_.Function:
        function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_12,
            code=lambda_.Code.from_asset(str(code)),
            handler=HANDLER,
            environment={
                "TASKS_TABLE": table.table_name,
                "WEBHOOK_RETRY_QUEUE_URL": self.retries.queue_url,
                "WEBHOOK_DEAD_LETTERS_URL": self.dead_letters.queue_url,
                "WEBHOOK_SECRET": self.secret,
                "WEBHOOK_HOSTS": json.dumps(list(hosts), separators=(",", ":")),
                "POWERTOOLS_SERVICE_NAME": "notifier",
                "POWERTOOLS_LOG_LEVEL": "INFO",
            },
            memory_size=MEMORY_MIB,
            timeout=TIMEOUT,
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

    def _may(self, *actions: str, on: str) -> None:
        self.role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=[on]))

    def _reads(self, queues: Sequence[sqs.Queue], *, most: int | None = None) -> None:
        """Let the function read queues, with at most so many batches at once."""
        for queue in queues:
            queue.grant_consume_messages(self.role)
            self.function.add_event_source_mapping(
                f"Of{queue.node.id}",
                event_source_arn=queue.queue_arn,
                batch_size=BATCH,
                max_batching_window=BATCHING_WINDOW,
                max_concurrency=most,
                report_batch_item_failures=True,
            )
