"""What the client does, step by step, without doing it: the two clients only differ in how they carry it out.

A flow is a generator: it yields steps and is sent what came of each.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from darkroom_client.sources import Source


@dataclass(frozen=True)
class Ask:
    """Send a request to the API; `path` follows the endpoint, `timeout` is of one read, in seconds."""

    method: str
    path: str
    timeout: float
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


@dataclass(frozen=True)
class Save:
    """Fetch a presigned URL into a file: whole or not at all, and without the API key."""

    url: str = field(repr=False)
    path: Path
    timeout: float


@dataclass(frozen=True)
class Put:
    """Send bytes to a presigned URL, with exactly these headers and without the API key."""

    url: str = field(repr=False)
    headers: Mapping[str, str]
    source: Source
    timeout: float


@dataclass(frozen=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Lost:
    """No answer came; whether the request arrived is unknown."""

    reason: str


type Reply = httpx.Response | Lost
type Request = Ask | Save | Put
type Step = Request | Pause
type Flow[T] = Generator[Step, Reply | None, T]


def ask(step: Request) -> Flow[Reply]:
    """Carry out one request."""
    reply = yield step
    assert reply is not None, "a client answers each request"
    return reply
