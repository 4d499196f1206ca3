"""What a shell is offered for ids and runtimes; whatever goes wrong, it is offered nothing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from darkroom_client import Darkroom

_OFFERED = 100
_PATIENCE = 1.5  # seconds that somebody waits for Tab


def task_ids(incomplete: str) -> list[str]:
    """Return the last tasks of the system that is up, or that the environment names, newest first."""
    with _client() as client:
        found = [] if client is None else _ids(client)
    return [task_id for task_id in found if task_id.startswith(incomplete)]


def runtimes(incomplete: str) -> list[str]:
    """Return the runtimes of the system that is up."""
    from local.errors import NotUpError  # noqa: PLC0415 - see `_client`
    from local.home import Home  # noqa: PLC0415
    from local.state import read_state  # noqa: PLC0415

    try:
        state = read_state(Home.from_environment(os.environ, Path.cwd()))
    except NotUpError:
        return []
    return [name for name in state.runtimes if name.startswith(incomplete)]


def _ids(client: "Darkroom") -> list[str]:
    from itertools import islice  # noqa: PLC0415 - see `_client`

    from darkroom_client import DarkroomError  # noqa: PLC0415

    try:
        return [task.id for task in islice(client.list(page_size=_OFFERED), _OFFERED)]
    except DarkroomError:
        return []


@contextmanager
def _client() -> "Iterator[Darkroom | None]":
    # Loaded when somebody presses Tab behind a command that takes an id, not for each other command.
    from darkroom_cli.endpoints import Target, connection  # noqa: PLC0415
    from darkroom_cli.errors import CliError  # noqa: PLC0415
    from darkroom_client import Darkroom, Retries  # noqa: PLC0415
    from local.errors import NotUpError  # noqa: PLC0415
    from local.home import Home  # noqa: PLC0415

    named = {name: value for name, value in os.environ.items() if name in _NAMED}
    try:
        where = connection(Target(), environ=named, home=Home.from_environment(os.environ, Path.cwd()))
    except (CliError, NotUpError):
        yield None
        return
    with Darkroom(where.endpoint, where.api_key, retries=Retries(tries=1), timeout=_PATIENCE) as client:
        yield client


# Not a stack: asking AWS takes longer than anybody waits for Tab.
_NAMED = ("DARKROOM_ENDPOINT", "DARKROOM_API_KEY")
