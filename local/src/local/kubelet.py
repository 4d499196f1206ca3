"""Plays the kubelet: where an agent has written a restart file, its runtime is restarted (DESIGN 5)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from local.events import Report, note, warn

LOOK_SECONDS = 0.2  # between two looks at the files
# The agent takes its file away once it has seen the runtime go; if it is still there after so many seconds,
# the restart did not help it, or it has missed it.
AGAIN_SECONDS = 60.0

type Restart = Callable[[], Awaitable[None]]


@dataclass
class Watched:
    """The restart file of one runtime. `restart` is None where the process is not ours."""

    name: str
    file: Path
    restart: Restart | None
    seen_at: float | None = None


class Kubelet:
    """Looks at restart files until it is stopped."""

    def __init__(
        self, report: Report, *, look_seconds: float = LOOK_SECONDS, again_seconds: float = AGAIN_SECONDS
    ) -> None:
        self._report = report
        self._look_seconds = look_seconds
        self._again_seconds = again_seconds
        self._watched: list[Watched] = []
        self._task: asyncio.Task[None] | None = None

    def watch(self, name: str, file: Path, restart: Restart | None) -> None:
        """Watch the restart file of a runtime from now on.

        Args:
            name: of the runtime.
            file: that its agent writes.
            restart: ends the process and starts it again; None for one that only a human can restart.
        """
        self._watched.append(Watched(name, file, restart))

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name="kubelet")

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            await asyncio.gather(*(self._look(watched) for watched in self._watched))
            await asyncio.sleep(self._look_seconds)

    async def _look(self, watched: Watched) -> None:
        now = asyncio.get_running_loop().time()
        if not watched.file.exists():
            watched.seen_at = None
        elif watched.seen_at is None or now - watched.seen_at >= self._again_seconds:
            watched.seen_at = now
            await self._act(watched)

    async def _act(self, watched: Watched) -> None:
        why = _reason(watched.file)
        if watched.restart is None:
            warn(
                self._report,
                f"{watched.name} needs a restart ({why}); it is not a sketch of ours: restart it by hand",
            )
            return
        note(self._report, f"{watched.name} is restarted: {why}")
        try:
            await watched.restart()
        except Exception as exc:  # noqa: BLE001 - whatever it is, the other files must still be looked at
            warn(self._report, f"{watched.name} could not be restarted: {exc}")


def _reason(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip() or "its agent asks for it"
    except OSError:
        return "its agent asks for it"
