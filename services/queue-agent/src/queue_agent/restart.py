"""Having the runtime restarted: a file that the kubelet sees, which kills the container (DESIGN 5)."""

import asyncio
import contextlib
import logging
import time
from pathlib import Path
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

_POLL = 0.1  # seconds
_CONNECT = 2.0


class Restarts:
    """Asks for restarts of the runtime, and waits until it has gone down.

    Args:
        path: of the restart file; None where nobody would see one.
        url: of the runtime.
        patience: seconds to wait for the runtime to go down; after that, the file is taken away again: it
            went down and came back between two looks, or nobody listens.
    """

    def __init__(self, path: Path | None, url: str, *, patience: float = 120.0) -> None:
        self._path = path
        parts = urlsplit(url)
        self._address = (
            parts.hostname or "127.0.0.1",
            parts.port or (443 if parts.scheme == "https" else 80),
        )
        self._patience = patience

    @property
    def possible(self) -> bool:
        """Whether there is somebody to ask."""
        return self._path is not None

    async def restart(self, why: str) -> bool:
        """Ask for a restart and wait until the runtime has gone down; return whether it was seen to.

        What comes next is waiting until it is ready again.
        """
        path = self._path
        if path is None:
            log.error(
                "the runtime needs a restart, and RESTART_FILE is not set",
                extra={"action": "restart_needed", "cause": why},
            )
            return False
        log.error("the runtime is to be restarted", extra={"action": "restart", "cause": why})
        try:
            await asyncio.to_thread(_write, path, f"{' '.join(why.split())}\n")
        except OSError as exc:
            log.error("restart file not written", extra={"action": "restart_failed", "cause": str(exc)})  # noqa: TRY400 - the text says it all
            return False
        try:
            return await self._gone()
        finally:
            # Not in a thread: it must be gone even where the agent is being stopped.
            self.clear()

    def clear(self) -> None:
        """Take away a file that an agent before this one has left."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    async def _gone(self) -> bool:
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            if not await self._listens():
                return True
            await asyncio.sleep(_POLL)
        log.error("the runtime was not seen to go down", extra={"action": "restart_unseen"})
        return False

    async def _listens(self) -> bool:
        # A hung process still takes connections; one that was killed does not.
        try:
            async with asyncio.timeout(_CONNECT):
                _, writer = await asyncio.open_connection(*self._address)
        except TimeoutError:
            return True
        except OSError:
            return False
        writer.close()
        return True


def _write(path: Path, text: str) -> None:
    """Write a file that is whole as soon as it is there."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)
