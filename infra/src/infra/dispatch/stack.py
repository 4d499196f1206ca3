import aws_cdk as cdk
from constructs import Construct

from infra.artifacts import Zips
from infra.config import Config
from infra.dispatch.api import DispatchApi
from infra.dispatch.buckets import PAYLOAD_DAYS, PrivateBucket
from infra.dispatch.environment import validator_environment
from infra.dispatch.functions import behind_the_api, run_on
from infra.dispatch.notifier import Notifier, Places
from infra.dispatch.queues import LETTER_VISIBILITY, SubscribedQueue, for_none_of, only_for
from infra.dispatch.status import StatusFunction
from infra.dispatch.table import TasksTable
from infra.dispatch.topics import TaskTopic
from infra.dispatch.validator import ValidatorFunction
from infra.dispatch.webhooks import Webhooks
from infra.retention import RETENTION


class DispatchStack(cdk.Stack):
    """What takes a task from its request to the queue of its runtime (DESIGN 2 and 8).

    It belongs to no account and no region, and only holds resource types that the emulator of the local
    system knows, so that one template serves both.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, zips: Zips) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=construct_id,  # in a stage of a pipeline too
            description="Darkroom: dispatch of image generation tasks",
            analytics_reporting=False,
        )
        self._log_retention = RETENTION[config.observability.log_retention_days]
        self.table = TasksTable(self, "Tasks").table
        self.output_bucket = PrivateBucket(self, "Outputs").bucket
        self.payload_bucket = PrivateBucket(self, "Payloads", expire_after_days=PAYLOAD_DAYS).bucket
        self.requests = TaskTopic(self, "Requests", display_name="Darkroom requests").topic
        self.notifications = TaskTopic(self, "Notifications", display_name="Darkroom notifications").topic
        self.queues = self._runtime_queues(config)
        self.unrouted = SubscribedQueue(
            self,
            "Unrouted",
            topic=self.requests,
            filter_policy=for_none_of(list(self.queues)),
            visibility=LETTER_VISIBILITY,
        )
        self.validator = self._validator(config, zips)
        self.notifier = self._notifier(zips)
        self.status = self._status(config, zips)
        self.webhooks = Webhooks(
            self,
            "Webhooks",
            code=zips.notifier,
            settings=config.webhooks,
            table=self.table,
            payloads=self.payload_bucket,
            notifications=self.notifications,
            log_retention=self._log_retention,
        )
        self.front = DispatchApi(
            self,
            "Front",
            settings=config.apigw,
            validator=behind_the_api(self.validator, self.validator.function, config.functions),
            status=behind_the_api(self.status, self.status.function, config.functions),
            log_retention=self._log_retention,
        )
        run_on(config.functions.architecture, self)
        for name, value in self._outputs().items():
            cdk.CfnOutput(self, name, value=value)

    def _runtime_queues(self, config: Config) -> dict[str, SubscribedQueue]:
        scope = Construct(self, "Runtimes")
        return {
            runtime.name: SubscribedQueue(
                scope, runtime.name, topic=self.requests, filter_policy=only_for(runtime.name)
            )
            for runtime in config.models_runtime
        }

    def _validator(self, config: Config, zips: Zips) -> ValidatorFunction:
        environment = validator_environment(
            tasks_table=self.table.table_name,
            requests_topic_arn=self.requests.topic_arn,
            payload_bucket=self.payload_bucket.bucket_name,
            output_bucket=self.output_bucket.bucket_name,
            deployment=config.deployment,
            fair_queues=config.apigw.fair_queues,
        )
        return ValidatorFunction(
            self,
            "Validator",
            code=zips.validator,
            environment=environment,
            table=self.table,
            requests_topic=self.requests,
            payload_bucket=self.payload_bucket,
            reserved=config.functions.validator_concurrency,
            log_retention=self._log_retention,
        )

    def _status(self, config: Config, zips: Zips) -> StatusFunction:
        return StatusFunction(
            self,
            "Status",
            code=zips.status,
            places=Places(self.table, self.notifications, self.payload_bucket, self.output_bucket),
            queues={name: subscribed.queue for name, subscribed in self.queues.items()},
            reserved=config.functions.status_concurrency,
            log_retention=self._log_retention,
        )

    def _notifier(self, zips: Zips) -> Notifier:
        return Notifier(
            self,
            "Notifier",
            code=zips.notifier,
            places=Places(self.table, self.notifications, self.payload_bucket, self.output_bucket),
            queues=self.queues,
            unrouted=self.unrouted,
            log_retention=self._log_retention,
        )

    def _outputs(self) -> dict[str, str]:
        """Return the outputs: operators, the local system and the guide's commands know these names."""
        key_id = self.front.key.key_id
        queue_urls = {name: subscribed.queue.queue_url for name, subscribed in self.queues.items()}
        return {
            "FrontApiEndpoint": self.front.stage.url_for_path("/"),
            "GetAPIKeyCommand": (
                f"aws apigateway get-api-keys --query 'items[?id==`{key_id}`].value'"
                " --include-values --output text"
            ),
            "RestApiId": self.front.api.rest_api_id,
            "StageName": self.front.stage.stage_name,
            "ApiKeyId": key_id,
            "OutputS3Bucket": self.output_bucket.bucket_name,
            "PayloadBucket": self.payload_bucket.bucket_name,
            "sdNotificationOutputArn": self.notifications.topic_arn,
            "sdNotificationLambdaARN": self.requests.topic_arn,
            "TasksTable": self.table.table_name,
            "RuntimeQueues": self.to_json_string(queue_urls),
            "UnroutedQueueUrl": self.unrouted.queue.queue_url,
            "ValidatorFunctionName": self.validator.function.function_name,
            "SweeperFunctionName": self.notifier.sweeper.function.function_name,
            "WebhooksFunctionName": self.webhooks.function.function_name,
            "WebhookSecret": self.webhooks.secret,
            "WebhookDeadLettersUrl": self.webhooks.dead_letters.queue_url,
        }
