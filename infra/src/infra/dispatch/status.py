"""The function that tells what became of tasks, lists them and cancels them."""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.dispatch.buckets import TASKS
from infra.dispatch.environment import status_environment, status_queues
from infra.dispatch.functions import API_HANDLER, OwnFunction, Program
from infra.dispatch.notifier import Places
from infra.dispatch.table import INDEX_BY_RUNTIME

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
        reserved: int | None,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        own = OwnFunction(self, log_retention=log_retention)
        own.may("dynamodb:GetItem", "dynamodb:UpdateItem", on=places.table.table_arn)
        own.may("dynamodb:Query", on=f"{places.table.table_arn}/index/{INDEX_BY_RUNTIME}")
        own.may("sns:Publish", on=places.notifications.topic_arn)
        own.may(
            "sqs:GetQueueAttributes", "sqs:GetQueueUrl", on=[queue.queue_arn for queue in queues.values()]
        )
        own.may_log()
        own.may_objects("s3:GetObject", "s3:PutObject", bucket=places.payloads, below=TASKS)
        # Without it S3 answers AccessDenied for what is not there.
        own.may("s3:ListBucket", on=places.payloads.bucket_arn)
        # It fetches none: who has a link does so with the rights of its signer.
        own.may_objects("s3:GetObject", bucket=places.outputs)
        self.log_group = own.log_group
        self.function = own.run(
            Program(
                code=lambda_.Code.from_asset(str(code)),
                handler=API_HANDLER,
                environment=self._environment(places, queues),
                memory=MEMORY_MIB,
                timeout=TIMEOUT,
                reserved=reserved,
            )
        )

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
