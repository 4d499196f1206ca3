"""Starting and ending the two servers inside a running event loop."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from aiohttp import web

from local.sketch.comfyui.app import create_app as create_comfyui
from local.sketch.comfyui.server import ComfyServer
from local.sketch.faults import FaultPlan
from local.sketch.sdwebui.app import create_app as create_sdwebui
from local.sketch.sdwebui.engine import Engine
from local.sketch.sdwebui.wire import WireProtocol
from local.sketch.settings import SketchSettings
from local.sketch.stats import Stats

GRACE_SECONDS = 1


@dataclass(frozen=True, slots=True)
class SketchServer:
    """A running sketch: where it listens, what it was told to do wrong, and what it has done."""

    url: str
    faults: FaultPlan
    stats: Stats


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever runs the loop."""
        yield


def _silent() -> logging.Logger:
    """The bare 500 pages are part of the protocol; nobody wants their tracebacks."""
    logger = logging.getLogger("local.sketch.comfyui.wire")
    logger.disabled = True
    return logger


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.create_server((host, port), backlog=128)
    # As every server that makes its own sockets has it: else the end of an answer may wait 40 ms for the
    # client's acknowledgement of its beginning. asyncio sees to it only where a socket names its protocol.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@asynccontextmanager
async def serve_sdwebui(
    settings: SketchSettings, faults: FaultPlan, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[SketchServer]:
    """Run the SD Web UI sketch for the time of the block; port 0 picks a free one."""
    stats = Stats()
    engine = Engine(settings, faults, stats)
    listener = _listen(host, port)
    config = uvicorn.Config(
        create_sdwebui(engine),
        http=WireProtocol,
        ws="none",
        log_config=None,
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not serving.done():  # noqa: ASYNC110 (the server offers no event)
            await asyncio.sleep(0.005)
        yield SketchServer(f"http://{host}:{listener.getsockname()[1]}", faults, stats)
    finally:
        engine.gpu.closing.set()
        server.should_exit = True
        await serving


@asynccontextmanager
async def serve_comfyui(
    settings: SketchSettings, faults: FaultPlan, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[SketchServer]:
    """Run the ComfyUI sketch for the time of the block; port 0 picks a free one."""
    stats = Stats()
    comfy = ComfyServer(settings, faults, stats)
    runner = web.AppRunner(
        create_comfyui(comfy), access_log=None, logger=_silent(), shutdown_timeout=GRACE_SECONDS
    )
    await runner.setup()
    listener = _listen(host, port)
    try:
        await web.SockSite(runner, listener).start()
        yield SketchServer(f"http://{host}:{listener.getsockname()[1]}", faults, stats)
    finally:
        await comfy.close()
        await runner.cleanup()
