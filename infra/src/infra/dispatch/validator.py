from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.dispatch.buckets import TASKS
from infra.dispatch.functions import API_HANDLER, OwnFunction, Program
from task_schema import UPLOADS

# Reading a body of some megabytes is work for the processor.
MEMORY_MIB = 1024
TIMEOUT = Duration.seconds(15)  # API Gateway waits 29


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
        reserved: int | None,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        own = OwnFunction(self, log_retention=log_retention)
        own.may("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", on=table.table_arn)
        own.may("sns:Publish", on=requests_topic.topic_arn)
        own.may_objects("s3:PutObject", bucket=payload_bucket, below=TASKS)
        # It puts none: who has its link does so with the rights of its signer.
        own.may_objects("s3:PutObject", bucket=payload_bucket, below=UPLOADS)
        own.may_log()
        self.log_group = own.log_group
        self.function = own.run(
            Program(
                code=lambda_.Code.from_asset(str(code)),
                handler=API_HANDLER,
                environment=environment,
                memory=MEMORY_MIB,
                timeout=TIMEOUT,
                reserved=reserved,
            )
        )
