"""What is shown of a task, made from its row (DESIGN 4.1)."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from s3io.errors import ClaimCheckError
from status.ports import Links, Payloads
from task_schema import ImageLink, QueueView, TaskView, output_location
from task_store import MAX_KEPT_BYTES, Task

# Left out where there is nothing to say.
_OPTIONAL = ("queue", "images_total", "output")

type Json = dict[str, Any]


class Views:
    """Shows tasks: whole, or as in lists.

    Args:
        output_bucket: where outputs are.
        payloads: has the notifications that rows have no room for.
        links: to the outputs.
    """

    def __init__(self, *, output_bucket: str, payloads: Payloads, links: Links) -> None:
        self._output_bucket = output_bucket
        self._payloads = payloads
        self._links = links

    def tag(self, task: Task) -> str:
        """Return the weak `ETag` of what is shown of a task.

        Links are left out, and the estimate: the same task may have others at any time.
        """
        told = {**_dumped(self._view(task)), "event": task.event_id, "cancelling": task.cancel_requested}
        text = json.dumps(told, sort_keys=True, separators=(",", ":"))
        return f'W/"{hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]}"'

    def whole(self, task: Task, waiting: int | None = None) -> Json:
        """Return all of a task.

        Args:
            task: its row.
            waiting: about how many messages wait in its queue.

        Raises:
            UnavailableError: S3 gave no answer.
        """
        told = self._told(task)
        view = self._view(task).model_copy(
            update={
                "images": [ImageLink(s3=url, url=self._links.to(url)) for url in told.get("image_url", ())],
                "images_total": told.get("images_total"),
                "output": self._output(task),
                "queue": None if waiting is None else QueueView(position_estimate=waiting),
            }
        )
        return _dumped(view)

    def listed(self, task: Task) -> Json:
        """Return a task without links; `images` only where its row has them."""
        shown = _dumped(self._view(task))
        urls = _image_urls(task)
        if urls is None:
            del shown["images"]
        else:
            shown["images"] = [{"s3": url} for url in urls]
        return shown

    def _view(self, task: Task) -> TaskView:
        return TaskView(
            id=task.id,
            submission=task.submission,
            runtime=task.runtime,
            tasktype=task.tasktype,
            status=task.status,
            created_at=_time(task.created_at),
            started_at=None if task.started_at is None else _time(task.started_at),
            finished_at=None if task.finished_at is None else _time(task.finished_at),
            attempts=task.attempts,
            progress=None if task.progress is None else int(task.progress * 100),
            output_location=output_location(self._output_bucket, task.prefix, task.id),
            output_url=task.output_url,
            error=task.error,
            trace_id=task.trace_id,
        )

    def _output(self, task: Task) -> ImageLink | None:
        url = task.output_url
        return None if url is None else ImageLink(s3=url, url=self._links.to(url))

    def _told(self, task: Task) -> Json:
        if task.notification is not None:
            told: Json = json.loads(task.notification)
            return told
        if task.notification_ref is None:
            return {}
        try:
            kept = self._payloads.get(task.notification_ref, submission=task.submission, limit=MAX_KEPT_BYTES)
        except ClaimCheckError:
            # It lives as long as the row, or nearly so; the rest is worth being shown without it.
            return {}
        return kept if isinstance(kept, dict) else {}


def _image_urls(task: Task) -> Sequence[str] | None:
    """Return the images of a task; None where another place has their list."""
    if task.notification is not None:
        urls: Sequence[str] = json.loads(task.notification).get("image_url", ())
        return urls
    return () if task.notification_ref is None else None


def _dumped(view: TaskView) -> Json:
    shown = view.model_dump(mode="json")
    return {name: value for name, value in shown.items() if value is not None or name not in _OPTIONAL}


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
