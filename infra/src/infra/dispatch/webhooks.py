"""What posts webhooks: queues, the function that reads them, and the secret that it signs with."""

import json
import string
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.config import Webhooks as Settings
from infra.dispatch.buckets import TASKS
from infra.dispatch.functions import Batches, OwnFunction, Program, read_queue
from infra.dispatch.queues import LETTER_VISIBILITY, MAX_RECEIVE_COUNT, SubscribedQueue, kept_queue
from infra.nag import acknowledge

HANDLER = "notifier.webhooks_handler.handler"
MEMORY_MIB = 1024  # half a processor: a batch has as many TLS handshakes as webhooks
TIMEOUT = Duration.seconds(60)  # a sixth of its queues' visibility
# All of a batch are tried at once, so that one receiver that hangs holds up its batch by 3 s and no more.
# A second is the least that Lambda waits for more than ten.
FIRST_TRIES = Batches(size=50, window=Duration.seconds(1))
# Receivers that fail cannot use up what first tries need.
LATER_TRIES = replace(FIRST_TRIES, most=5)
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
        payloads: s3.IBucket,
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
        own = OwnFunction(self, log_retention=log_retention)
        own.may("dynamodb:GetItem", on=table.table_arn)
        own.may("secretsmanager:GetSecretValue", on=secret_arn)
        # Callbacks of tasks whose id was used again. Without ListBucket, S3 would not say that there is none.
        own.may_objects("s3:GetObject", bucket=payloads, below=TASKS)
        own.may("s3:ListBucket", on=payloads.bucket_arn)
        own.may_log()
        for queue in (self.retries, self.dead_letters):
            own.may("sqs:SendMessage", on=queue.queue_arn)
        self.log_group = own.log_group
        self.function = own.run(
            Program(
                code=lambda_.Code.from_asset(str(code)),
                handler=HANDLER,
                environment=self._environment(table, payloads, settings),
                memory=MEMORY_MIB,
                timeout=TIMEOUT,
            )
        )
        # What the topic could not deliver is a first try as well, late.
        for queue in (self.first.queue, self.first.undelivered):
            read_queue(self.function, f"Of{queue.node.id}", queue, FIRST_TRIES)
        read_queue(self.function, f"Of{self.retries.node.id}", self.retries, LATER_TRIES)

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

    def _environment(
        self, table: dynamodb.ITable, payloads: s3.IBucket, settings: Settings
    ) -> dict[str, str]:
        return {
            "TASKS_TABLE": table.table_name,
            "PAYLOAD_BUCKET": payloads.bucket_name,
            "WEBHOOK_RETRY_QUEUE_URL": self.retries.queue_url,
            "WEBHOOK_DEAD_LETTERS_URL": self.dead_letters.queue_url,
            "WEBHOOK_SECRET": self.secret,
            "WEBHOOK_HOSTS": _listed(settings.hosts),
            "WEBHOOK_DELAYS": _listed(settings.retry_delays),
            "POWERTOOLS_SERVICE_NAME": "notifier",
            "POWERTOOLS_LOG_LEVEL": "INFO",
        }


def _listed(values: Sequence[object]) -> str:
    return json.dumps(values, separators=(",", ":"))
