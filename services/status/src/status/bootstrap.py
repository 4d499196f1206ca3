"""The only place that makes adapters."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.logging import Logger
from botocore.session import Session

from s3io.presigning import Presigner
from status.adapters import S3Payloads, SnsAnnouncer, SqsQueues
from status.api import Api
from status.cancelling import Canceller
from status.clients import maker, s3_maker
from status.invocation import guarded
from status.reading import Reader
from status.settings import read_settings
from status.viewing import Views
from task_schema import RequestRefusedError
from task_store import DynamoTaskStore
from telemetry.emf import EmfMeter
from telemetry.segments import Segments

TRACE_HEADER = "_X_AMZN_TRACE_ID"
SERVICE = "darkroom-status"


def bootstrap(env: Mapping[str, str]) -> Callable[[Mapping[str, Any], Any], dict[str, Any]]:
    """Make the Lambda handler.

    Args:
        env: the environment; Lambda changes `_X_AMZN_TRACE_ID` in it with each request.

    Raises:
        SettingsError: a variable is missing or wrong.
    """
    settings = read_settings(env)
    session = Session()
    store = DynamoTaskStore(maker(session, "dynamodb")(), settings.tasks_table)
    s3 = s3_maker(session, env)
    payloads = S3Payloads(s3, settings.payload_bucket)
    views = Views(
        output_bucket=settings.output_bucket,
        payloads=payloads,
        links=Presigner(s3, session.get_credentials(), now),
    )
    announcer = SnsAnnouncer(maker(session, "sns"), settings.notifications_topic_arn)
    api = Api(
        reader=Reader(
            store=store,
            queues=SqsQueues(maker(session, "sqs"), settings.runtimes, now),
            tag=views.tag,
            clock=now,
            sleep=time.sleep,
        ),
        canceller=Canceller(store=store, announcer=announcer, payloads=payloads, clock=now),
        views=views,
        store=store,
        runtimes=tuple(settings.runtimes),
        clock=now,
    )
    return guarded(
        api.answer,
        log=Logger(),
        meter=EmfMeter(service=env.get("POWERTOOLS_SERVICE_NAME", SERVICE)),
        segments=Segments.from_environment(env, service=SERVICE, refusals=(RequestRefusedError,)),
        trace_header=lambda: env.get(TRACE_HEADER),
    )


def now() -> int:
    """Return the time in ms since the epoch, UTC."""
    return time.time_ns() // 1_000_000
