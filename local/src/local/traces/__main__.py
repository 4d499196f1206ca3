"""`python -m local.traces`: the trace store as a process."""

import argparse
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from local.sockets import LOOPBACK
from local.traces.app import create_app
from local.traces.datagrams import receiving
from local.traces.store import LIMIT, Store

GRACE_SECONDS = 1  # for requests under way when it is told to end


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="traces", description="Keeps the last traces of the local system.")
    parser.add_argument("--port", type=int, required=True, help="OTLP over HTTP, reading API, page")
    parser.add_argument("--udp-port", type=int, required=True, help="X-Ray segment documents")
    parser.add_argument("--file", type=Path, required=True, help="the SQLite file")
    parser.add_argument("--limit", type=int, default=LIMIT, help="traces that are kept")
    return parser.parse_args(argv)


def run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    # Its thread would keep a process that cannot serve alive.
    with contextlib.closing(Store(options.file, limit=options.limit)) as store:
        _serve(store, options)


def _serve(store: Store, options: argparse.Namespace) -> None:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            async with receiving(store, options.udp_port):
                yield
        finally:
            store.close()  # here too: after this uvicorn ends the process by the signal that it got

    uvicorn.run(
        create_app(store, lifespan=lifespan),
        host=LOOPBACK,
        port=options.port,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    run(arguments())
