"""One system per folder: a file lock, held as long as the system runs and gone with the process."""

import contextlib
import fcntl
import os
import signal
import time

from local.errors import AlreadyUpError, NotUpError, StillRunningError
from local.home import Home

END_TIMEOUT = 60.0  # seconds from the first SIGTERM to the second, which is in more of a hurry
HURRIED_TIMEOUT = 15.0  # seconds from the second SIGTERM until we give up
POLL_INTERVAL = 0.05  # seconds
PROBE_TRIES = 10


class RunLock:
    """The right to run the system of a home."""

    def __init__(self, home: Home) -> None:
        self._path = home.lock_file
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take it, and write our process id into it.

        Raises:
            AlreadyUpError: another process has it.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        for last in (False,) * PROBE_TRIES + (True,):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as exc:
                pid = _pid_in(descriptor)
                # Without a process id it may be somebody who only looks, and lets go at once.
                if pid is not None or last:
                    os.close(descriptor)
                    raise AlreadyUpError(
                        f"the local system is up already (process {pid}); ./darkroom down ends it", pid=pid
                    ) from exc
                time.sleep(POLL_INTERVAL)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give it back; nothing happens if we do not have it."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def holder(home: Home) -> int | None:
    """Return the process that runs the system of a home, or none."""
    try:
        descriptor = os.open(home.lock_file, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid_in(descriptor)
    else:
        return None
    finally:
        os.close(descriptor)


def end_running(home: Home, *, timeout: float = END_TIMEOUT, hurried: float = HURRIED_TIMEOUT) -> int:
    """End the system of a home, wherever it was started, and wait until it has; return its process id.

    Raises:
        NotUpError: none runs.
        StillRunningError: it did not end.
    """
    pid = holder(home)
    if pid is None:
        raise NotUpError("the local system is not up")
    for patience in (timeout, hurried):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if holder(home) != pid:
                return pid
            time.sleep(POLL_INTERVAL)
    raise StillRunningError(
        f"process {pid} does not end; look at it with: ps -fp {pid}", log=home.log("darkroom")
    )


def _pid_in(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
    return int(text) if text.isdigit() else None
