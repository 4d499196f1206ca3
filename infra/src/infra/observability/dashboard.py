"""One page that tells how a deployment is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import batched

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.observability import metrics
from infra.observability.alarms import PAGE
from infra.observability.dispatch_alarms import TABLE_OPERATIONS
from infra.observability.metrics import MINUTE, ApiMetrics, RuntimeMetrics
from infra.observability.names import Agent, Notifier, StatusFunction, Validator
from infra.observability.runtime_alarms import agents_ready, gpu_busy
from task_schema import Status

QUARTER_WIDTH = 6
WIDTH = 24
HEIGHT = 6
ALARMS_IN_A_WIDGET = 100


@dataclass(frozen=True)
class WebhookQueues:
    """The names of the queues of webhooks."""

    first: str
    retries: str
    dead_letters: str


class OperatorsDashboard(Construct):
    """The dashboard: alarms, the API, each runtime, webhooks, and what ends tasks that no agent ends."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: str,
        alarms: Sequence[cloudwatch.IAlarm],
        api: ApiMetrics,
        runtimes: Sequence[RuntimeMetrics],
        front: Mapping[str, str],
        notifier: Mapping[str, str],
        webhooks: WebhookQueues,
        table: str,
    ) -> None:
        """Make it.

        Args:
            scope: the stack.
            construct_id: in it.
            deployment: its name.
            alarms: shown at the top.
            api: of the stage.
            runtimes: of each a row.
            front: titles to names of the functions behind the API.
            notifier: the same of those that no request waits for.
            webhooks: their queues.
            table: name of the tasks table.
        """
        super().__init__(scope, construct_id)
        self.dashboard = cloudwatch.Dashboard(
            self,
            "Page",
            # Dashboards belong to no region: a deployment in another one has its own.
            dashboard_name=f"{deployment}-{Stack.of(self).region}",
            default_interval=None,
            period_override=cloudwatch.PeriodOverride.INHERIT,
        )
        page = self.dashboard
        for some in batched(alarms, ALARMS_IN_A_WIDGET):
            page.add_widgets(
                cloudwatch.AlarmStatusWidget(
                    title=f"Alarms: {PAGE}", alarms=list(some), width=WIDTH, height=HEIGHT
                )
            )
        page.add_widgets(*_api(api, runtimes))
        page.add_widgets(*_asked(api, front))
        for runtime in runtimes:
            page.add_widgets(*_runtime(runtime))
        page.add_widgets(*_webhooks(webhooks))
        page.add_widgets(*_ends({**front, **notifier}, table))


def _api(api: ApiMetrics, runtimes: Sequence[RuntimeMetrics]) -> list[cloudwatch.GraphWidget]:
    return [
        _graph(
            "API: requests", [api.of("Count", "Sum"), api.of("4XXError", "Sum"), api.of("5XXError", "Sum")]
        ),
        _graph(
            "API: latency of submitting, ms",
            [api.of_submitting("Latency", "p50"), api.of_submitting("Latency", "p99")],
        ),
        _graph("Accepted", [metrics.accepted(each.runtime) for each in runtimes]),
        _graph("Refused, by code", [metrics.refused_by_code()]),
    ]


def _asked(api: ApiMetrics, front: Mapping[str, str]) -> list[cloudwatch.GraphWidget]:
    task = "/v1alpha2/tasks/{id}"
    asked = (("GET", task, "shown"), ("GET", "/v1alpha2/tasks", "listed"), ("DELETE", task, "cancelled"))
    return [
        _graph(
            "API: asked about tasks",
            [_named(api.of_method(verb, path, "Count", "Sum"), label) for verb, path, label in asked],
            right=[_named(api.of_method("GET", task, "Latency", "p50"), "ms until shown, waiting counted")],
        ),
        _graph(
            "Answers about tasks (all deployments here)",
            [metrics.counted(name, StatusFunction.SERVICE) for name in StatusFunction.ANSWERED],
        ),
        _graph(
            "Uploads",
            [_named(api.of_method("POST", "/v1alpha2/uploads", "Count", "Sum"), "asked for")],
            right=[
                _named(metrics.counted(Validator.UPLOADS, Validator.SERVICE), "granted (all deployments)")
            ],
        ),
        _graph(
            "Functions at once",
            [_named(metrics.concurrent(name), title) for title, name in front.items()],
            right=[_named(metrics.concurrent(), "all of the account")],
        ),
    ]


def _webhooks(queues: WebhookQueues) -> list[cloudwatch.GraphWidget]:
    visible, delayed = "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesDelayed"
    age = "ApproximateAgeOfOldestMessage"

    def of(name: str, metric: str, label: str) -> cloudwatch.Metric:
        return _named(metrics.queue(name, metric, "Maximum", MINUTE), label)

    return [
        _graph(
            "Webhooks, by outcome (all deployments here)",
            [metrics.webhooks_by(Notifier.OUTCOME, Notifier.WEBHOOKS)],
        ),
        _graph(
            "Webhooks: answers of receivers (all deployments here)",
            [metrics.webhooks_by(Notifier.ANSWER, Notifier.WEBHOOK_TRIES)],
            right=[metrics.counted(Notifier.WEBHOOK_FAILURES, Notifier.SERVICE)],
        ),
        _graph(
            "Webhooks: waiting",
            [
                of(queues.first, visible, "first tries"),
                of(queues.retries, visible, "later tries, due"),
                of(queues.retries, delayed, "later tries, not yet due"),
            ],
            right=[of(queues.first, age, "age, first"), of(queues.retries, age, "age, later")],
        ),
        _graph("Webhooks: dead letters", [of(queues.dead_letters, visible, "kept")]),
    ]


def _runtime(each: RuntimeMetrics) -> list[cloudwatch.GraphWidget]:
    return [
        _graph(
            f"{each.runtime}: queue",
            [each.waiting(MINUTE, "Maximum"), each.in_hand(MINUTE)],
            right=[each.age()],
        ),
        _graph(
            f"{each.runtime}: GPUs",
            [gpu_busy(each)],
            right=[
                agents_ready(each),
                each.agents(Agent.BREAKER, "Maximum", MINUTE),
            ],
        ),
        _graph(
            f"{each.runtime}: tasks ended",
            [each.ended_as(result) for result in Status if result.is_terminal],
            right=[each.agents(Agent.LOST, "Sum"), each.agents(Agent.RESTARTS, "Sum")],
        ),
        _graph(f"{each.runtime}: failed, by code", [each.failed_by_code()]),
    ]


def _ends(functions: Mapping[str, str], table: str) -> list[cloudwatch.GraphWidget]:
    return [
        _graph("Letters, by reason (all deployments here)", [metrics.letters_by_reason()]),
        _graph("Ended by the sweeper, by code (all deployments here)", [metrics.swept_by_code()]),
        _graph(
            "Functions: errors and throttles",
            [_named(metrics.function(name, "Errors"), title) for title, name in functions.items()],
            right=[_named(metrics.function(name, "Throttles"), title) for title, name in functions.items()],
        ),
        _graph("Tasks table: throttled", [metrics.table(table, each) for each in TABLE_OPERATIONS]),
    ]


def _named(metric: cloudwatch.Metric, label: str) -> cloudwatch.Metric:
    return metric.with_(label=label)


def _graph(
    title: str, left: Sequence[cloudwatch.IMetric], *, right: Sequence[cloudwatch.IMetric] = ()
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title, left=list(left), right=list(right), width=QUARTER_WIDTH, height=HEIGHT
    )
