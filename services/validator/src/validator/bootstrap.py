"""The only place that makes adapters."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.logging import Logger

from task_schema import RequestRefusedError
from task_store import DynamoTaskStore
from telemetry.emf import EmfMeter
from telemetry.segments import Segments
from validator.adapters import S3Payloads, SnsPublisher
from validator.api import Api
from validator.clients import CONFIG, quick_session, s3_client
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
    submitter = Submitter(
        store=DynamoTaskStore(session.create_client("dynamodb", config=CONFIG), settings.tasks_table),
        publisher=SnsPublisher(session.create_client("sns", config=CONFIG), settings.requests_topic_arn),
        payloads=S3Payloads(s3_client, settings.payload_bucket),
        clock=lambda: time.time_ns() // 1_000_000,
    )
    api = Api(
        submitter=submitter,
        deployment=settings.deployment,
        output_bucket=settings.output_bucket,
        insecure_callbacks=settings.insecure_callbacks,
    )
    return guarded(
        api.answer,
        log=Logger(),
        meter=EmfMeter(service=env.get("POWERTOOLS_SERVICE_NAME", SERVICE)),
        segments=Segments.from_environment(env, service=SERVICE, refusals=(RequestRefusedError,)),
        trace_header=lambda: env.get(TRACE_HEADER),
    )
