"""The only place that makes adapters."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import boto3
from botocore.config import Config

from queue_agent.announcer import SnsAnnouncer
from queue_agent.aws import MAX_POOL_CONNECTIONS, RETRY_DELAYS, AwsCalls, Persistence
from queue_agent.ending import Ending
from queue_agent.fates import Fates
from queue_agent.health import Health, heartbeat, serving
from queue_agent.intake import Intake
from queue_agent.limits import Limits
from queue_agent.metrics import Metrics
from queue_agent.outputs import S3Outputs
from queue_agent.ports import Runtime
from queue_agent.restart import Restarts
from queue_agent.runtimes import make_runtime
from queue_agent.settings import Settings
from queue_agent.sqs import SqsQueue
from queue_agent.tasks import Tasks
from queue_agent.unreadable import Unreadable
from queue_agent.warmup import WarmUp
from queue_agent.worker import Worker
from s3io.claimcheck import ClaimCheck
from s3io.inputs import InputFetcher
from task_store import DynamoTaskStore

_CONNECT_SECONDS = 3
_READ_SECONDS = 20
# Of calls that carry little: all tries of a beat together must be over before the message is visible again.
_SHORT_READ_SECONDS = 5


def _config(**more: Any) -> Config:
    options: dict[str, Any] = {
        "connect_timeout": _CONNECT_SECONDS,
        "read_timeout": _READ_SECONDS,
        "retries": {"mode": "standard", "total_max_attempts": 3},
        "max_pool_connections": MAX_POOL_CONNECTIONS,
        **more,
    }
    return Config(**options)


@asynccontextmanager
async def worker(settings: Settings, *, runtime: Runtime | None = None) -> AsyncIterator[Worker]:
    """Make a worker with all that it needs, and let go of it at the end.

    Args:
        settings: of the agent.
        runtime: an adapter to use instead of the configured type's.

    Raises:
        SettingsError: there is no adapter for the configured type, or it does not serve what is set.
    """
    adapter = runtime or make_runtime(settings)
    settings.check_task_types(adapter.task_types)
    session = boto3.session.Session()
    s3 = session.client("s3", config=_config(signature_version="s3v4", s3={"addressing_style": "path"}))
    short = _config(read_timeout=_SHORT_READ_SECONDS)
    # A long poll of 20 s must not run into the read timeout.
    poll = _config(read_timeout=_READ_SECONDS + settings.receive_wait_seconds)
    calls = AwsCalls()
    store = DynamoTaskStore(session.client("dynamodb", config=short), settings.tasks_table)
    tasks = Tasks(store, calls, lease_seconds=settings.visibility_seconds)
    outputs = S3Outputs(s3, settings.output_bucket, calls)
    announcer = SnsAnnouncer(session.client("sns", config=short), settings.notifications_topic_arn, calls)
    payloads = ClaimCheck(s3, settings.payload_bucket)
    metrics = Metrics(settings.runtime_name, task_types=adapter.task_types)
    # Once the GPU has made something, a long outage of AWS is waited out, with the GPU idle and nothing lost.
    stubbornly = Persistence((*RETRY_DELAYS, *[15.0] * 16), retried=metrics.aws_retry)
    ending = Ending(
        tasks=tasks,
        outputs=outputs,
        announcer=announcer,
        payloads=payloads,
        calls=calls,
        persistently=stubbornly,
        ended=metrics.ended,
    )
    fates = Fates(payloads, settings.payload_bucket, calls)
    intake = Intake(
        spec=settings.runtime_spec(adapter.task_types),
        task_types=adapter.task_types,
        tasks=tasks,
        payloads=payloads,
        ending=ending,
        unreadable=Unreadable(
            client=s3,
            bucket=settings.payload_bucket,
            runtime=settings.runtime_name,
            tasks=tasks,
            ending=ending,
            fates=fates,
            calls=calls,
        ),
        fates=fates,
        calls=calls,
        max_attempts=settings.max_attempts,
    )
    fetcher = InputFetcher(
        s3_client=s3, allowed_hosts=settings.allowed_input_hosts, s3_allowed=settings.allowed_input_s3
    )
    queue = SqsQueue(
        session.client("sqs", config=short),
        settings.queue_url,
        calls,
        visibility=settings.visibility_seconds,
        poll_client=session.client("sqs", config=poll),
    )
    health = Health()
    restarts = Restarts(settings.restart_file, settings.runtime_url)
    restarts.clear()
    try:
        async with _observed(settings.health_port, health, metrics):
            yield Worker(
                queue=queue,
                runtime=adapter,
                tasks=tasks,
                intake=intake,
                outputs=outputs,
                ending=ending,
                fetcher=fetcher,
                limits=_limits(settings),
                metrics=metrics,
                health=health,
                restarts=restarts,
                persistently=Persistence(retried=metrics.aws_retry),
                stubbornly=stubbornly,
                warm_up=_warm_up(settings, adapter, health),
            )
    finally:
        await fetcher.aclose()
        await adapter.aclose()
        calls.close()


@asynccontextmanager
async def _observed(port: int, health: Health, metrics: Metrics) -> AsyncIterator[None]:
    """Serve health and metrics, where there is a port for them."""
    async with AsyncExitStack() as stack:
        if port:
            await stack.enter_async_context(serving(port, health, metrics))
        beating = asyncio.create_task(heartbeat(health, metrics), name="loop heartbeat")
        stack.callback(beating.cancel)
        yield


def _warm_up(settings: Settings, runtime: Runtime, health: Health) -> WarmUp | None:
    task = settings.warm_up
    if task is None:
        return None
    limit = _limits(settings).inference_of(task.tasktype)
    return WarmUp(runtime, task.tasktype, task.content, limit=limit, health=health)


def _limits(settings: Settings) -> Limits:
    return Limits(
        visibility=settings.visibility_seconds,
        beat=settings.beat_seconds,
        receive_wait=settings.receive_wait_seconds,
        inference=settings.inference_limit_seconds,
        inference_by_type=settings.inference_limits,
        shutdown_grace=settings.shutdown_grace_seconds,
        max_attempts=settings.max_attempts,
        prefetch=settings.prefetch,
        deliveries=settings.deliveries,
    )
