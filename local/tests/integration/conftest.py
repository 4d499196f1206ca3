import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import psutil
import pytest

from local.clients import Clients
from local.home import Home
from local.state import State, read_state
from local.testing import standins
from ministack_testing import ministack_command, ministack_url

UP = """
import asyncio, os, signal, sys
from pathlib import Path
from local.home import Home
from local.settings import Settings
from local.system import System
async def main():
    async with System(
        home=Home(Path(sys.argv[1])), environ=os.environ, settings=Settings(console_port=0)
    ):
        print("ready", flush=True)
        end = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
        await end.wait()
asyncio.run(main())
"""
PATIENCE = 30.0  # seconds until a test gives up on something that must come


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.prepare()
    home.empty_run()
    return home


@pytest.fixture(scope="session")
def emulator() -> Iterator[Clients]:
    with ministack_url() as url:
        yield Clients(url)


@pytest.fixture(scope="session")
def standin_environ() -> dict[str, str]:
    """Give an environment in which the system runs stand-ins."""
    return {**os.environ, **standins(ministack_command(os.environ, Path.cwd()))}


@pytest.fixture(scope="module")
def system(
    tmp_path_factory: pytest.TempPathFactory, standin_environ: dict[str, str]
) -> Iterator[tuple[Home, State]]:
    """Give a system of stand-ins that is up, in a process of its own."""
    home = Home(tmp_path_factory.mktemp("system"))
    with subprocess.Popen(
        [sys.executable, "-c", UP, str(home.root)], env=standin_environ, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield home, read_state(home)
        process.terminate()


@pytest.fixture
def up_script() -> str:
    """Give a program that runs a system in the folder that it is given, and says when it is ready."""
    return UP


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Wait until something is so, and fail if it never is."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.05)

    return wait


@pytest.fixture
def alive() -> Callable[[int], bool]:
    """Tell whether a process is there and not a zombie."""

    def check(pid: int) -> bool:
        try:
            return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    return check
