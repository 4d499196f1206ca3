"""Child processes that never outlive us, whatever ends us."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.errors import StartError

GRACE = 20.0  # seconds from SIGTERM to SIGKILL
LOG_TAIL = 1500  # characters

# Runs before the program, in its place: asks the kernel for SIGTERM when the parent dies (Linux only), then
# becomes the program. Not a preexec_fn: that runs Python between fork and exec, which threads make unsafe.
_LEASH = """
import ctypes, os, signal, sys
try:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
except (AttributeError, OSError):
    pass
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"cannot run {sys.argv[2]}: {error.strerror}")
"""


@dataclass(frozen=True)
class ChildSpec:
    """How a child is started: it gets this environment only, and its output goes to the log."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    log: Path


class Child:
    """A running child, leader of a process group of its own, so that Ctrl-C in a terminal reaches only us.

    Start it from the main thread: the kernel's parent-death signal goes by the thread that forked.
    """

    def __init__(self, spec: ChildSpec, process: asyncio.subprocess.Process) -> None:
        self.spec = spec
        self._process = process

    @classmethod
    async def start(cls, spec: ChildSpec) -> "Child":
        """Start it and return at once.

        Raises:
            StartError: the log cannot be written, or the process cannot be made.
        """
        try:
            with spec.log.open("ab") as output:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-I", "-S", "-c", _LEASH, str(os.getpid()), *spec.command),
                    env=dict(spec.env),
                    cwd=spec.cwd,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=asyncio.subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as exc:
            raise StartError(f"{spec.name} could not be started: {exc}", log=spec.log) from exc
        return cls(spec, process)

    @property
    def pid(self) -> int:
        """Its process id, and that of its group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended, as far as we have been told."""
        return self._process.returncode is None

    async def wait(self) -> int:
        """Wait until it ends; return its exit code (negative: the signal that ended it)."""
        return await self._process.wait()

    async def stop(self, *, grace: float = GRACE, hurry: asyncio.Event | None = None) -> None:
        """End it: SIGTERM, and SIGKILL after `grace` seconds, or as soon as `hurry` is set.

        Whatever it has left in its group is killed too.
        """
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            if not await self._ends_within(grace, hurry):
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()
        self.kill_group()

    def kill_group(self) -> None:
        """Kill what is left of its group; the group is its own, so these are all ours."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def log_tail(self) -> str:
        """Return the end of its log."""
        return tail(self.spec.log)

    async def _ends_within(self, grace: float, hurry: asyncio.Event | None) -> bool:
        ended = asyncio.create_task(self._process.wait())
        waits: set[asyncio.Task[int] | asyncio.Task[bool]] = {ended}
        if hurry is not None:
            waits.add(asyncio.create_task(hurry.wait()))
        try:
            await asyncio.wait(waits, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
            return ended.done()
        finally:
            for task in waits:
                task.cancel()


def tail(log: Path) -> str:
    """Return the end of a log, or an empty string where there is none."""
    try:
        return log.read_text(errors="replace")[-LOG_TAIL:].strip()
    except OSError:
        return ""
