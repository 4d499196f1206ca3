"""What is watched of webhooks: whether they are tried in time, and whether anybody takes them."""

from collections.abc import Iterator

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs

from infra.dispatch.stack import DispatchStack
from infra.observability import metrics
from infra.observability.alarms import ABOVE, Watch
from infra.observability.counted import LogCounts
from infra.observability.metrics import MINUTE
from infra.observability.names import Notifier

AGE = "ApproximateAgeOfOldestMessage"
FIRST_TRY_MINUTES = 5  # a batch takes a second or two, one with receivers that hang some five
# The longest that SQS delays a message is 15 minutes; then it is tried, or sent on as a new one.
LATER_TRY_MINUTES = 30
FEWEST_TRIED = 3  # counts of a batch each; fewer may be one receiver that is being restarted


def webhook_watches(counts: LogCounts, dispatch: DispatchStack) -> Iterator[Watch]:
    """Yield what is watched of webhooks."""
    webhooks = dispatch.webhooks
    yield _late(
        "webhooks-late",
        webhooks.first.queue,
        FIRST_TRY_MINUTES,
        means=f"A webhook has waited for its first try for {FIRST_TRY_MINUTES} minutes.",
        first="See the function's log: the table, the secret or a queue may not answer.",
    )
    yield _late(
        "webhook-retries-late",
        webhooks.retries,
        LATER_TRY_MINUTES,
        means=f"A webhook that is to be tried again was not looked at for {LATER_TRY_MINUTES} minutes.",
        first="See how many there are: receivers that hang use up what is meant for later tries.",
    )
    yield Watch(
        anchor="webhooks-undelivered",
        metric=_none_delivered(counts, webhooks.log_group),
        limit=1,
        periods=3,
        breaching=3,
        means="Webhooks were tried for a quarter of an hour, and no receiver took any.",
        first="See on the dashboard what the receivers answer.",
    )
    yield Watch(
        anchor="webhook-failures",
        metric=counts.lines_with("WebhookFailures", webhooks.log_group, counted=Notifier.WEBHOOK_FAILURES),
        limit=1,
        periods=3,
        breaching=3,
        means="Webhooks come again and again, since the table, the secret or a queue gave no answer.",
        first="See the fields error and aws_code in the function's log.",
    )
    yield Watch(
        anchor="webhook-dead-letters",
        metric=counts.lines_with(
            "WebhookDeadLetters",
            webhooks.log_group,
            counted=Notifier.WEBHOOKS,
            but_not=(Notifier.OUTCOME, (Notifier.DELIVERED, Notifier.GONE, Notifier.RETRIED)),
        ),
        limit=1,
        means="Webhooks were given up, and are kept in their queue of dead letters.",
        first="See the attribute reason of the messages there.",
    )


def _late(anchor: str, queue: sqs.IQueue, minutes: int, *, means: str, first: str) -> Watch:
    return Watch(
        anchor=anchor,
        metric=metrics.queue(queue.queue_name, AGE, "Maximum", MINUTE),
        limit=minutes * 60,
        compared=ABOVE,
        periods=5,
        breaching=5,
        means=means,
        first=first,
    )


def _none_delivered(counts: LogCounts, group: logs.ILogGroup) -> cloudwatch.MathExpression:
    tried = counts.lines_with("WebhookTries", group, counted=Notifier.WEBHOOK_TRIES)
    delivered = counts.lines_with(
        "WebhooksDelivered",
        group,
        counted=Notifier.WEBHOOKS,
        only=(Notifier.OUTCOME, Notifier.DELIVERED),
    )
    return cloudwatch.MathExpression(
        expression=f"IF(tried >= {FEWEST_TRIED} AND delivered < 1, 1, 0)",
        using_metrics={"tried": tried, "delivered": delivered},
        label="tried and not delivered",
        period=metrics.FIVE_MINUTES,
    )
