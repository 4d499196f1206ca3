"""What is known of the tasks, and the stream of it to any number of pages (server-sent events).

Each page has a mailbox of its own that holds at most the latest of each task and of each kind of event: a
page that reads slowly keeps nobody waiting, and costs no more memory than one that does not.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from pydantic import BaseModel

from console.errors import UnavailableError
from console.models import Failure, Glance, Reachable, TaskRow, milliseconds
from darkroom_client import Task

MOST_TASKS = 5000
MOST_PAGES = 50  # that listen at once
CHUNK = 200  # tasks in one event
QUIET_SECONDS = 15.0
_COMMENT = b":\n\n"


class Reset(BaseModel):
    """Event `reset`."""

    total: int


class TaskRows(BaseModel):
    """Event `tasks`."""

    tasks: Sequence[TaskRow]


def row_of(task: Task) -> TaskRow:
    """Return a task as the gallery has it."""
    error = task.error
    return TaskRow(
        id=task.id,
        submission=task.submission,
        runtime=task.runtime,
        tasktype=task.tasktype,
        status=task.status,
        created_at=milliseconds(task.created_at),
        started_at=None if task.started_at is None else milliseconds(task.started_at),
        finished_at=None if task.finished_at is None else milliseconds(task.finished_at),
        progress=task.progress,
        images=len(task.images) if task.images_total is None else task.images_total,
        error=None
        if error is None
        else Failure(code=error.code, message=error.message, retryable=error.retryable),
    )


class Mailbox:
    """What one page has yet to be told."""

    def __init__(self, feed: "Feed") -> None:
        self._feed = feed
        self._closed = False
        self._something = asyncio.Event()
        self._tasks: dict[str, TaskRow] = {}
        self._glance = feed.glance
        self._reachable = feed.reachable
        self._anew = True
        self._something.set()

    def put(self, rows: Iterable[TaskRow]) -> None:
        """Put tasks in; what was there of them and not yet sent is replaced."""
        if not self._anew:  # else it will be told everything anyway
            self._tasks.update((row.id, row) for row in rows)
        self._something.set()

    def put_glance(self, glance: Glance) -> None:
        """Put the latest glance in."""
        self._glance = glance
        self._something.set()

    def put_reachable(self, reachable: Reachable) -> None:
        """Put in whether the API answers."""
        self._reachable = reachable
        self._something.set()

    def start_anew(self) -> None:
        """Have the page forget all that it was told of tasks, and tell it again."""
        self._anew = True
        self._tasks.clear()
        self._something.set()

    def close(self) -> None:
        """End the stream."""
        self._closed = True
        self._something.set()

    async def events(self, quiet: float = QUIET_SECONDS) -> AsyncGenerator[bytes]:
        """Yield the stream's events until it is closed, and a comment where nothing happens for so long."""
        while not self._closed:
            self._something.clear()
            async for event in self._round():
                yield event
            try:
                await asyncio.wait_for(self._something.wait(), quiet)
            except TimeoutError:
                yield _COMMENT

    async def _round(self) -> AsyncGenerator[bytes]:
        """Yield what is there now; what comes meanwhile is for the next round, so nothing waits for ever."""
        if self._feed.reachable is None:
            return  # nobody has looked yet: no page is to believe that there is nothing
        reachable, self._reachable = self._reachable, None
        if reachable is not None:
            yield _event("system", reachable)
        if self._anew:
            self._anew = False
            self._tasks = {row.id: row for row in self._feed.rows()}
            yield _event("reset", Reset(total=len(self._tasks)))
        left = len(self._tasks)
        while left > 0 and self._tasks and not self._anew and not self._closed:
            ids = list(islice(self._tasks, CHUNK))
            left -= len(ids)
            yield _event("tasks", TaskRows(tasks=[self._tasks.pop(task_id) for task_id in ids]))
        glance, self._glance = self._glance, None
        if glance is not None:
            yield _event("glance", glance)


class Feed:
    """The newest tasks, the last glance, whether the API answers; and who is to be told."""

    def __init__(self, *, most: int = MOST_TASKS) -> None:
        self.glance: Glance | None = None
        self.reachable: Reachable | None = None
        self._most = most
        self._rows: dict[str, TaskRow] = {}
        self._mailboxes: set[Mailbox] = set()
        self._somebody = asyncio.Event()
        self._arrived: Callable[[], None] = lambda: None
        self._closed = False

    @property
    def full(self) -> bool:
        """Whether no older task would be remembered."""
        return len(self._rows) >= self._most

    @property
    def listened(self) -> bool:
        """Whether any page listens."""
        return bool(self._mailboxes)

    async def somebody(self) -> None:
        """Wait until a page listens."""
        await self._somebody.wait()

    def on_arrival(self, call: Callable[[], None]) -> None:
        """Have somebody called whenever a page begins to listen."""
        self._arrived = call

    def rows(self) -> list[TaskRow]:
        """Return all that is known, newest first."""
        return sorted(self._rows.values(), key=_newest_first)

    def row(self, task_id: str) -> TaskRow | None:
        """Return what is known of a task."""
        return self._rows.get(task_id)

    def note(self, tasks: Iterable[Task]) -> int:
        """Take tasks as the API told them, tell the pages what is new of them, and return how much was."""
        changed = [row for task in tasks if self._is_news(row := row_of(task))]
        self._rows.update((row.id, row) for row in changed)
        dropped = self._drop_oldest()
        for mailbox in self._mailboxes:
            mailbox.put(row for row in changed if row.id not in dropped)
        return len(changed)

    def forget(self, task_ids: Iterable[str]) -> None:
        """Forget tasks that are no more; pages are told everything anew, as no event takes one away."""
        gone = [task_id for task_id in task_ids if self._rows.pop(task_id, None) is not None]
        for mailbox in self._mailboxes if gone else ():
            mailbox.start_anew()

    def tell_glance(self, glance: Glance) -> None:
        """Tell the pages of a new glance."""
        self.glance = glance
        for mailbox in self._mailboxes:
            mailbox.put_glance(glance)

    def tell_reachable(self, message: str | None = None) -> None:
        """Say that the API answers, or why it does not; pages are told where that is new."""
        reachable = Reachable(reachable=message is None, message=message)
        if reachable != self.reachable:
            self.reachable = reachable
            for mailbox in self._mailboxes:
                mailbox.put_reachable(reachable)

    @contextmanager
    def listening(self) -> Iterator[Mailbox]:
        """Listen for as long as it is entered.

        Raises:
            UnavailableError: too many listen already.
        """
        if len(self._mailboxes) >= MOST_PAGES:
            raise UnavailableError(f"{MOST_PAGES} pages are open already: close some")
        mailbox = Mailbox(self)
        if self._closed:
            mailbox.close()
        self._mailboxes.add(mailbox)
        self._somebody.set()
        self._arrived()
        try:
            yield mailbox
        finally:
            self._mailboxes.discard(mailbox)
            if not self._mailboxes:
                self._somebody.clear()

    def close(self) -> None:
        """End all streams: the server is about to end."""
        self._closed = True
        for mailbox in self._mailboxes:
            mailbox.close()

    def _is_news(self, row: TaskRow) -> bool:
        known = self._rows.get(row.id)
        if known is None or known.submission != row.submission:
            return known is None or row.created_at >= known.created_at
        if known.status.is_terminal:
            # Lists follow with a delay, answers overtake each other, and a list may not tell the outputs.
            return row.status.is_terminal and row.images > known.images
        return row != known

    def _drop_oldest(self) -> set[str]:
        too_many = len(self._rows) - self._most
        if too_many <= 0:
            return set()
        dropped = {row.id for row in self.rows()[-too_many:]}
        for task_id in dropped:
            del self._rows[task_id]
        return dropped


def _newest_first(row: TaskRow) -> tuple[int, str]:
    return (-row.created_at, row.id)


def _event(name: str, data: BaseModel) -> bytes:
    return f"event: {name}\ndata: {data.model_dump_json()}\n\n".encode()
