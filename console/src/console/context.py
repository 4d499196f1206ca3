"""What all parts of the server are given, and what a part is.

A *part* is a module with a function `routes(context: Context) -> Sequence[Route]`: paths under `/api`, with
handlers that return a Starlette response (`answers.said(model)` for JSON) or raise

- `RefusedError` / `UnavailableError` (`console.errors`): answered as a `Refusal`;
- `DarkroomError` of the client: answered with the API's own refusal and status, or 502 `unavailable`.

What else is raised is a fault of ours: 500, and logged. By the time a handler is called, host, origin, cookie
and header have been checked (`console.guard`); security headers and `Cache-Control: no-store` are added to
its answer where it does not set a header of that name itself (`Content-Security-Policy` for attachments,
`Cache-Control` for thumbnails). Bodies are read with `bodies.read_body(request, limit)`.

Parts are listed in `console.server.PLAN`; what `TaskDetail` and the stream need of them are the two ports
below: `console.details.create(context) -> Details` and `console.glance.create(context) -> Glances`, which
`console.server` puts together. Tests give fakes to `console.app.create_app`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import httpx
from starlette.routing import BaseRoute

from console.models import Glance, TaskRequest
from console.settings import Sources
from console.submitted import Submitted
from darkroom_client import AsyncDarkroom, Task


@dataclass(frozen=True)
class Beside:
    """What the console knows of a task beside what the API tells (`TaskDetail`)."""

    request: TaskRequest | None
    has_out: bool
    advice: str | None


@dataclass(frozen=True)
class Context:
    """What parts work with; all of it lives as long as the server.

    Attributes:
        sources: what there is to look at. The key is in it: nothing that is said or logged may show it.
        api: the client; few tries and a short timeout, as a page waits.
        http: for everything else that is fetched: presigned URLs, the trace store, `/metrics`. It follows no
            redirects and sends no key.
        submitted: the requests that this console sent.
        clock: seconds since 1970.
    """

    sources: Sources
    api: AsyncDarkroom
    http: httpx.AsyncClient
    submitted: Submitted
    clock: Callable[[], float]


class Details(Protocol):
    """Port of `GET /api/tasks/{id}`."""

    async def beside(self, task: Task) -> Beside:
        """Return what is known; what cannot be fetched is left out, it never fails."""

    def kind_of(self, name: str) -> Literal["image", "file"]:
        """Say by an output's file name whether the pictures' routes can show it."""


class Glances(Protocol):
    """Port of the event `glance`: asked every few seconds while a page listens, and not otherwise."""

    async def read(self) -> Glance | None:
        """Return the system as it is now; None where there is nothing to be seen. It never fails."""

    def close(self) -> None:
        """Give up what is held, without waiting for it: nobody will ask again."""


type Part = Callable[[Context], Sequence[BaseRoute]]

# How a part of `console.server` offers its ports: `details.create(context)`, `glance.create(context)`.
type MakeDetails = Callable[[Context], Details]
type MakeGlances = Callable[[Context], Glances]
