"""The server as one ASGI application: the page and the parts, behind the guard."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from console import workflow
from console.answers import refusal, said
from console.context import Context, MakeDetails, MakeGlances, Part
from console.errors import RefusedError, refused
from console.feed import Feed
from console.gateway import Gateway
from console.guard import Guard, Pass
from console.models import Features, RuntimeInfo, System
from console.page import Page
from console.settings import Sources
from console.streaming import EventStream
from console.submitted import Submitted
from console.tasks import Tasks
from console.watching import LOCAL, REMOTE, Pace, Watcher
from darkroom_client import AsyncDarkroom, DarkroomError, Retries

# A page waits for each answer: better to tell soon that there is none.
_API_TIMEOUT = 10.0
_API_RETRIES = Retries(tries=2, first=0.3, longest=1.0, longest_asked=2.0)
_ONCE = Retries(tries=1)  # what is asked again and again anyway
_OTHER_TIMEOUT = 30.0
_CODES = {404: "not_found", 405: "method_not_allowed"}


@dataclass(frozen=True)
class Plan:
    """What a server is made of.

    Attributes:
        parts: further routes (`console.context` says what a part is).
        details: makes the port of `GET /api/tasks/{id}`.
        glances: makes the port of the event `glance`.
        pace: seconds between looks; None: that of the sources' mode.
        clock: seconds since 1970.
    """

    parts: Sequence[Part]
    details: MakeDetails
    glances: MakeGlances
    pace: Pace | None = None
    clock: Callable[[], float] = time.time


@dataclass(frozen=True)
class App:
    """The application, and the feed whose streams have to end before the server can."""

    asgi: ASGIApp
    feed: Feed


def create_app(sources: Sources, entry: Pass, page: Page, plan: Plan) -> App:
    """Put the server together; nothing is asked of anybody before the application is started.

    Raises:
        SettingsError: endpoint or key cannot be ones.
    """
    connection = sources.connection()
    certificates = httpx.create_ssl_context()  # once: it takes a while
    to_api = httpx.AsyncClient(verify=certificates, trust_env=connection.proxies)
    others = httpx.AsyncClient(verify=certificates, trust_env=connection.proxies, timeout=_OTHER_TIMEOUT)
    api = AsyncDarkroom(
        connection.endpoint, connection.api_key, retries=_API_RETRIES, timeout=_API_TIMEOUT, http=to_api
    )
    watched = AsyncDarkroom(
        connection.endpoint, connection.api_key, retries=_ONCE, timeout=_API_TIMEOUT, http=to_api
    )
    context = Context(sources, api, others, Submitted(), plan.clock)
    feed = Feed()
    pace = plan.pace or (LOCAL if sources.mode == "local" else REMOTE)
    glances = plan.glances(context)
    watcher = Watcher(watched, feed, context.submitted, glances, pace=pace, clock=plan.clock)
    tasks = Tasks(context, Gateway(connection, to_api), feed, watcher, plan.details(context))

    @contextlib.asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        async with to_api, others:
            watching = asyncio.create_task(watcher.run())
            try:
                yield
            finally:
                watching.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watching
                glances.close()

    routes = [
        Route("/", page.index),
        *page.routes(),
        *_routes(sources, feed),
        *tasks.routes(),
        *(route for part in plan.parts for route in part(context)),
    ]
    starlette = Starlette(
        routes=routes,
        lifespan=running,
        exception_handlers={
            RefusedError: _refused,
            DarkroomError: _refused_by_api,
            HTTPException: _no_route,
            Exception: _fault_of_ours,
        },
    )
    starlette.router.redirect_slashes = False
    return App(Guard(starlette, entry), feed)


def _routes(sources: Sources, feed: Feed) -> Sequence[BaseRoute]:
    told = _system(sources)

    async def system(_: Request) -> Response:
        return said(told)

    async def events(_: Request) -> Response:
        return EventStream(feed)

    return [
        Route("/api/system", system),
        Route("/api/events", events),
        Route("/api/workflow", workflow.endpoint, methods=["POST"]),
    ]


def _system(sources: Sources) -> System:
    glance = any(runtime.queue_url or runtime.metrics_url for runtime in sources.runtimes)
    return System(
        mode=sources.mode,
        endpoint=sources.endpoint,
        runtimes=[
            RuntimeInfo(
                name=runtime.name,
                type=runtime.type,
                tasktypes=list(runtime.tasktypes),
                models=list(runtime.models),
            )
            for runtime in sources.runtimes
        ],
        features=Features(
            traces=sources.traces_url is not None,
            glance=glance,
            notifications=sources.tasks_table is not None and sources.aws is not None,
        ),
        input_max=sources.input_max,
    )


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError), "registered for it"
    return refusal(error)


async def _refused_by_api(_: Request, error: Exception) -> Response:
    assert isinstance(error, DarkroomError), "registered for it"
    return refusal(refused(error))


async def _no_route(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), "registered for it"
    code = _CODES.get(error.status_code, "bad_value")
    return refusal(RefusedError.of(error.status_code, code, str(error.detail)), error.headers)


async def _fault_of_ours(_: Request, __: Exception) -> Response:
    return refusal(RefusedError.of(500, "internal", "the console has a fault; its log says more"))
