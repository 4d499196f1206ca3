"""The local system in a process of its own, which ends when whoever started it ends, in whatever way.

As a program (`python running.py FOLDER SECONDS_PER_IMAGE`) it keeps a system up until its stdin closes: a
pipe closes with the process at its other end, also where that is killed.
"""

import asyncio
import contextlib
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from local.artifacts import (
    AGENT_ENV,
    INFRA_ENV,
    MINISTACK_ENV,
    NOTIFIER_ZIP_ENV,
    SKETCH_ENV,
    STATUS_ZIP_ENV,
    VALIDATOR_ZIP_ENV,
)
from local.environment import base_python, this_python
from local.home import Home
from local.settings import Settings
from local.state import State, read_state
from local.system import System

END_TIMEOUT = 90.0  # seconds; longer than the system itself takes to lose patience with its children
LEFTOVER_TIMEOUT = 10.0  # seconds
ZIP_FILES = {
    VALIDATOR_ZIP_ENV: "validator-[0-9]*.zip",
    NOTIFIER_ZIP_ENV: "notifier-[0-9]*.zip",
    STATUS_ZIP_ENV: "status-[0-9]*.zip",
}
PEX_FILES = {
    MINISTACK_ENV: "ministack.pex",
    INFRA_ENV: "infra-[0-9]*.pex",
    AGENT_ENV: "queue-agent-[0-9]*.pex",
}


@contextmanager
def running(
    home: Home,
    *,
    seconds_per_image: float,
    agent: Mapping[str, str] | None = None,
    sketch: tuple[str, ...] = (),
) -> Iterator[State]:
    """Keep a local system up in `home`; at the end everything of it is gone.

    Args:
        home: an empty folder.
        seconds_per_image: of the sketch runtimes.
        agent: environment variables of the queue agents that differ from what the local system gives them.
        sketch: more arguments of the sketch runtimes.

    Raises:
        AssertionError: it did not start, or left processes behind.
    """
    log = home.root / "system.log"
    command = [sys.executable, str(Path(__file__).absolute()), str(home.root), f"{seconds_per_image:g}"]
    with log.open("wb") as told:
        process = subprocess.Popen(
            command,
            env=environment(os.environ, Path.cwd(), agent or {}, sketch),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=told,
            start_new_session=True,  # Ctrl-C is ours: the system is ended after the tests, not before
        )
    assert process.stdin is not None
    assert process.stdout is not None
    family: list[psutil.Process] = []
    try:
        ready = process.stdout.readline() == b"ready\n"
        assert ready, f"the local system did not start:\n{log.read_text(errors='replace')}"
        yield read_state(home)
        family = psutil.Process(process.pid).children(recursive=True)
    finally:
        process.stdin.close()
        try:
            process.wait(END_TIMEOUT)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
    _, left = psutil.wait_procs(family, LEFTOVER_TIMEOUT)
    assert not left, f"the local system left processes behind: {left}"


def environment(
    environ: Mapping[str, str], folder: Path, agent: Mapping[str, str], sketch: tuple[str, ...]
) -> dict[str, str]:
    """Return an environment that names all that the system runs.

    What `environ` names is taken as it is (a developer's sources); else the built files, from `folder`, where
    Pants puts what a test asks for, or from its `dist`.
    """
    named = {name: environ.get(name) or _pex(folder, pex) for name, pex in PEX_FILES.items()}
    extra = [f"{name}={value}" for name, value in agent.items()]
    named[AGENT_ENV] = f"env {shlex.join(extra)} {named[AGENT_ENV]}"
    named[SKETCH_ENV] = shlex.join([sys.executable, "-m", "local.sketch", *sketch])
    zips = {name: environ.get(name) or str(_built(folder, pattern)) for name, pattern in ZIP_FILES.items()}
    return {**environ, **this_python(environ), **named, **zips}


def _pex(folder: Path, name: str) -> str:
    return shlex.join([base_python(), str(_built(folder, name))])


def _built(folder: Path, pattern: str) -> Path:
    found = [path for place in (folder, folder / "dist") for path in sorted(place.glob(pattern))]
    assert found, (
        f"there is no {pattern} in {folder} or its dist: run the tests through Pants, build it with"
        f" ./pants package ::, or name what to run in {', '.join((*PEX_FILES, *ZIP_FILES))}"
    )
    return found[0].absolute()


async def keep_up(home: Home, settings: Settings) -> None:
    """Run a system until stdin closes; say `ready` on stdout once it is."""

    async def serve() -> None:
        system = System(home=home, environ=os.environ, settings=settings)
        async with system:
            print("ready", flush=True)
            raise await system.failed()

    serving = asyncio.create_task(serve())
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(
            sys.stdin
        )  # it stays readable, and a second cancellation would cut the ending short
        serving.cancel()

    loop.add_reader(sys.stdin, end)
    with contextlib.suppress(asyncio.CancelledError):
        await serving


if __name__ == "__main__":
    # Systems of other tests start beside it: none may rely on the usual port.
    of_test = Settings(seconds_per_image=float(sys.argv[2]), console_port=0)
    asyncio.run(keep_up(Home(Path(sys.argv[1])), of_test))
