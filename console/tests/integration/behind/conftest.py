"""The console's real server on loopback, over an API and a store that say what they are told."""

import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from console.app import create_app
from console.guard import Pass
from console.page import Page
from console.server import PLAN
from console.settings import Sources
from darkroom_client.testing import Say, Seen, Server, refusal, task

KEY = "k3y-of-the-api"
SIGNATURE = "X-Amz-Signature=s3cret"


@dataclass
class Store:
    """Tasks of an API, and the objects that they made: one server is both."""

    server: Server
    submission: str = field(default_factory=lambda: str(uuid.uuid4()))
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[str, Say] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server.script = self._answer

    def put(self, name: str, say: Say | bytes) -> dict[str, str]:
        """Put an object; return it as the API shows one."""
        self.objects[name] = Say(200, say) if isinstance(say, bytes) else say
        return {"s3": f"s3://out/output/a/{name}", "url": f"{self.server.url}/bucket/{name}?{SIGNATURE}"}

    def made(self, *outputs: Say | bytes, name: str = "a-abcd-{n}.png", **more: Any) -> None:
        """Have a task `a` that made these."""
        images = [self.put(name.format(n=n), say) for n, say in enumerate(outputs, 1)]
        self.has("succeeded", images=images, **more)

    def has(self, status: str, **more: Any) -> None:
        """Have a task `a`."""
        self.tasks["a"] = task(status, **{"submission": self.submission, **more})

    def fetched(self) -> list[Seen]:
        """Return the requests to the store."""
        return [seen for seen in self.server.seen if seen.path.startswith("/bucket/")]

    def looks(self) -> int:
        """Return how often somebody looked at a task."""
        return sum(seen.path.startswith("/v1alpha2/tasks/") for seen in self.server.seen)

    def _answer(self, seen: Seen) -> Say:
        kind, _, name = seen.path.rpartition("/")
        if kind == "/bucket":
            return self.objects.get(name, Say(404, b"<Error/>"))
        found = self.tasks.get(name)
        return Say(404, refusal("not_found", "no such task")) if found is None else Say(200, found)


@dataclass
class Clock:
    """Seconds since 1970, an hour later in each test: what a server has seen in one is old in the next."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def any_server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def server(any_server: Server, clock: Clock) -> Server:
    any_server.seen.clear()
    any_server.says(Say(500))
    clock.now += 3600
    return any_server


@pytest.fixture
def store(server: Server) -> Store:
    return Store(server)


type Serving = Callable[..., httpx.Client]


@pytest.fixture
def serving(any_server: Server, clock: Clock, tmp_path: Path) -> Iterator[Serving]:
    """Start consoles; each is given as a client of a browser that was let in."""
    with ExitStack() as stack:
        yield lambda **more: stack.enter_context(_browser(any_server, clock, tmp_path, more))


@pytest.fixture(scope="session")
def browser(
    any_server: Server, clock: Clock, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    with _browser(any_server, clock, tmp_path_factory.mktemp("page"), {}) as browser:
        yield browser


@pytest.fixture(autouse=True)
def secrets_stay_secret(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No log of ours or of the libraries that we use has a presigned URL or the key."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "httpx")  # as `console.server` has it
    caplog.set_level(logging.WARNING, "httpcore")
    yield
    assert SIGNATURE not in caplog.text
    assert KEY not in caplog.text


@contextmanager
def _browser(server: Server, clock: Clock, folder: Path, more: dict[str, Any]) -> Iterator[httpx.Client]:
    for name in ("index.html", "app.js", "app.css", "icon.svg"):
        (folder / name).write_text("")
    sources = Sources.model_validate(
        {"mode": "local", "endpoint": f"{server.url}/", "api_key": KEY, "runtimes": [], **more}
    )
    config = uvicorn.Config(lambda *_: None, port=0, log_config=None, ws="none")
    listener = config.bind_socket()
    listener.listen()  # who comes before the server is up waits
    entry = Pass(listener.getsockname()[1], "t" * 43)
    app = create_app(sources, entry, Page.of_folder(folder), replace(PLAN, clock=clock))
    config = uvicorn.Config(app.asgi, log_config=None, ws="none", timeout_graceful_shutdown=1)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{entry.port}",
            cookies={entry.cookie: entry.token},
            headers={"x-darkroom-console": "1"},
            trust_env=False,
            timeout=20,
            event_hooks={"response": [_without_secrets]},
        ) as client:
            yield client
    finally:
        app.feed.close()
        running.should_exit = True
        thread.join(10)
        listener.close()


def _without_secrets(answer: httpx.Response) -> None:
    if answer.status_code >= 400:
        answer.read()
    said = str(answer.headers) + (answer.text if answer.status_code >= 400 else "")
    assert SIGNATURE not in said
    assert KEY not in said
