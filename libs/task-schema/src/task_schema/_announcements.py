"""A notification as it goes out: its text, and what its message attributes say (DESIGN 4.3)."""

import re
import uuid
from dataclasses import dataclass

from task_schema._metadata import Metadata
from task_schema._notifications import Notification
from task_schema._task_errors import TaskError

# What no message attribute may hold.
_NOT_IN_ATTRIBUTES = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Announcement:
    """One notification with what its message attributes say."""

    text: str
    id: str
    submission: str
    event_id: str
    runtime: str
    tasktype: str
    result: bool
    callback: bool
    traceparent: str | None = None

    @classmethod
    def of_conflict(
        cls, metadata: Metadata, submission: str, traceparent: str | None = None
    ) -> "Announcement":
        """Make what tells that a bare message was refused: its id is that of an unfinished task (DESIGN 4.2).

        Args:
            metadata: of the message.
            submission: of the message, a UUID as `read_message` derives it. The event id comes from it, so
                that each delivery of the message is told as the same event, whoever tells it.
            traceparent: of the trace that the message belongs to.
        """
        notification = Notification.ended_without_result(
            task_id=metadata.id,
            submission=submission,
            runtime=metadata.runtime,
            context=metadata.context,
            error=TaskError.conflict(metadata.id),
        )
        return cls(
            text=notification.to_json(),
            id=metadata.id,
            submission=submission,
            event_id=str(uuid.uuid5(uuid.UUID(submission), "conflict")),
            runtime=metadata.runtime,
            tasktype=metadata.tasktype,
            result=False,
            callback=metadata.callback_url is not None,
            traceparent=traceparent,
        )

    def attributes(self) -> dict[str, str]:
        """Return the message attributes; fewer than ten, the most that raw delivery takes."""
        values = {
            "id": self.id,
            "submission": self.submission,
            "event_id": self.event_id,
            "runtime": self.runtime,
            "tasktype": self.tasktype,
            "result": "true" if self.result else "false",
            "callback": "true" if self.callback else "false",
        }
        if self.traceparent:
            values["traceparent"] = self.traceparent
        # A message that came straight from the topic names its runtime and type as it likes.
        return {name: _NOT_IN_ATTRIBUTES.sub("?", value) for name, value in values.items()}
