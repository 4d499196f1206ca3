"""From exceptions to what the user reads and scripts get: one place, no stack traces."""

import asyncio
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from darkroom_cli.errors import FAILED, INTERRUPTED, NOT_UP, USAGE, CliError
from darkroom_cli.terminal import Terminal
from local.errors import BadOptionError, LocalError, NotUpError
from local.home import Home

# Whose errors mean that the emulator is gone or in trouble; by name, since loading them would slow --help.
_TRANSPORTS = ("httpx", "botocore")


@contextmanager
def explained(terminal: Terminal, home: Home, *, verbose: bool) -> Iterator[None]:
    """Turn whatever ends a command into a message and an exit code; `verbose` adds the stack trace."""
    try:
        yield
    except (typer.Exit, typer.BadParameter):
        raise
    except (KeyboardInterrupt, asyncio.CancelledError, typer.Abort) as exc:  # Abort: at a question
        terminal.remark("interrupted")
        raise typer.Exit(INTERRUPTED) from exc
    except Exception as exc:
        if verbose:
            terminal.err.print(traceback.format_exc(), markup=False, soft_wrap=True)
        terminal.complain(_message(exc, home))
        raise typer.Exit(_exit_code(exc)) from exc


def _exit_code(error: Exception) -> int:
    if isinstance(error, CliError):
        return error.exit_code
    if isinstance(error, NotUpError):
        return NOT_UP
    return USAGE if isinstance(error, BadOptionError) else FAILED


def _message(error: Exception, home: Home) -> str:
    if isinstance(error, CliError):
        return str(error)
    if isinstance(error, LocalError):
        return f"{error}\n  log: {error.log}" if error.log is not None else str(error)
    if type(error).__module__.startswith(_TRANSPORTS):
        return f"the local system does not answer as it should: {error}\n  logs: {home.logs}"
    return f"an error of the program itself: {error!r}\n  {_recorded(home)}"


def _recorded(home: Home) -> str:
    """Keep the stack trace for whoever mends it; say where it is."""
    log = home.log("darkroom")
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n{traceback.format_exc()}\n")
    except OSError:
        return "--verbose shows where"
    return f"where: {log}"
