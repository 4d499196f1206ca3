"""What real tasks used: their rows in the tasks table, and the GPU seconds in their `.out` (DESIGN 4.3)."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from planning.errors import RecordsError
from s3io.uri import S3Uri
from task_schema import Status
from task_store import Task, TaskStore, TaskStoreError, list_newest

_PAGE = 100
_THREADS = 8

#: Returns the bytes of an S3 URI.
type Read = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Usage:
    """What tasks used.

    Attributes:
        statuses: number of tasks in each.
        lost: inferences beyond the first of each task.
        measured: tasks whose GPU seconds are known.
        gpu_seconds: of those.
        images: that the measured ones made.
        unread: outputs that could not be read.
    """

    statuses: Counter[Status] = field(default_factory=Counter)
    lost: int = 0
    measured: int = 0
    gpu_seconds: float = 0.0
    images: int = 0
    unread: int = 0

    @property
    def tasks(self) -> int:
        """All tasks."""
        return self.statuses.total()

    @property
    def succeeded(self) -> int:
        """Tasks that made something."""
        return self.statuses[Status.SUCCEEDED]

    @property
    def seconds_per_task(self) -> float | None:
        """GPU seconds of a task with a known time; None where there is none."""
        return self.gpu_seconds / self.measured if self.measured else None

    @property
    def images_per_task(self) -> float | None:
        """Images of a task with a known time."""
        return self.images / self.measured if self.measured else None


def read_usage(
    store: TaskStore, read: Read, runtimes: Sequence[str], *, now: int, since: int, sample: int
) -> Usage:
    """Sum up the tasks that were submitted since a time.

    Args:
        store: the tasks table.
        read: of outputs.
        runtimes: whose tasks.
        now: ms since the epoch.
        since: ms since the epoch.
        sample: outputs that are read at most, those of the newest tasks.

    Raises:
        RecordsError: the table gives no answer.
    """
    try:
        tasks = list(_tasks(store, runtimes, now=now, since=since))
    except TaskStoreError as exc:
        raise RecordsError(f"the tasks table gives no answer: {exc}") from exc
    made = (task.output_url for task in tasks if task.status is Status.SUCCEEDED and task.output_url)
    with ThreadPoolExecutor(_THREADS) as pool:
        answers = list(pool.map(lambda url: _of_output(read, url), islice(made, sample)))
    known = [answer for answer in answers if answer is not None]
    return Usage(
        statuses=Counter(task.status for task in tasks),
        lost=sum(max(0, task.attempts - 1) for task in tasks),
        measured=len(known),
        gpu_seconds=sum(seconds for seconds, _ in known),
        images=sum(images for _, images in known),
        unread=len(answers) - len(known),
    )


def reader(s3: Any) -> Read:
    """Make a `Read` of an S3 client."""

    def read(uri: str) -> bytes:
        place = S3Uri.parse(uri)
        body: bytes = s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read()
        return body

    return read


def _tasks(store: TaskStore, runtimes: Sequence[str], *, now: int, since: int) -> Iterator[Task]:
    cursor = None
    while True:
        page = list_newest(store, runtimes, now=now, limit=_PAGE, cursor=cursor)
        for task in page.tasks:
            if task.created_at < since:
                return
            yield task
        if page.cursor is None:
            return
        cursor = page.cursor


def _of_output(read: Read, url: str) -> tuple[float, int] | None:
    """Return GPU seconds and number of images; None where the output does not tell."""
    try:
        output = json.loads(read(url))
        seconds = float(output["darkroom"]["gpu_seconds"])
    except (BotoCoreError, ClientError, ValueError, KeyError, TypeError):
        return None
    images = output.get("images")
    return seconds, max(1, len(images)) if isinstance(images, list) else 1
