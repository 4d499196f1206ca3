"""`GET /api/tasks/{id}/notification`: what subscribers and webhooks were told, to the letter."""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.aws import AwsClients
from console.context import Context
from console.errors import RefusedError, UnavailableError
from console.ids import task_id
from s3io.claimcheck import ClaimCheck
from s3io.errors import SDK_ERRORS, ClaimCheckError
from task_store import (
    MAX_KEPT_BYTES,
    DynamoTaskStore,
    TableUnavailableError,
    Task,
    TaskStoreError,
    announcement_of,
)

_NO_ACCESS = (
    "notifications are read from the tasks table, and this console has an endpoint and a key alone;"
    " started for a stack (./darkroom console --stack-name NAME) it uses your AWS credentials"
)


class Rows(Protocol):
    """The part of the tasks table that is read."""

    def get(self, task_id: str) -> Task | None:
        """Return a task's row; None where there is none."""


class Kept(Protocol):
    """The part of the payload bucket that is read."""

    def get(self, ref: str, *, submission: str, limit: int) -> Any:
        """Return a JSON value; see `s3io.claimcheck.ClaimCheck`."""


class Notifications:
    """Reads what was told. Not for the event loop: it waits for AWS."""

    def __init__(self, rows: Rows, kept: Kept | None) -> None:
        self._rows = rows
        self._kept = kept

    def told(self, task_id: str, submission: str | None = None) -> str:
        """Return the JSON text of a task's notification.

        Raises:
            RefusedError: 404, there is none (any more); 502, AWS does not answer.
        """
        try:
            task = self._rows.get(task_id)
            if task is None or submission not in {None, task.submission}:
                raise _none(f"there is no task {task_id} any more: rows live 30 days after the end")
            if task.notification is None and task.notification_ref is None:
                raise _none(f"task {task_id} is {task.status}: nobody is told before it has ended")
            return announcement_of(task, kept=self._value(task)).text
        except (TableUnavailableError, *SDK_ERRORS) as exc:
            raise UnavailableError(f"AWS does not tell the notification: {exc}") from None
        except TaskStoreError as exc:
            raise UnavailableError(f"the row of task {task_id} cannot be read: {exc}") from None

    def _value(self, task: Task) -> Any:
        if task.notification is not None:
            return None
        if self._kept is None:
            raise _none("the notification is too large for the tasks table, and no payload bucket is known")
        try:
            ref = task.notification_ref or ""
            return self._kept.get(ref, submission=task.submission, limit=MAX_KEPT_BYTES)
        except ClaimCheckError as exc:
            raise _none(f"the notification was too large for the tasks table, and {exc}") from None


def notifications_of(context: Context) -> Notifications | None:
    """Return what reads the notifications of a system; None where nothing can."""
    sources = context.sources
    if sources.aws is None or sources.tasks_table is None:
        return None
    clients = AwsClients(sources.aws)
    bucket = sources.payload_bucket
    return Notifications(
        _LateRows(clients, sources.tasks_table), None if bucket is None else _LateKept(clients, bucket)
    )


def routes(context: Context) -> Sequence[Route]:
    """Return the part's routes."""
    notifications = notifications_of(context)

    async def notification(request: Request) -> Response:
        if notifications is None:
            raise _none(_NO_ACCESS)
        submission = request.query_params.get("s") or None
        text = await asyncio.to_thread(notifications.told, task_id(request), submission)
        return Response(text, media_type="application/json")

    return [Route("/api/tasks/{id}/notification", notification)]


class _LateRows:
    """A table whose client is made when it is needed: credentials may be missing."""

    def __init__(self, clients: AwsClients, table: str) -> None:
        self._clients = clients
        self._table = table

    def get(self, task_id: str) -> Task | None:
        return DynamoTaskStore(self._clients("dynamodb"), self._table).get(task_id)


class _LateKept:
    """A bucket whose client is made when it is needed."""

    def __init__(self, clients: AwsClients, bucket: str) -> None:
        self._clients = clients
        self._bucket = bucket

    def get(self, ref: str, *, submission: str, limit: int) -> Any:
        return ClaimCheck(self._clients("s3"), self._bucket).get(ref, submission=submission, limit=limit)


def _none(message: str) -> RefusedError:
    return RefusedError.of(404, "not_found", message)
