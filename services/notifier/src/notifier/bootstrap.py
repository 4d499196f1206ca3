"""The only place that makes adapters."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.logging import Logger
from botocore.config import Config
from botocore.session import Session

from notifier.adapters import S3Kept, S3Outputs, S3Payloads, SnsAnnouncer, SqsQueues
from notifier.causes import cause
from notifier.ending import Ending
from notifier.errors import LaterError
from notifier.letterbox import Letterbox
from notifier.ports import Payloads
from notifier.settings import LetterSettings, Settings, SweeperSettings
from notifier.sweeper import Sweeper
from notifier.traced import Tracing
from notifier.undertaker import Undertaker
from notifier.verdicts import Rules
from task_store import SHARDS, DynamoTaskStore, TaskStore
from telemetry.emf import EmfMeter
from telemetry.segments import Segments

TRACE_HEADER = "_X_AMZN_TRACE_ID"
SERVICE = "darkroom-notifier"

type Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]

CONFIG = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 3},
    # The sweeper has a thread for each shard, and each may hold a connection to the same service.
    max_pool_connections=SHARDS + 2,
)
S3_CONFIG = CONFIG.merge(Config(signature_version="s3v4", s3={"addressing_style": "path"}))


def letters(env: Mapping[str, str]) -> Handler:
    """Make the function that settles the messages of some queues.

    Args:
        env: the environment; Lambda changes `_X_AMZN_TRACE_ID` in it with each invocation.

    Raises:
        SettingsError: a variable is missing or wrong.
    """
    settings = LetterSettings.read(env)
    session, log = Session(), Logger()
    s3 = session.create_client("s3", config=S3_CONFIG)
    store, payloads, ending = _parts(settings, session, s3)
    undertaker = Undertaker(
        store=store,
        kept=S3Kept(s3, settings.payload_bucket),
        payloads=payloads,
        ending=ending,
        cause=cause(settings.letters, settings.runtimes),
        clock=now,
    )
    queues = SqsQueues(session.create_client("sqs", config=CONFIG))
    return Letterbox(
        kind=settings.letters,
        settles=undertaker,
        queues=queues,
        meter=meter(env),
        log=log,
        tracing=tracing(env),
    )


def sweeper(env: Mapping[str, str]) -> Handler:
    """Make the function that a schedule calls.

    Args:
        env: the environment; Lambda changes `_X_AMZN_TRACE_ID` in it with each invocation.

    Raises:
        SettingsError: a variable is missing or wrong.
    """
    settings = SweeperSettings.read(env)
    session = Session()
    store, _, ending = _parts(settings, session, session.create_client("s3", config=S3_CONFIG))
    return Sweeper(
        store=store,
        ending=ending,
        rules=Rules(settings),
        clock=now,
        meter=meter(env),
        log=Logger(),
        tracing=tracing(env),
    )


def now() -> int:
    """Return the time in ms since the epoch, UTC."""
    return time.time_ns() // 1_000_000


def meter(env: Mapping[str, str]) -> EmfMeter:
    """Return what counts for CloudWatch."""
    return EmfMeter(service=env.get("POWERTOOLS_SERVICE_NAME", SERVICE))


def tracing(env: Mapping[str, str]) -> Tracing:
    """Return what makes spans, for the X-Ray daemon that the environment names."""
    segments = Segments.from_environment(env, service=SERVICE, refusals=(LaterError,))
    return Tracing(segments, lambda: env.get(TRACE_HEADER))


def _parts(settings: Settings, session: Session, s3: Any) -> tuple[TaskStore, Payloads, Ending]:
    store = DynamoTaskStore(session.create_client("dynamodb", config=CONFIG), settings.tasks_table)
    payloads = S3Payloads(s3, settings.payload_bucket)
    ending = Ending(
        store=store,
        announcer=SnsAnnouncer(session.create_client("sns", config=CONFIG), settings.notifications_topic_arn),
        payloads=payloads,
        outputs=S3Outputs(s3, settings.output_bucket),
        clock=now,
    )
    return store, payloads, ending
