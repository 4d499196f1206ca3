"""Log lines that say which task and which trace they belong to."""

import logging
from contextvars import ContextVar

from telemetry.sdk import current_ids

#: Id of the task that is worked on, for the lines that do not name it themselves.
task_id: ContextVar[str | None] = ContextVar("task_id", default=None)


class TraceFields(logging.Filter):
    """Adds `trace_id`, `span_id` and `task` to records; for a handler whose formatter writes extra fields."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True: every record passes."""
        if (ids := current_ids()) is not None:
            record.trace_id, record.span_id = ids
        if "task" not in record.__dict__ and (task := task_id.get()) is not None:
            record.task = task
        return True
