"""The only place that makes adapters for webhooks; apart from the others, which need no HTTP client."""

from collections.abc import Mapping

from aws_lambda_powertools.logging import Logger
from botocore.config import Config
from botocore.session import Session

from netguard import AddressGuard
from notifier.adapters import SqsQueues
from notifier.bootstrap import CONFIG, S3_CONFIG, Handler, meter, now, tracing
from notifier.webhook_adapters import KeptCallbacks, SecretSigners, SqsOutbox
from notifier.webhook_deliveries import AWS_THREADS, Deliveries
from notifier.webhook_schedule import Schedule
from notifier.webhook_sending import LOOPBACK, HttpPoster
from notifier.webhook_settings import WebhookSettings
from task_store import DynamoTaskStore

_CONFIG = CONFIG.merge(Config(max_pool_connections=AWS_THREADS))


def webhooks(env: Mapping[str, str]) -> Handler:
    """Make the function that posts webhooks.

    Args:
        env: the environment; Lambda changes `_X_AMZN_TRACE_ID` in it with each invocation.

    Raises:
        SettingsError: a variable is missing or wrong.
    """
    settings = WebhookSettings.read(env)
    session = Session()
    sqs = session.create_client("sqs", config=_CONFIG)
    guard = AddressGuard((*settings.hosts, *(LOOPBACK if settings.insecure_callbacks else ())))
    return Deliveries(
        store=DynamoTaskStore(session.create_client("dynamodb", config=_CONFIG), settings.tasks_table),
        callbacks=KeptCallbacks(
            lambda: session.create_client("s3", config=S3_CONFIG), settings.payload_bucket
        ),
        signers=SecretSigners(
            session.create_client("secretsmanager", config=_CONFIG), settings.secret, clock=now
        ),
        poster=HttpPoster(guard, insecure=settings.insecure_callbacks),
        outbox=SqsOutbox(
            sqs,
            retry_queue_url=settings.retry_queue_url,
            dead_letters_url=settings.dead_letters_url,
        ),
        queues=SqsQueues(sqs),
        schedule=Schedule(settings.delays),
        clock=now,
        meter=meter(env),
        log=Logger(),
        tracing=tracing(env),
    )
