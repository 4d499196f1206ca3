import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.config import Config
from infra.dispatch.stack import DispatchStack
from infra.observability.alarms import AlarmBook
from infra.observability.counted import LogCounts
from infra.observability.dashboard import OperatorsDashboard, WebhookQueues
from infra.observability.dispatch_alarms import (
    TABLE_OPERATIONS,
    api_watches,
    function_errors,
    letter_watches,
    notifier_watches,
    status_watches,
    throttled,
    validator_watches,
)
from infra.observability.metrics import ApiMetrics, RuntimeMetrics
from infra.observability.recipients import Recipients
from infra.observability.runtime_alarms import runtime_watches
from infra.observability.tracing import TracingRules
from infra.observability.webhook_alarms import webhook_watches
from infra.retention import RETENTION


class ObservabilityStack(cdk.Stack):
    """Rules of tracing, alarms and the dashboard of a deployment (DESIGN 6 and 8).

    It reads the dispatch stack's outputs when it is deployed (`Fn::GetStackOutput`), and nothing holds the
    dispatch stack to it: a runtime can be removed there first.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, dispatch: DispatchStack
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=construct_id,  # in a stage of a pipeline too
            description="Darkroom: traces, alarms and the dashboard",
            analytics_reporting=False,
        )
        self._config = config
        self._dispatch = dispatch
        self._cluster = cluster_name(config)
        self._api = ApiMetrics(api=dispatch.stack_name, stage=config.apigw.stage_name)
        self._runtimes = [
            RuntimeMetrics(name, subscribed.queue.queue_name, self._cluster)
            for name, subscribed in dispatch.queues.items()
        ]
        TracingRules(
            self,
            "Tracing",
            deployment=config.stack_name,
            settings=config.observability.tracing,
            service=f"{self._api.api}/{self._api.stage}",
            topics=[dispatch.requests, dispatch.notifications],
        )
        self.agent_metrics = self._agent_metrics()
        self.alarms = self._alarms()
        self._dashboard()
        cdk.CfnOutput(self, "AgentMetricsLogGroup", value=self.agent_metrics.log_group_name)

    def _agent_metrics(self) -> logs.LogGroup:
        """Make the group that the agents' metrics come in by; the CloudWatch agent's own forgets nothing."""
        return logs.LogGroup(
            self,
            "AgentMetrics",
            log_group_name=agent_metrics_log_group(self._config),
            retention=RETENTION[self._config.observability.log_retention_days],
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )

    def _alarms(self) -> AlarmBook:
        limits = self._config.observability.alarms
        deployment = self._config.stack_name
        action = Recipients(self, "Recipients", settings=limits).action
        book = AlarmBook(self, "Alarms", deployment=deployment, action=action)
        counts = LogCounts(book, deployment)
        for runtime in self._runtimes:
            for watch in runtime_watches(runtime, limits):
                book.add(watch, of=runtime.runtime)
        for watch in (
            *api_watches(self._api, limits),
            *validator_watches(counts, self._dispatch),
            *status_watches(counts, self._dispatch),
            *letter_watches(counts, self._dispatch),
            *notifier_watches(counts, self._dispatch),
            *webhook_watches(counts, self._dispatch),
        ):
            book.add(watch)
        for kind, name in self._notifier_functions().items():
            book.add(function_errors(name, kind), of=kind)
        for operation in TABLE_OPERATIONS:
            book.add(throttled(self._dispatch.table.table_name, operation), of=operation)
        return book

    def _dashboard(self) -> None:
        webhooks = self._dispatch.webhooks
        OperatorsDashboard(
            self,
            "Dashboard",
            deployment=self._config.stack_name,
            alarms=self.alarms.alarms,
            api=self._api,
            runtimes=self._runtimes,
            front={
                "validator": self._dispatch.validator.function.function_name,
                "status": self._dispatch.status.function.function_name,
            },
            notifier=self._notifier_functions(),
            webhooks=WebhookQueues(
                first=webhooks.first.queue.queue_name,
                retries=webhooks.retries.queue_name,
                dead_letters=webhooks.dead_letters.queue_name,
            ),
            table=self._dispatch.table.table_name,
        )

    def _notifier_functions(self) -> dict[str, str]:
        notifier = self._dispatch.notifier
        letters = {kind: each.function.function_name for kind, each in notifier.letters.items()}
        return {
            **letters,
            "swept": notifier.sweeper.function.function_name,
            "webhooks": self._dispatch.webhooks.function.function_name,
        }


def cluster_name(config: Config) -> str:
    """Return the name of the deployment's EKS cluster (DESIGN 8)."""
    return f"{config.stack_name}Stack"


def agent_metrics_log_group(config: Config) -> str:
    """Return the name of the log group that the agents' metrics come in by."""
    return f"/darkroom/{config.stack_name}/agent-metrics"
