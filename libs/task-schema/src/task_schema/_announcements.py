"""A notification as it goes out: its text, and what its message attributes say (DESIGN 4.3)."""

import re
from dataclasses import dataclass

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
