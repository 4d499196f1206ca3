"""How the end of a task is told: in the words and with the event id of its commit (DESIGN 4.2, 4.3)."""

from typing import Any

from task_schema import Announcement, Status, compact
from task_store._task import Task

#: Largest value that is read back from the payload bucket to tell an outcome (a notification, a context), in
#: bytes of its JSON.
MAX_KEPT_BYTES = 4 * 1024 * 1024

#: Name in the payload bucket of the callback URL of a submission whose row went to another task.
CALLBACK = "callback"


def announcement_of(task: Task, *, kept: Any = None, traceparent: str | None = None) -> Announcement:
    """Return what tells the outcome of a task; telling it again is harmless.

    Args:
        task: a row whose task has ended.
        kept: the notification as its JSON value, where the row has only its `notification_ref`.
        traceparent: of the trace that subscribers should continue.
    """
    return Announcement(
        text=compact(kept) if task.notification is None else task.notification,
        id=task.id,
        submission=task.submission,
        event_id=task.event_id or "",
        runtime=task.runtime,
        tasktype=task.tasktype,
        result=task.status is Status.SUCCEEDED,
        callback=task.callback_url is not None,
        traceparent=traceparent,
    )
