"""Starting, using and ending the local system: `up`, `down`, and the system that `demo` needs."""

import asyncio
import contextlib
import json
import shlex
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from darkroom_cli.interruption import interruptible
from darkroom_cli.terminal import Terminal
from local.environment import this_python
from local.errors import NotUpError, StartError
from local.home import Home
from local.lock import end_running, holder
from local.settings import Settings
from local.sockets import listens
from local.state import State, read_state
from local.system import System

DETACHED_TIMEOUT = 180.0  # seconds until a detached system must be ready; the first start synthesises
POLL_INTERVAL = 0.1  # seconds
CONSOLE_TIMEOUT = 15.0  # seconds from a ready system to a console that answers; it takes one or two
_EXAMPLE = {
    "task": {
        "metadata": {
            "id": "my-first",
            "runtime": "sdruntime",
            "tasktype": "text-to-image",
            "prefix": "output",
        },
        "content": {"prompt": "a lighthouse at dusk", "steps": 16, "width": 512, "height": 512},
    }
}


async def up(*, home: Home, environ: Mapping[str, str], settings: Settings, terminal: Terminal) -> None:
    """Start the system and keep it until Ctrl-C or SIGTERM, which is its usual end.

    Raises:
        LocalError: it could not be started, or failed later.
        asyncio.CancelledError: interrupted before it was ready.
    """
    system = System(home=home, environ=environ, settings=settings, report=terminal.report)
    ready = False

    async def serve() -> None:
        nonlocal ready
        started = time.monotonic()
        async with system as state:
            ready = True
            await asyncio.to_thread(wait_for_console, state)
            introduce(state, terminal, seconds=time.monotonic() - started)
            terminal.remark("Ctrl-C, or ./darkroom down, ends it")
            raise await system.failed()

    try:
        await interruptible(serve(), first=lambda: None, second=system.hurry.set)
    except asyncio.CancelledError:
        if not ready:
            raise


@asynccontextmanager
async def some_system(
    *, home: Home, environ: Mapping[str, str], settings: Settings, terminal: Terminal, hurry: list[System]
) -> AsyncIterator[State]:
    """Yield the system that is up, or start one (also put into `hurry`) and end it afterwards."""
    if holder(home) is not None:
        state = read_state(home)
        terminal.remark(f"using the system that is up at {state.endpoint}")
        yield state
        return
    system = System(home=home, environ=environ, settings=settings, report=terminal.report)
    hurry.append(system)
    async with system as state:
        yield state


def up_detached(*, home: Home, environ: Mapping[str, str], arguments: list[str], terminal: Terminal) -> None:
    """Start the system in the background, wait until it is ready, and leave it.

    Raises:
        LocalError: it did not become ready; its own messages are in the log.
    """
    if holder(home) is not None:
        introduce(read_state(home), terminal)
        return
    home.prepare()
    log = home.work / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-m", "darkroom_cli", "up", *arguments],
            env={**environ, **this_python(environ)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with terminal.waiting("starting in the background"):
        state = _ready(home, process)
    if state is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        raise StartError(f"it did not become ready:\n{log.read_text(errors='replace').strip()}", log=log)
    wait_for_console(state)
    introduce(state, terminal)
    terminal.remark("./darkroom down ends it")


def down(*, home: Home, terminal: Terminal) -> None:
    """End the system, wherever it was started.

    Raises:
        LocalError: none is up, or it does not end.
    """
    with terminal.waiting("ending the local system"):
        pid = end_running(home)
    terminal.remark(f"ended (process {pid})")


def introduce(state: State, terminal: Terminal, *, seconds: float | None = None) -> None:
    """Say where the system is and how to use it."""
    took = f" ({seconds:.1f} s)" if seconds is not None else ""
    terminal.out.print(f"Darkroom is up{took}", style="bold green")
    if console_answers(state):
        terminal.say(f"  {'console':<9} {state.console_url}")
        terminal.say(f"  {'':<9} (open it in the browser: it lets in who has this address)")
    elif state.console_url is not None:
        terminal.say(f"  {'console':<9} does not answer; {state.logs / 'console.log'} says why")
    for name, value in (
        ("endpoint", state.endpoint),
        ("API key", state.api_key),
        ("pictures", f"s3://{state.output_bucket} (AWS_ENDPOINT_URL={state.aws_url})"),
        ("topic", state.notifications_topic),
        ("traces", f"{state.traces_url}/" if state.traces_url else "none are kept"),
        ("runtimes", ", ".join(f"{name} ({runtime.type})" for name, runtime in state.runtimes.items())),
        ("logs", str(state.logs)),
    ):
        terminal.say(f"  {name:<9} {value}")
    terminal.say()
    terminal.say(curl_line(state))
    terminal.say()
    terminal.say('./darkroom submit "a lighthouse at dusk" -o lighthouse.png')


def wait_for_console(state: State) -> None:
    """Wait until the console answers, if there is to be one; not for ever: the system does without it."""
    deadline = time.monotonic() + CONSOLE_TIMEOUT
    while state.console_url is not None and not console_answers(state) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)


def console_answers(state: State) -> bool:
    """Whether somebody listens where the console is to be."""
    port = None if state.console_url is None else urlsplit(state.console_url).port
    return port is not None and listens(port)


def curl_line(state: State) -> str:
    """Return a command that submits a task, to be pasted into a shell."""
    words = ("curl", "-sS", f"{state.endpoint}v1alpha2", "-H", f"x-api-key: {state.api_key}")
    body = ("-H", "content-type: application/json", "-d", json.dumps(_EXAMPLE))
    return shlex.join([*words, *body])


def _ready(home: Home, process: subprocess.Popen[bytes]) -> State | None:
    deadline = time.monotonic() + DETACHED_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(NotUpError):
            return read_state(home)
        time.sleep(POLL_INTERVAL)
    return None
