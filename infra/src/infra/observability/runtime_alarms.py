"""What is watched of each runtime."""

from collections.abc import Iterator

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.config import Alarms
from infra.observability.agent_scrape import SCRAPE_SECONDS, SERVICE
from infra.observability.alarms import ABOVE, BELOW, Watch
from infra.observability.metrics import FIVE_MINUTES, MINUTE, RuntimeMetrics
from infra.observability.names import Agent, AgentLabel

FEWEST_ENDED = 5  # below it a share says nothing
QUARTER = Duration.minutes(15)


def runtime_watches(metrics: RuntimeMetrics, limits: Alarms) -> Iterator[Watch]:
    """Yield what is watched of a runtime."""
    yield Watch(
        anchor="oldest-message",
        metric=metrics.age(),
        limit=limits.oldest_message_minutes * 60,
        compared=ABOVE,
        periods=3,
        breaching=3,
        means=f"A task of {metrics.runtime} has waited or run for {limits.oldest_message_minutes} minutes.",
        first="See whether pods run and how many; more work than GPUs needs more of them.",
    )
    yield Watch(
        anchor="nobody-works",
        metric=_nobody_works(metrics),
        limit=1,
        periods=limits.nobody_works_minutes,
        breaching=limits.nobody_works_minutes,
        means=(
            f"Tasks of {metrics.runtime} have waited for {limits.nobody_works_minutes} minutes"
            " and no agent has one in hand."
        ),
        first="Look at its pods: none, pending, or started and never ready.",
    )
    yield Watch(
        anchor="gpu-idle",
        metric=gpu_busy_while_needed(metrics),
        limit=limits.gpu_busy_percent,
        compared=BELOW,
        periods=3,
        breaching=3,
        means=f"GPUs of {metrics.runtime} worked less than {limits.gpu_busy_percent} % while tasks waited.",
        first="Compare where a task's time goes in a trace: inputs, outputs, switching models.",
    )
    yield Watch(
        anchor="failures",
        metric=_failure_percent(metrics),
        limit=limits.failure_percent,
        means=f"{limits.failure_percent} % of the tasks of {metrics.runtime} failed though they were right.",
        first="See on the dashboard which code it is.",
    )
    yield Watch(
        anchor="breaker-open",
        metric=metrics.agents(Agent.BREAKER, "Maximum", MINUTE),
        limit=1,
        periods=5,
        breaching=5,
        means=f"An agent of {metrics.runtime} takes nothing: different tasks failed on it in a row.",
        first="Replace its node.",
    )


def gpu_busy(metrics: RuntimeMetrics, *, label: str = "GPU busy %") -> cloudwatch.MathExpression:
    """Return the share of their time in which a runtime's GPUs worked, in percent.

    A data point is what one agent's counter grew by between two scrapes.
    """
    return cloudwatch.MathExpression(
        expression=f"100 * busy / {SCRAPE_SECONDS}",
        using_metrics={"busy": metrics.agents(Agent.GPU_BUSY, "Average")},
        label=label,
        period=FIVE_MINUTES,
    )


def agents_ready(metrics: RuntimeMetrics) -> cloudwatch.MathExpression:
    """Return how many agents have a runtime that could take a task."""
    return cloudwatch.MathExpression(
        expression=f"ready * {SCRAPE_SECONDS} / 60",  # a minute sums as many data points as there are scrapes
        using_metrics={"ready": metrics.agents(Agent.READY, "Sum", MINUTE)},
        label="agents ready",
        period=MINUTE,
    )


def gpu_busy_while_needed(metrics: RuntimeMetrics) -> cloudwatch.MathExpression:
    """Return the same, and 100 where no task waited all the time."""
    return cloudwatch.MathExpression(
        expression=f"IF(waiting > 0, 100 * busy / {SCRAPE_SECONDS}, 100)",
        using_metrics={
            "waiting": metrics.waiting(),
            "busy": metrics.agents(Agent.GPU_BUSY, "Average"),
        },
        label="GPU busy % while tasks wait",
        period=FIVE_MINUTES,
    )


def _nobody_works(metrics: RuntimeMetrics) -> cloudwatch.MathExpression:
    # Both are SQS's: it must work where no pod ever came up to tell anything.
    return cloudwatch.MathExpression(
        expression="IF(waiting > 0 AND held < 1, 1, 0)",
        using_metrics={"waiting": metrics.waiting(MINUTE), "held": metrics.in_hand(MINUTE)},
        label="tasks wait and nobody has one",
        period=MINUTE,
    )


def _failure_percent(metrics: RuntimeMetrics) -> cloudwatch.MathExpression:
    ended = metrics.agents(Agent.TASKS, "Sum", QUARTER)
    ours = metrics.agents(Agent.TASKS, "Sum", QUARTER, **{AgentLabel.FAULT: SERVICE})
    return cloudwatch.MathExpression(
        expression=f"IF(ended >= {FEWEST_ENDED}, 100 * ours / ended, 0)",
        using_metrics={"ours": ours, "ended": ended},
        label="failed, not by the request %",
        period=QUARTER,
    )
