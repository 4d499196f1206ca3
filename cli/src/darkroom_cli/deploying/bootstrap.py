"""The only place that puts the real world together: AWS, programs, the terminal."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from darkroom_cli.deploying.aws import Aws, connect
from darkroom_cli.deploying.cache import SnapshotCache
from darkroom_cli.deploying.checkpoint import WebModels
from darkroom_cli.deploying.costs import monthly_costs
from darkroom_cli.deploying.deploy import World
from darkroom_cli.deploying.process import SubprocessRunner, SystemClock, TerminalUser
from darkroom_cli.deploying.screen import Screen
from darkroom_cli.deploying.tools import Toolbox
from darkroom_cli.terminal import Terminal
from snapshots.interruption import terminable

READ_TIMEOUT = 60.0  # seconds without a byte


@contextmanager
def world(
    root: Path, environ: Mapping[str, str], terminal: Terminal, *, profile: str | None
) -> Iterator[World]:
    """Put together what deploying touches; SIGTERM is as Ctrl-C while this is open.

    Args:
        root: the repository.
        environ: of this process.
        terminal: is told.
        profile: of AWS' configuration.
    """
    screen = Screen(terminal)
    with terminable(), screen.watched(), httpx.Client(timeout=READ_TIMEOUT, follow_redirects=True) as http:

        def cache(aws: Aws) -> SnapshotCache:
            return SnapshotCache(aws.region, profile)

        def source(aws: Aws) -> WebModels:
            return WebModels(aws["s3"], http, screen)

        yield World(
            connect=connect,
            tools=Toolbox(root, environ, SubprocessRunner(environ)),
            clock=SystemClock(),
            progress=screen,
            user=TerminalUser(),
            cache=cache,
            source=source,
            estimate=monthly_costs,
        )
