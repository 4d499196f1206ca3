"""The system at a glance: queues, agents, throughput, and the last ten minutes of them."""

from concurrent.futures import Executor, ThreadPoolExecutor
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

AT_ONCE = 8  # calls of AWS


def create(context: Context) -> SystemGlances:
    """Return the port of the event `glance`."""
    sources = context.sources
    clients = None if sources.aws is None else AwsClients(sources.aws)
    table = sources.tasks_table
    # Threads of their own: AWS may be silent for long, and nothing else is to wait for it.
    threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="glance")
    waiting = None
    if clients is not None and table is not None:
        waiting = Oldest(
            lambda: DynamoTaskStore(clients("dynamodb"), table), errors=SDK_ERRORS, threads=threads
        )
    return SystemGlances(
        sources,
        depths=None if clients is None else _queues(context, clients, threads),
        agents=partial(scrape, context.http),
        waiting=waiting,
        clock=context.clock,
        close=partial(threads.shutdown, wait=False, cancel_futures=True),
    )


def _queues(context: Context, clients: AwsClients, threads: Executor) -> Queues:
    bucket = context.sources.payload_bucket
    if bucket is None:
        return Queues(partial(clients, "sqs"), threads=threads)
    letters = Letters(partial(clients, "s3"), bucket, context.clock)
    return Queues(partial(clients, "sqs"), letters.count, threads=threads)
