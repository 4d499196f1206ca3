"""What a watcher makes of an API that fails in part, lags, or is told of more than its lists tell."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from console.feed import Feed
from console.submitted import Submitted
from console.testing import BEGIN, KEY, SWIFT, FakeApi, FakeGlances
from console.watching import Pace, Watcher
from darkroom_client import AsyncDarkroom, Retries
from darkroom_client.testing import Say, refusal

IMAGES = [{"s3": "s3://out/1.png"}]
THROTTLED = Say(429, refusal("throttled"))


class Told(Feed):
    """A feed that remembers each time that it was told why the API does not answer."""

    def __init__(self, *, most: int = 5000) -> None:
        super().__init__(most=most)
        self.troubles: list[str] = []

    def tell_reachable(self, message: str | None = None) -> None:
        if message is not None:
            self.troubles.append(message)
        super().tell_reachable(message)

    def ids(self) -> set[str]:
        return {row.id for row in self.rows()}

    def images(self, task_id: str) -> int | None:
        row = self.row(task_id)
        return None if row is None else row.images


@dataclass
class Watch:
    """A watcher at work, its feed, its clock and what it asks."""

    api: FakeApi
    feed: Told
    now: float = BEGIN.timestamp() + 7 * 86400
    client: AsyncDarkroom = field(init=False)
    watcher: Watcher = field(init=False)

    def looks(self) -> int:
        """Return how often the list was asked for."""
        return sum(seen.path == "/v1alpha2/tasks" for seen in self.api.seen)

    def asked_for(self, task_id: str) -> int:
        """Return how often a task was asked for."""
        return sum(seen.path == f"/v1alpha2/tasks/{task_id}" for seen in self.api.seen)

    async def look_twice(self) -> None:
        """Wait until a whole look has been made that begins after this call."""
        before = self.looks()
        await until(lambda: self.looks() >= before + 3)


@asynccontextmanager
async def watching(api: FakeApi, *, most: int = 5000, pace: Pace = SWIFT) -> AsyncIterator[Watch]:
    watch = Watch(api, Told(most=most))
    async with AsyncDarkroom(api.url, KEY, retries=Retries(tries=1)) as watch.client:
        watch.watcher = Watcher(
            watch.client, watch.feed, Submitted(), FakeGlances(), pace=pace, clock=lambda: watch.now
        )
        running = asyncio.create_task(watch.watcher.run())
        try:
            yield watch
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


async def test_one_task_that_cannot_be_asked_for_is_no_news_and_keeps_back_no_other(api: FakeApi) -> None:
    for name in ("bad", "good"):
        task = api.put(name, "succeeded")
        api.shows[name] = Say(200, {**task, "images": IMAGES})
    shown, api.shows["bad"] = api.shows["bad"], THROTTLED
    async with watching(api) as watch:
        with watch.feed.listening():
            await until(lambda: watch.feed.images("good") == 1)
            await watch.look_twice()
            assert watch.feed.images("bad") == 0
            api.shows["bad"] = shown
            await until(lambda: watch.feed.images("bad") == 1)
    assert watch.feed.troubles == []


async def test_a_list_of_what_runs_that_fails_is_no_news(api: FakeApi) -> None:
    for number in range(20):
        api.put(f"r{number:02}", "running")
    for number in range(120):
        api.put(f"t{number:03}", "succeeded", images=IMAGES)
    async with watching(api) as watch:
        with watch.feed.listening():
            await until(lambda: len(watch.feed.rows()) == 140)
            api.lists["running"] = THROTTLED
            await until(lambda: api.lists == {})
            await watch.look_twice()
    assert watch.feed.troubles == []


async def test_a_task_that_comes_again_without_outputs_is_asked_for_again(api: FakeApi) -> None:
    task = api.put("a", "succeeded")
    async with watching(api) as watch:
        with watch.feed.listening():
            await until(lambda: watch.asked_for("a") == 1)
            api.drop("a")
            await until(lambda: watch.feed.row("a") is None)
            await watch.look_twice()
            api.tasks["a"] = task
            await until(lambda: watch.asked_for("a") > 1)
            await watch.look_twice()
    assert watch.asked_for("a") == 2, "once for each time that it came"
    assert watch.feed.ids() == {"a"}
    assert watch.feed.troubles == []


async def test_a_task_that_is_known_otherwise_hides_none_that_the_list_has_not_told(api: FakeApi) -> None:
    for number in range(120):
        api.put(f"t{number:03}", "succeeded", images=IMAGES)
    async with watching(api) as watch:
        with watch.feed.listening():
            await until(lambda: len(watch.feed.rows()) == 120)
        for number in range(300):
            api.put(f"u{number:03}", "succeeded", images=IMAGES)
        api.put("own")
        watch.watcher.note([await watch.client.get("own")])
        with watch.feed.listening():
            await until(lambda: len(watch.feed.rows()) >= 421)
    assert watch.feed.ids() == set(api.tasks)


async def test_a_gap_that_could_not_be_read_in_one_go_is_read_as_far_as_it_goes(api: FakeApi) -> None:
    for number in range(400):
        api.put(f"t{number:03}", "succeeded", images=IMAGES)
    async with watching(api, most=400) as watch:
        with watch.feed.listening():
            await until(lambda: watch.feed.ids() == set(api.tasks))
            before = len(watch.feed.rows())
            api.lists["100"] = THROTTLED
            for number in range(250):
                api.put(f"u{number:03}", "succeeded", images=IMAGES)
            new = {f"u{number:03}" for number in range(250)}
            await until(lambda: new <= watch.feed.ids())
    assert len(watch.feed.rows()) == before
    assert api.lists == {}


async def test_a_page_that_comes_has_the_api_looked_at_at_once(api: FakeApi) -> None:
    api.down = True
    async with watching(api, pace=Pace(busy=600, idle=600, trouble=600, glance=600)) as watch:
        with watch.feed.listening():
            await until(lambda: watch.feed.troubles != [])
            api.down = False
            with watch.feed.listening():
                await until(lambda: watch.feed.reachable is not None and watch.feed.reachable.reachable)
    assert len(watch.feed.troubles) == 1
    assert watch.looks() == 2


async def test_a_task_that_has_ended_before_the_list_tells_of_it_is_kept_for_a_while(api: FakeApi) -> None:
    api.put("own", "succeeded", images=IMAGES)
    async with watching(api) as watch:
        watch.now = BEGIN.timestamp() + 10
        api.listed = False
        watch.watcher.note([await watch.client.get("own")])
        with watch.feed.listening():
            await watch.look_twice()
            assert watch.feed.row("own") is not None
            watch.now += 60
            await until(lambda: watch.feed.row("own") is None)
