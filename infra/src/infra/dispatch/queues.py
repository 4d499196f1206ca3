"""Queues that a topic feeds: one for each runtime, and one for what no runtime would get."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.nag import acknowledge

RETENTION = Duration.days(14)  # the longest that SQS has
VISIBILITY = Duration.seconds(60)  # the agent's heartbeat renews it every 20 s
# Of queues that a Lambda function reads: six times what the function may take, as AWS advises.
LETTER_VISIBILITY = Duration.minutes(6)
LONG_POLL = Duration.seconds(20)  # the longest that SQS has
# Receiving is no attempt: give-backs and drains count here too. This is only the last resort against a
# message that kills whoever reads it (DESIGN 4.2, attempts).
MAX_RECEIVE_COUNT = 50

FilterPolicy = Mapping[str, Any]


class SubscribedQueue(Construct):
    """A queue with raw delivery from a topic; what it cannot deliver or cannot digest is kept apart.

    `queue` is the queue, `dead_letters` gets messages that were received too often, `undelivered` those that
    the topic could not put into the queue.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        topic: sns.ITopic,
        filter_policy: FilterPolicy,
        visibility: Duration = VISIBILITY,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = kept_queue(self, "DeadLetters", visibility_timeout=LETTER_VISIBILITY)
        self.undelivered = kept_queue(self, "Undelivered", visibility_timeout=LETTER_VISIBILITY)
        acknowledge(
            self.undelivered,
            "SQS3",
            reason="it is a dead-letter queue itself: of the subscription, which the rule does not look at",
        )
        self.queue = kept_queue(
            self,
            "Queue",
            visibility_timeout=visibility,
            receive_message_wait_time=LONG_POLL,
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=MAX_RECEIVE_COUNT
            ),
        )
        self._subscribe(topic, filter_policy)

    def _subscribe(self, topic: sns.ITopic, filter_policy: FilterPolicy) -> None:
        # The subscription of the higher level cannot say `$or`.
        subscription = sns.CfnSubscription(
            self,
            "Subscription",
            topic_arn=topic.topic_arn,
            protocol="sqs",
            endpoint=self.queue.queue_arn,
            raw_message_delivery=True,
            filter_policy=filter_policy,
            redrive_policy={"deadLetterTargetArn": self.undelivered.queue_arn},
        )
        for queue in (self.queue, self.undelivered):
            allowed = queue.add_to_resource_policy(_delivery(topic, queue))
            if allowed.policy_dependable is not None:
                # A topic that may not yet deliver would lose what is published in between.
                subscription.node.add_dependency(allowed.policy_dependable)


def kept_queue(scope: Construct, construct_id: str, **properties: Any) -> sqs.Queue:
    """Return a queue that keeps messages as long as SQS can; `properties` are those of `sqs.Queue`."""
    return sqs.Queue(
        scope,
        construct_id,
        retention_period=RETENTION,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        removal_policy=RemovalPolicy.DESTROY,
        **properties,
    )


def only_for(runtime: str) -> FilterPolicy:
    """Return the filter of a runtime's queue."""
    return {"runtime": [runtime]}


def for_none_of(runtimes: Sequence[str]) -> FilterPolicy:
    """Return the filter that catches what no runtime's queue gets: an unknown runtime, or none."""
    return {"$or": [{"runtime": [{"anything-but": list(runtimes)}]}, {"runtime": [{"exists": False}]}]}


def _delivery(topic: sns.ITopic, queue: sqs.IQueue) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid="DeliveryFromTopic",
        principals=[iam.ServicePrincipal("sns.amazonaws.com")],
        actions=["sqs:SendMessage"],
        resources=[queue.queue_arn],
        conditions={"ArnEquals": {"aws:SourceArn": topic.topic_arn}},
    )
