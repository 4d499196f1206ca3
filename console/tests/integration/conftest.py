import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from console.app import Plan
from console.page import Page
from console.testing import FakeApi, FakeGlances, Running, a_page, plan_of, serving, sources_of

type Serve = Callable[..., Running]


@pytest.fixture
def api() -> Iterator[FakeApi]:
    api = FakeApi()
    yield api
    api.close()


@pytest.fixture
def glances() -> FakeGlances:
    return FakeGlances()


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return a_page(tmp_path)


@pytest.fixture
def serve(api: FakeApi, glances: FakeGlances, page: Page) -> Iterator[Serve]:
    """Serve consoles on the fake API until the test has ended."""
    with ExitStack() as stack:

        def start(plan: Plan | None = None, **more: Any) -> Running:
            return stack.enter_context(serving(sources_of(api, **more), page, plan or plan_of(glances)))

        yield start


@pytest.fixture
def console(serve: Serve) -> Running:
    return serve()


@pytest.fixture
def browser(console: Running) -> Iterator[httpx.Client]:
    """The page's own requests."""
    with httpx.Client(
        base_url=console.url, headers=console.headers, trust_env=False, verify=False, timeout=20
    ) as client:
        yield client


class Listener:
    """A page that listens; reads one event after another."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def next(self) -> tuple[str, Any]:
        """Return the next event; comments are passed over."""
        name = ""
        async with asyncio.timeout(20):
            async for line in self._lines:
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    return name, json.loads(line.removeprefix("data: "))
        raise EOFError

    async def until(self, name: str, wanted: Callable[[Any], bool] = bool) -> Any:
        """Return the data of the first event of that name that is wanted."""
        while True:
            found, data = await self.next()
            if found == name and wanted(data):
                return data

    async def row(self, task_id: str, **wanted: Any) -> dict[str, Any]:
        """Return a task's row once it is as wanted."""
        while True:
            for row in (await self.until("tasks"))["tasks"]:
                if row["id"] == task_id and wanted.items() <= row.items():
                    return cast("dict[str, Any]", row)


type Listen = Callable[[Running], AbstractAsyncContextManager[Listener]]


@pytest.fixture
def listen() -> Listen:
    """Listen to a console as a page does."""

    @asynccontextmanager
    async def listening(console: Running) -> AsyncIterator[Listener]:
        async with (
            httpx.AsyncClient(base_url=console.url, trust_env=False, verify=False, timeout=20) as client,
            client.stream("GET", "/api/events", headers=console.cookie) as answer,
        ):
            assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert answer.headers["cache-control"] == "no-store"
            yield Listener(answer.aiter_lines())

    return listening
