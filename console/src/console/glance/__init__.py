"""The system at a glance: queues, agents, throughput, and the last ten minutes of them."""

from functools import partial

from console.aws import AwsClients
from console.context import Context
from console.glance.agents import scrape
from console.glance.glances import SystemGlances
from console.glance.letters import Letters
from console.glance.oldest import Oldest
from console.glance.queues import Queues
from s3io.errors import SDK_ERRORS
from task_store import DynamoTaskStore

__all__ = ["create"]


def create(context: Context) -> SystemGlances:
    """Return the port of the event `glance`."""
    sources = context.sources
    clients = None if sources.aws is None else AwsClients(sources.aws)
    table = sources.tasks_table
    waiting = None
    if clients is not None and table is not None:
        waiting = Oldest(lambda: DynamoTaskStore(clients("dynamodb"), table), errors=SDK_ERRORS)
    return SystemGlances(
        sources,
        depths=None if clients is None else _queues(context, clients),
        agents=partial(scrape, context.http),
        waiting=waiting,
        clock=context.clock,
    )


def _queues(context: Context, clients: AwsClients) -> Queues:
    bucket = context.sources.payload_bucket
    if bucket is None:
        return Queues(partial(clients, "sqs"))
    return Queues(partial(clients, "sqs"), Letters(partial(clients, "s3"), bucket, context.clock).count)
