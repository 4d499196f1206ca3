"""Where a runtime finds what the dispatch stack made: told by outputs that stack has anyway."""

from dataclasses import dataclass

import aws_cdk as cdk

from infra.dispatch.stack import DispatchStack


@dataclass(frozen=True)
class QueuePlace:
    """The queue of a runtime."""

    name: str
    arn: str
    url: str


@dataclass(frozen=True)
class Places:
    """What all runtimes share: the tasks table, buckets, and the topic of notifications."""

    table: str
    table_arn: str
    notifications_arn: str
    output_bucket: str
    output_arn: str
    payload_bucket: str
    payload_arn: str


def queue_places(reader: cdk.Stack, dispatch: DispatchStack) -> dict[str, QueuePlace]:
    """Return the queues by the names of their runtimes.

    The observability stack reads the queues' names: with these the dispatch stack's template stays as it is.
    """
    places = {}
    for runtime, subscribed in dispatch.queues.items():
        name = subscribed.queue.queue_name
        places[runtime] = QueuePlace(
            name=name,
            arn=reader.format_arn(service="sqs", resource=name),
            url=f"https://sqs.{reader.region}.{reader.url_suffix}/{reader.account}/{name}",
        )
    return places


def shared_places(reader: cdk.Stack, dispatch: DispatchStack) -> Places:
    """Return what all runtimes share, by the outputs that operators and the local system know."""

    def output(name: str) -> str:
        return cdk.Fn.get_stack_output(dispatch.stack_name, name, reader.region)

    def bucket_arn(name: str) -> str:
        return reader.format_arn(service="s3", region="", account="", resource=name)

    table, outputs, payloads = output("TasksTable"), output("OutputS3Bucket"), output("PayloadBucket")
    return Places(
        table=table,
        table_arn=reader.format_arn(service="dynamodb", resource="table", resource_name=table),
        notifications_arn=output("sdNotificationOutputArn"),
        output_bucket=outputs,
        output_arn=bucket_arn(outputs),
        payload_bucket=payloads,
        payload_arn=bucket_arn(payloads),
    )
