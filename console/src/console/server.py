"""Serves a console on loopback until it is told to end."""

import errno
import logging
import socket
from collections.abc import Callable

import uvicorn

from console import details, glance, pictures, uploads
from console.app import App, Plan, create_app
from console.errors import SettingsError
from console.guard import Pass
from console.page import Page
from console.settings import Sources

HOST = "127.0.0.1"
_GRACE_SECONDS = 1  # for requests under way when it is told to end
_BACKLOG = 128

PLAN = Plan(
    parts=(details.routes, pictures.routes, uploads.routes),
    details=details.create,
    glances=glance.create,
)


def _unannounced(_: str) -> None:
    """Whoever chose port and token knows the address."""


class _Server(uvicorn.Server):
    """Ends the pages' streams first: uvicorn waits for answers under way, and those have no end."""

    def __init__(self, config: uvicorn.Config, app: App, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.feed.close()
        await super().shutdown(sockets)


def prepare(
    sources: Sources,
    listener: socket.socket,
    token: str,
    *,
    page: Page,
    plan: Plan = PLAN,
    announce: Callable[[str], None] = _unannounced,
) -> uvicorn.Server:
    """Return the server behind a socket that `listen` opened; `serve` says what the arguments are."""
    entry = Pass(listener.getsockname()[1], token)
    app = create_app(sources, entry, page, plan)
    config = uvicorn.Config(
        app.asgi,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return _Server(config, app, lambda: announce(entry.url))


def serve(
    sources: Sources,
    port: int,
    token: str,
    *,
    page: Page | None = None,
    plan: Plan = PLAN,
    announce: Callable[[str], None] = _unannounced,
) -> None:
    """Serve until SIGTERM or SIGINT; then the process, or the interpreter, gets that signal again.

    Args:
        sources: what the console looks at.
        port: of 127.0.0.1; 0 for a free one.
        token: the secret in the address that lets a browser in.
        page: to show; the one that was built with this package if none is given.
        plan: what the server is made of.
        announce: is told the address once it answers; nothing is answered before it returns.

    Raises:
        SettingsError: the port is taken; endpoint or key cannot be ones.
        PageMissingError: the page was not built.
    """
    shown = page or Page.built_in()
    # httpx tells each URL at INFO, httpcore what it sends at DEBUG: there are secrets among both.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with listen(port) as listener:
        prepare(sources, listener, token, page=shown, plan=plan, announce=announce).run(sockets=[listener])


def listen(port: int) -> socket.socket:
    """Open a port of 127.0.0.1.

    Raises:
        SettingsError: it is taken, or no port.
    """
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as exc:
        listener.close()
        taken = isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE
        why = "another process has it" if taken else f"it cannot be opened ({exc})"
        raise SettingsError(f"port {port} of {HOST}: {why}; choose another") from None
    return listener
