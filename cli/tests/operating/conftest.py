import io
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from rich.console import Console

from darkroom_cli.terminal import Terminal
from ministack_testing import ministack_url


@dataclass
class Spoken:
    """A terminal, and what was said to its two streams."""

    terminal: Terminal
    out: io.StringIO
    err: io.StringIO


@pytest.fixture
def spoken() -> Spoken:
    out, err = io.StringIO(), io.StringIO()
    consoles = (Console(file=stream, width=200, highlight=False) for stream in (out, err))
    return Spoken(Terminal(*consoles), out, err)


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    """Give an emulator's URL."""
    with ministack_url() as url:
        yield url
