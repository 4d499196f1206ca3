"""Client of Darkroom's API: submit tasks, wait for them, fetch what came out; check webhooks."""

from darkroom_client.arguments import TaskOptions
from darkroom_client.async_client import AsyncDarkroom
from darkroom_client.client import Darkroom
from darkroom_client.connection import Connection
from darkroom_client.errors import (
    ApiError,
    BadArgumentError,
    ConflictError,
    DarkroomError,
    DownloadError,
    Fault,
    NoAnswerError,
    NotFoundError,
    TaskFailedError,
    ThrottledError,
    UnauthorizedError,
    UnavailableError,
    UnexpectedAnswerError,
    UploadError,
    WaitTimeoutError,
    WebhookVerificationError,
)
from darkroom_client.models import (
    Accepted,
    AcceptedV1Alpha1,
    Failure,
    Notification,
    Output,
    Queue,
    Status,
    Task,
)
from darkroom_client.retrying import Retries
from darkroom_client.sources import Uploadable
from darkroom_client.webhooks import WebhookEvent, verify_webhook

__all__ = [
    "Accepted",
    "AcceptedV1Alpha1",
    "ApiError",
    "AsyncDarkroom",
    "BadArgumentError",
    "ConflictError",
    "Connection",
    "Darkroom",
    "DarkroomError",
    "DownloadError",
    "Failure",
    "Fault",
    "NoAnswerError",
    "NotFoundError",
    "Notification",
    "Output",
    "Queue",
    "Retries",
    "Status",
    "Task",
    "TaskFailedError",
    "TaskOptions",
    "ThrottledError",
    "UnauthorizedError",
    "UnavailableError",
    "UnexpectedAnswerError",
    "UploadError",
    "Uploadable",
    "WaitTimeoutError",
    "WebhookEvent",
    "WebhookVerificationError",
    "verify_webhook",
]
