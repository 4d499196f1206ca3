"""What is watched of the dispatch stack: the API, the functions, the table."""

from collections.abc import Iterator

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs

from infra.config import Alarms
from infra.dispatch.stack import DispatchStack
from infra.observability import metrics
from infra.observability.alarms import ABOVE, BELOW, SILENCE, Watch
from infra.observability.counted import LogCounts
from infra.observability.metrics import FIVE_MINUTES, ApiMetrics
from infra.observability.names import Notifier, StatusFunction, Validator

FEWEST_REQUESTS = 20  # below it a share says nothing, and three faults are enough
FEW_FAULTS = 3
FAULT_PERCENT = 5
TABLE_OPERATIONS = ("GetItem", "PutItem", "Query", "UpdateItem")


def api_watches(api: ApiMetrics, limits: Alarms) -> Iterator[Watch]:
    """Yield what is watched of the API."""
    yield Watch(
        anchor="api-faults",
        metric=_fault_percent(api),
        limit=FAULT_PERCENT,
        periods=3,
        breaching=2,
        means=f"{FAULT_PERCENT} % of the requests were answered with 5xx.",
        first="See the validator's log for the outcomes failed and unavailable.",
    )
    yield Watch(
        anchor="api-slow",
        metric=api.of_submitting("Latency", "p99"),
        limit=limits.latency_seconds * 1000,
        compared=ABOVE,
        periods=3,
        breaching=3,
        means=f"One submission in a hundred took longer than {limits.latency_seconds:g} s.",
        first="Open a slow trace of the API.",
    )


def validator_watches(counts: LogCounts, dispatch: DispatchStack) -> Iterator[Watch]:
    """Yield what is watched of the validator."""
    name = dispatch.validator.function.function_name
    yield _crashed("validator-errors", name, "The validator")
    yield Watch(
        anchor="validator-throttles",
        metric=metrics.function(name, "Throttles"),
        limit=1,
        means="Lambda refused to run the validator: the account's concurrency is used up.",
        first="See which function uses it up, and ask for more.",
    )
    yield _unavailable(
        "unavailable",
        counts.lines_with("Unavailable", dispatch.validator.log_group, counted=Validator.UNAVAILABLE),
        means="The validator answered 503: the table, the topic or the payload bucket did not answer.",
    )


def status_watches(counts: LogCounts, dispatch: DispatchStack) -> Iterator[Watch]:
    """Yield what is watched of the status function."""
    name = dispatch.status.function.function_name
    yield _crashed("status-errors", name, "The status function")
    yield Watch(
        anchor="status-throttles",
        metric=metrics.function(name, "Throttles"),
        limit=1,
        periods=3,
        breaching=3,
        means="Lambda refused to run the status function: requests that wait use up its concurrency.",
        first="See how many ask and wait, and whether submitting has enough left.",
    )
    yield _unavailable(
        "status-unavailable",
        counts.lines_with("StatusUnavailable", dispatch.status.log_group, counted=StatusFunction.UNAVAILABLE),
        means="The status function answered 503: the table, a bucket or the topic did not answer.",
    )


def letter_watches(counts: LogCounts, dispatch: DispatchStack) -> Iterator[Watch]:
    """Yield what is watched of letters, which the notifier has ended and told."""
    letters = dispatch.notifier.letters
    yield Watch(
        anchor="dead-letters",
        metric=_letters(counts, "DeadLetters", letters["dead"].log_group, letters["undelivered"].log_group),
        limit=1,
        means="Tasks were ended because no agent could, or the topic could not deliver them.",
        first="See the reason on the dashboard and the letter in the payload bucket.",
    )
    yield Watch(
        anchor="unrouted-letters",
        metric=_letters(counts, "UnroutedLetters", letters["unrouted"].log_group),
        limit=1,
        means="Messages named no runtime that there is.",
        first="See who publishes straight to the topic, or which runtime was added or removed just now.",
    )


def notifier_watches(counts: LogCounts, dispatch: DispatchStack) -> Iterator[Watch]:
    """Yield what is watched of the sweeper."""
    sweeper = dispatch.notifier.sweeper
    runs = cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name="Invocations",
        dimensions_map={"FunctionName": sweeper.function.function_name},
        statistic="Sum",
        period=Duration.minutes(15),
    )
    yield Watch(
        anchor="sweeper-silent",
        metric=runs,
        limit=1,
        compared=BELOW,
        missing=SILENCE,
        means="The sweeper did not run for a quarter of an hour, though it should every five minutes.",
        first="See whether its rule is on and Lambda may start it.",
    )
    yield Watch(
        anchor="sweep-failures",
        metric=counts.lines_with("SweepFailures", sweeper.log_group, counted=Notifier.SWEEP_FAILURES),
        limit=1,
        periods=6,
        breaching=3,
        means="Again and again the sweeper cannot deal with a task that is due.",
        first="See its log for the task's id and the type of the error.",
    )


def function_errors(name: str, what: str) -> Watch:
    """Return what is watched of each function of the notifier; `what` is its name in logs and pages."""
    return Watch(
        anchor="notifier-errors",
        metric=metrics.function(name, "Errors"),
        limit=1,
        periods=3,
        breaching=2,
        means=f"The function '{what}' of the notifier crashed or ran out of time.",
        first="See the last lines of its log; messages come again by themselves.",
    )


def throttled(table: str, operation: str) -> Watch:
    """Return what is watched of each operation on the tasks table."""
    return Watch(
        anchor="table-throttles",
        metric=metrics.table(table, operation),
        limit=1,
        periods=3,
        breaching=2,
        means=f"DynamoDB refused {operation} on the tasks table for too many requests.",
        first="See whether one task or one runtime has most of them.",
    )


def _crashed(anchor: str, function: str, who: str) -> Watch:
    return Watch(
        anchor=anchor,
        metric=metrics.function(function, "Errors"),
        limit=1,
        means=f"{who} crashed or ran out of time.",
        first="See the last lines of its log.",
    )


def _unavailable(anchor: str, metric: cloudwatch.Metric, *, means: str) -> Watch:
    return Watch(
        anchor=anchor,
        metric=metric,
        limit=FEW_FAULTS,
        periods=3,
        breaching=2,
        means=means,
        first="See the field aws_code in its log.",
    )


def _letters(counts: LogCounts, construct_id: str, *groups: logs.ILogGroup) -> cloudwatch.Metric:
    return counts.lines_with(
        construct_id,
        *groups,
        counted=Notifier.LETTERS,
        but_not=(Notifier.REASON, Notifier.HARMLESS),
    )


def _fault_percent(api: ApiMetrics) -> cloudwatch.MathExpression:
    few = f"IF(faults >= {FEW_FAULTS}, 100, 0)"
    return cloudwatch.MathExpression(
        expression=f"IF(requests >= {FEWEST_REQUESTS}, 100 * faults / requests, {few})",
        using_metrics={"faults": api.of("5XXError", "Sum"), "requests": api.of("Count", "Sum")},
        label="answered with 5xx %",
        period=FIVE_MINUTES,
    )
