"""One page that tells how a deployment is."""

from collections.abc import Mapping, Sequence
from itertools import batched

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.observability import metrics
from infra.observability.alarms import PAGE
from infra.observability.dispatch_alarms import TABLE_OPERATIONS
from infra.observability.metrics import MINUTE, ApiMetrics, RuntimeMetrics
from infra.observability.names import Agent
from infra.observability.runtime_alarms import agents_ready, gpu_busy
from task_schema import Status

QUARTER_WIDTH = 6
WIDTH = 24
HEIGHT = 6
ALARMS_IN_A_WIDGET = 100


class OperatorsDashboard(Construct):
    """The dashboard: alarms, the API, each runtime, and what ends tasks that no agent ends."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: str,
        alarms: Sequence[cloudwatch.IAlarm],
        api: ApiMetrics,
        runtimes: Sequence[RuntimeMetrics],
        functions: Mapping[str, str],
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
            functions: titles to names of Lambda functions.
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
        for runtime in runtimes:
            page.add_widgets(*_runtime(runtime))
        page.add_widgets(*_ends(functions, table))


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
