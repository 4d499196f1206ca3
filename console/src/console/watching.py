"""Looks at the API's list of tasks for as long as a page listens, and tells the feed what it finds.

The list is asked for as many of the newest as are known, and not for more than there are if that can be
helped: to find that there are no more, the API searches 45 days of each runtime, which takes seconds.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import cast

from console.choosing import choose
from console.context import Glances
from console.errors import refused
from console.feed import Feed
from console.models import TaskRow
from console.submitted import Submitted
from darkroom_client import AsyncDarkroom, DarkroomError, NotFoundError, Status, Task

PAGE = 100  # tasks, the most that the API lists at once
_MANY_RUNNING = 10  # of more than so many, outside of the newest page, a list is asked for
_AT_ONCE = 4  # requests
_BETWEEN_OLD_PAGES = 0.2  # seconds: what is shown now goes first
_LIST_LAGS = 30.0  # seconds, at most, by which the list follows
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pace:
    """Seconds from one look to the next.

    Attributes:
        busy: while something changes.
        idle: at most, where nothing does.
        trouble: at most, where the API does not answer.
        glance: from one glance to the next.
    """

    busy: float
    idle: float
    trouble: float
    glance: float


LOCAL = Pace(busy=1.0, idle=3.0, trouble=4.0, glance=2.0)
REMOTE = Pace(busy=2.5, idle=10.0, trouble=30.0, glance=5.0)


class Watcher:
    """Looks while somebody listens.

    Args:
        api: is asked; the list alone says whether it can be reached.
        feed: is told.
        submitted: the requests that this console sent.
        glances: of the system.
        pace: of the looks.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        api: AsyncDarkroom,
        feed: Feed,
        submitted: Submitted,
        glances: Glances,
        *,
        pace: Pace,
        clock: Callable[[], float],
    ) -> None:
        self._api = api
        self._feed = feed
        self._submitted = submitted
        self._glances = glances
        self._pace = pace
        self._clock = clock
        self._now = asyncio.Event()
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._gap = asyncio.Event()  # there are older tasks than those that are known
        self._looks = 0
        self._asked: dict[str, int] = {}
        self._counted: set[str] = set()
        self._listed: set[str] = set()  # submissions of which the list told; of others some were asked for
        self._until: set[str] = set()  # those of them that are below the gap
        feed.on_arrival(self.hurry)

    async def run(self) -> None:
        """Look until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._for_ever(self._look_on))
            group.create_task(self._for_ever(self._fill_gap))
            group.create_task(self._for_ever(self._glance))

    def hurry(self) -> None:
        """Look at once: something was submitted or cancelled, or a page came."""
        self._now.set()

    def note(self, tasks: Iterable[Task]) -> int:
        """Take tasks as the API told them; return how many are news."""
        told = list(tasks)
        for task in told:
            self._submitted.seen(task.id, task.submission)
        return self._feed.note(told)

    async def follow(self, task_id: str) -> None:
        """Look at a task that was submitted, and then at all: the list may take its time to tell of it."""
        with contextlib.suppress(DarkroomError):  # the next look finds it
            self.note([await self._api.get(task_id)])
        self.hurry()

    async def _look_on(self) -> None:
        pause = self._pace.busy
        while True:
            await self._feed.somebody()
            self._now.clear()
            began = time.monotonic()
            try:
                changed = await self._look()
            except DarkroomError as exc:
                self._feed.tell_reachable(refused(exc).faults[0].message)
                pause = min(self._pace.trouble, pause * 2)
            else:
                pause = self._pace.busy if changed else min(self._pace.idle, pause * 1.5)
            spent = time.monotonic() - began  # a system that is slow to answer is asked less often
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._now.wait(), max(pause, spent))
                pause = self._pace.busy

    async def _look(self) -> int:
        self._looks += 1
        listed = await self._newest()
        changed = self.note(listed)
        self._feed.tell_reachable()
        seen = {task.id for task in listed}
        left = self._unfinished(seen)
        if sum(row.status is Status.RUNNING for row in left) > _MANY_RUNNING:
            running = await self._running()
            changed += self.note(running)
            left = self._unfinished(seen | {task.id for task in running})
        self._asked = {row.id: self._asked[row.id] for row in left if row.id in self._asked}
        return changed + await self._ask([*choose(left, self._asked), *self._uncounted()])

    async def _newest(self) -> list[Task]:
        """Return the newest tasks, back to one of which the list has told before."""
        self._listed.intersection_update(row.submission for row in self._feed.rows())
        known = set(self._listed)
        size = min(PAGE, max(1, len(known)))
        while True:
            page = await self._page(size)
            met = not known.isdisjoint(task.submission for task in page)
            if len(page) < size:
                self._forget_all_but(page)
            elif not met and known and size < PAGE:
                size = min(PAGE, size * 2)
                continue
            elif not met:
                self._open_gap(known)
            self._listed.update(task.submission for task in page)
            return page

    def _open_gap(self, until: set[str]) -> None:
        """Have it filled; of one that is still open the lower end stays."""
        if not self._gap.is_set():
            self._until = until
            self._gap.set()

    def _forget_all_but(self, page: list[Task]) -> None:
        """Forget what has ended and is not in the whole list: its row is gone, or the system is a new one."""
        ids = {task.id for task in page}
        before = (self._clock() - _LIST_LAGS) * 1000
        ended = (row for row in self._feed.rows() if row.status.is_terminal and row.created_at < before)
        self._feed.forget([row.id for row in ended if row.id not in ids])

    def _unfinished(self, seen: set[str]) -> list[TaskRow]:
        return [row for row in self._feed.rows() if not row.status.is_terminal and row.id not in seen]

    def _uncounted(self) -> list[TaskRow]:
        """Return some without outputs of which the list alone has told: it leaves out what is long."""
        rows = self._feed.rows()
        self._counted.intersection_update(row.submission for row in rows)
        without = (row for row in rows if row.status is Status.SUCCEEDED and not row.images)
        return list(islice((row for row in without if row.submission not in self._counted), _AT_ONCE))

    async def _ask(self, rows: list[TaskRow]) -> int:
        self._asked.update((row.id, self._looks) for row in rows if not row.status.is_terminal)
        answers = await asyncio.gather(*(self._get(row.id) for row in rows))
        answered = [(row, one) for row, one in zip(rows, answers, strict=True) if one is not None]
        self._counted.update(row.submission for row, _ in answered if row.status.is_terminal)
        self._feed.forget(row.id for row, one in answered if isinstance(one, NotFoundError))
        return self.note(one for _, one in answered if isinstance(one, Task))

    async def _get(self, task_id: str) -> Task | NotFoundError | None:
        """Return a task, or that there is none; None is no news: a later look asks again."""
        async with self._gate:
            try:
                return await self._api.get(task_id)
            except NotFoundError as exc:
                return exc
            except DarkroomError:
                return None

    async def _running(self) -> list[Task]:
        try:
            return await self._page(PAGE, Status.RUNNING)
        except DarkroomError:
            return []

    async def _fill_gap(self) -> None:
        """Read the list page by page until its end, what is known, or what would not be remembered."""
        await self._gap.wait()
        self._gap.clear()
        until, self._until = self._until, set()
        try:
            async with self._listing(PAGE) as tasks:
                while not self._feed.full or until:
                    await self._feed.somebody()
                    page = await _take(tasks, PAGE)
                    self.note(page)
                    submissions = {task.submission for task in page}
                    self._listed |= submissions
                    if len(page) < PAGE or not until.isdisjoint(submissions):
                        break
                    await asyncio.sleep(_BETWEEN_OLD_PAGES)
        except DarkroomError:  # pages are told by the looks
            self._until = until  # lower than that of a gap that opened meanwhile
            self._gap.set()
            await asyncio.sleep(self._pace.trouble)

    async def _glance(self) -> None:
        await self._feed.somebody()
        glance = await self._glances.read()
        if glance is not None:
            self._feed.tell_glance(glance)
        await asyncio.sleep(self._pace.glance)

    async def _for_ever(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except Exception:  # noqa: BLE001 - the last resort: one fault of ours must not end all looks
                _log.exception("a look failed")
                await asyncio.sleep(self._pace.trouble)

    async def _page(self, size: int, status: Status | None = None) -> list[Task]:
        async with self._listing(size, status) as tasks:
            return await _take(tasks, size)

    @contextlib.asynccontextmanager
    async def _listing(self, size: int, status: Status | None = None) -> AsyncIterator[AsyncIterator[Task]]:
        tasks = cast("AsyncGenerator[Task]", self._api.list(page_size=size, status=status))
        async with contextlib.aclosing(tasks):
            yield tasks


async def _take(tasks: AsyncIterator[Task], most: int) -> list[Task]:
    """Return the next so many, or those that there are; the page after them is not asked for."""
    taken: list[Task] = []
    while len(taken) < most:
        try:
            taken.append(await anext(tasks))
        except StopAsyncIteration:
            break
    return taken
