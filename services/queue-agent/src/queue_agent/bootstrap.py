"""The only place that makes adapters."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

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
from queue_agent.world import World
from s3io.claimcheck import ClaimCheck
from s3io.inputs import InputFetcher, InputLimits
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


def s3_client(session: boto3.session.Session) -> Any:
    """Return a client of S3."""
    return session.client("s3", config=_config(signature_version="s3v4", s3={"addressing_style": "path"}))


def input_fetcher(settings: Settings, s3: Any) -> InputFetcher:
    """Return what fetches the inputs of tasks."""
    return InputFetcher(
        s3_client=s3,
        allowed_hosts=settings.allowed_input_hosts,
        s3_allowed=settings.allowed_input_s3,
        limits=InputLimits(max_bytes=settings.input_max),
        uploads=settings.payload_bucket,
    )


@dataclass(frozen=True, slots=True)
class _Clients:
    """AWS clients: one of each service serves all calls."""

    s3: Any
    dynamodb: Any
    sns: Any
    sqs: Any
    sqs_poll: Any

    @classmethod
    def make(cls, receive_wait_seconds: int) -> Self:
        session = boto3.session.Session()
        short = _config(read_timeout=_SHORT_READ_SECONDS)
        return cls(
            s3=s3_client(session),
            dynamodb=session.client("dynamodb", config=short),
            sns=session.client("sns", config=short),
            sqs=session.client("sqs", config=short),
            # A long poll of 20 s must not run into the read timeout.
            sqs_poll=session.client("sqs", config=_config(read_timeout=_READ_SECONDS + receive_wait_seconds)),
        )


class _Parts:
    """What a worker is made of, as far as several of its parts share it."""

    def __init__(self, settings: Settings, adapter: Runtime, clients: _Clients) -> None:
        self._settings = settings
        self._clients = clients
        self._adapter = adapter
        self.calls = AwsCalls()
        self.metrics = Metrics(settings.runtime_name, task_types=adapter.task_types)
        store = DynamoTaskStore(clients.dynamodb, settings.tasks_table)
        self.tasks = Tasks(store, self.calls, lease_seconds=settings.visibility_seconds)
        self.outputs = S3Outputs(clients.s3, settings.output_bucket, self.calls)
        self.payloads = ClaimCheck(clients.s3, settings.payload_bucket)
        # Once the GPU has made something, a long outage of AWS is waited out, with the GPU idle and nothing
        # lost.
        self.stubbornly = Persistence((*RETRY_DELAYS, *[15.0] * 16), retried=self.metrics.aws_retry)
        self.ending = Ending(
            tasks=self.tasks,
            outputs=self.outputs,
            announcer=SnsAnnouncer(clients.sns, settings.notifications_topic_arn, self.calls),
            payloads=self.payloads,
            calls=self.calls,
            persistently=self.stubbornly,
            ended=self.metrics.ended,
        )

    def intake(self) -> Intake:
        settings = self._settings
        fates = Fates(self.payloads, self.calls)
        unreadable = Unreadable(
            client=self._clients.s3,
            bucket=settings.payload_bucket,
            runtime=settings.runtime_name,
            tasks=self.tasks,
            ending=self.ending,
            fates=fates,
            calls=self.calls,
        )
        return Intake(
            spec=settings.runtime_spec(self._adapter.task_types),
            task_types=self._adapter.task_types,
            tasks=self.tasks,
            payloads=self.payloads,
            ending=self.ending,
            unreadable=unreadable,
            fates=fates,
            calls=self.calls,
            max_attempts=settings.max_attempts,
        )

    def world(self, fetcher: InputFetcher) -> World:
        return World(
            queue=self.queue(),
            runtime=self._adapter,
            tasks=self.tasks,
            intake=self.intake(),
            outputs=self.outputs,
            ending=self.ending,
            fetcher=fetcher,
            limits=_limits(self._settings),
            metrics=self.metrics,
            persistently=Persistence(retried=self.metrics.aws_retry),
            stubbornly=self.stubbornly,
            trace_prompts=self._settings.trace_prompts,
        )

    def queue(self) -> SqsQueue:
        return SqsQueue(
            self._clients.sqs,
            self._settings.queue_url,
            self.calls,
            visibility=self._settings.visibility_seconds,
            poll_client=self._clients.sqs_poll,
        )


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
    clients = _Clients.make(settings.receive_wait_seconds)
    parts = _Parts(settings, adapter, clients)
    fetcher = input_fetcher(settings, clients.s3)
    health = Health()
    restarts = Restarts(settings.restart_file, settings.runtime_url)
    restarts.clear()
    try:
        async with _observed(settings.health_port, health, parts.metrics):
            yield Worker(
                parts.world(fetcher),
                health=health,
                restarts=restarts,
                warm_up=_warm_up(settings, adapter, health),
            )
    finally:
        await fetcher.aclose()
        await adapter.aclose()
        parts.calls.close()


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
