"""The only place that makes adapters."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.logging import Logger

from s3io.presigning import Presigner
from task_schema import RequestRefusedError
from task_store import DynamoTaskStore
from telemetry.emf import EmfMeter
from telemetry.segments import Segments
from validator.adapters import S3Payloads, S3Uploads, SnsPublisher
from validator.api import Api
from validator.clients import CONFIG, S3, quick_session
from validator.invocation import guarded
from validator.settings import read_settings
from validator.submission import Submitter

TRACE_HEADER = "_X_AMZN_TRACE_ID"
SERVICE = "darkroom-validator"


def bootstrap(env: Mapping[str, str]) -> Callable[[Mapping[str, Any], Any], dict[str, Any]]:
    """Make the Lambda handler.

    Args:
        env: the environment; Lambda changes `_X_AMZN_TRACE_ID` in it with each request.

    Raises:
        SettingsError: a variable is missing or wrong.
    """
    settings = read_settings(env)
    session = quick_session()
    s3 = S3(env)
    submitter = Submitter(
        store=DynamoTaskStore(session.create_client("dynamodb", config=CONFIG), settings.tasks_table),
        publisher=SnsPublisher(
            session.create_client("sns", config=CONFIG),
            settings.requests_topic_arn,
            fair=settings.fair_queues,
        ),
        payloads=S3Payloads(s3.client, settings.payload_bucket),
        clock=now,
    )
    api = Api(
        submitter=submitter,
        deployment=settings.deployment,
        output_bucket=settings.output_bucket,
        insecure_callbacks=settings.insecure_callbacks,
        uploads=S3Uploads(lambda: Presigner(s3.client, s3.credentials(), now), settings.payload_bucket),
        input_max=settings.input_max,
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
