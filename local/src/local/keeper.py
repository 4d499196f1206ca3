"""Keeps a child running: what the kubelet does for a container in the cloud."""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass

from local.children import GRACE, Child, ChildSpec, tail
from local.errors import StartError
from local.events import Report, warn
from local.sockets import listens

LISTEN_TIMEOUT = 60.0  # seconds until a child that serves must listen
POLL_INTERVAL = 0.05  # seconds


@dataclass(frozen=True)
class Backoff:
    """How long to wait before a child is started again, in seconds."""

    first: float = 0.5
    factor: float = 2.0
    longest: float = 30.0
    healthy_after: float = 20.0

    def next(self, before: float | None, ran_for: float) -> float:
        """Return the next wait; a child that ran for `healthy_after` begins again with the first."""
        if before is None or ran_for >= self.healthy_after:
            return self.first
        return min(before * self.factor, self.longest)


class Keeper:
    """Starts a child again whenever it ends, until told to stop."""

    def __init__(
        self,
        spec: ChildSpec,
        *,
        report: Report,
        changed: Callable[[], None],
        backoff: Backoff | None = None,
        grace: float = GRACE,
    ) -> None:
        self.spec = spec
        self.restarts = 0
        self._report = report
        self._changed = changed
        self._backoff = backoff or Backoff()
        self._grace = grace
        self._ordered = False
        self._child: Child | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the present child; none while it waits to be started again."""
        return self._child.pid if self._child is not None and self._child.running else None

    async def start(self) -> None:
        """Start the child and keep watch from now on.

        Raises:
            StartError: it could not even be started once.
        """
        self._child = await Child.start(self.spec)
        self._task = asyncio.create_task(self._watch(self._child), name=f"keeper-{self.spec.name}")

    async def stop(self, *, hurry: asyncio.Event | None = None) -> None:
        """End the child for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._child is not None:
            await self._child.stop(grace=self._grace, hurry=hurry)

    async def restart(self, *, grace: float) -> None:
        """End the child; it is started again at once, with no word about it: whoever asked knows.

        Args:
            grace: seconds from SIGTERM to SIGKILL.
        """
        if self._child is not None and self._child.running:
            self._ordered = True
            await self._child.stop(grace=grace)

    async def _watch(self, child: Child) -> None:
        loop = asyncio.get_running_loop()
        wait: float | None = None
        while True:
            started = loop.time()
            code = await child.wait()
            child.kill_group()
            if self._ordered:
                self._ordered, wait = False, None
            else:
                wait = self._backoff.next(wait, loop.time() - started)
                warn(
                    self._report,
                    f"{self.spec.name} ended ({describe(code)}); it is started again in {wait:g} s; log:"
                    f" {self.spec.log}",
                )
            self._changed()
            child = await self._again(wait or 0.0)
            self._child = child
            self.restarts += 1
            self._changed()

    async def _again(self, wait: float) -> Child:
        while True:
            await asyncio.sleep(wait)
            try:
                return await Child.start(self.spec)
            except StartError as exc:
                wait = self._backoff.longest
                warn(self._report, f"{exc}; the next try is in {wait:g} s")


async def listening(keeper: Keeper, port: int) -> None:
    """Wait until a child accepts connections on its port.

    Raises:
        StartError: it does not come up, or keeps ending.
    """
    deadline = asyncio.get_running_loop().time() + LISTEN_TIMEOUT
    while not listens(port):
        if asyncio.get_running_loop().time() > deadline or keeper.restarts > 1:
            log = keeper.spec.log
            raise StartError(f"{keeper.spec.name} does not come up: {tail(log)}", log=log)
        await asyncio.sleep(POLL_INTERVAL)


def describe(code: int) -> str:
    """Say an exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
