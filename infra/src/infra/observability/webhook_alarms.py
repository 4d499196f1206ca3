"""What is watched of webhooks: whether they are tried in time, and whether anybody takes them."""

from collections.abc import Iterator

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.dispatch.stack import DispatchStack
from infra.observability import metrics
from infra.observability.alarms import ABOVE, Watch
from infra.observability.counted import lines_with
from infra.observability.metrics import MINUTE
from infra.observability.names import Notifier

AGE = "ApproximateAgeOfOldestMessage"
FIRST_TRY_MINUTES = 5  # a batch takes a second or two, one with receivers that hang some five
# The longest that SQS delays a message is 15 minutes; then it is tried, or sent on as a new one.
LATER_TRY_MINUTES = 30
FEWEST_TRIED = 3  # counts of a batch each; fewer may be one receiver that is being restarted


def webhook_watches(scope: Construct, dispatch: DispatchStack, *, deployment: str) -> Iterator[Watch]:
    """Yield what is watched of webhooks; `scope` gets the filters of their function's log."""
    webhooks = dispatch.webhooks
    yield Watch(
        anchor="webhooks-late",
        metric=metrics.queue(webhooks.first.queue.queue_name, AGE, "Maximum", MINUTE),
        limit=FIRST_TRY_MINUTES * 60,
        compared=ABOVE,
        periods=5,
        breaching=5,
        means=f"A webhook has waited for its first try for {FIRST_TRY_MINUTES} minutes.",
        first="See the function's log: the table, the secret or a queue may not answer.",
    )
    yield Watch(
        anchor="webhook-retries-late",
        metric=metrics.queue(webhooks.retries.queue_name, AGE, "Maximum", MINUTE),
        limit=LATER_TRY_MINUTES * 60,
        compared=ABOVE,
        periods=5,
        breaching=5,
        means=f"A webhook that is to be tried again was not looked at for {LATER_TRY_MINUTES} minutes.",
        first="See how many there are: receivers that hang use up what is meant for later tries.",
    )
    yield Watch(
        anchor="webhooks-undelivered",
        metric=_none_delivered(scope, dispatch, deployment),
        limit=1,
        periods=3,
        breaching=3,
        means="Webhooks were tried for a quarter of an hour, and no receiver took any.",
        first="See on the dashboard what the receivers answer.",
    )
    yield Watch(
        anchor="webhook-failures",
        metric=lines_with(
            scope,
            "WebhookFailures",
            deployment=deployment,
            groups=[webhooks.log_group],
            counted=Notifier.WEBHOOK_FAILURES,
        ),
        limit=1,
        periods=3,
        breaching=3,
        means="Webhooks come again and again, since the table, the secret or a queue gave no answer.",
        first="See the fields error and aws_code in the function's log.",
    )
    yield Watch(
        anchor="webhook-dead-letters",
        metric=lines_with(
            scope,
            "WebhookDeadLetters",
            deployment=deployment,
            groups=[webhooks.log_group],
            counted=Notifier.WEBHOOKS,
            but_not=(Notifier.OUTCOME, (Notifier.DELIVERED, Notifier.GONE, Notifier.RETRIED)),
        ),
        limit=1,
        means="Webhooks were given up, and are kept in their queue of dead letters.",
        first="See the attribute reason of the messages there.",
    )


def _none_delivered(scope: Construct, dispatch: DispatchStack, deployment: str) -> cloudwatch.MathExpression:
    groups = [dispatch.webhooks.log_group]
    tried = lines_with(
        scope, "WebhookTries", deployment=deployment, groups=groups, counted=Notifier.WEBHOOK_TRIES
    )
    delivered = lines_with(
        scope,
        "WebhooksDelivered",
        deployment=deployment,
        groups=groups,
        counted=Notifier.WEBHOOKS,
        only=(Notifier.OUTCOME, Notifier.DELIVERED),
    )
    return cloudwatch.MathExpression(
        expression=f"IF(tried >= {FEWEST_TRIED} AND delivered < 1, 1, 0)",
        using_metrics={"tried": tried, "delivered": delivered},
        label="tried and not delivered",
        period=metrics.FIVE_MINUTES,
    )
