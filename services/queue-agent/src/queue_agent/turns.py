"""A turn on the GPU, and what bounds how many results wait to be stored (DESIGN 5)."""

import asyncio
from typing import Protocol

from queue_agent.pace import Running


class Giver(Protocol):
    """Who gave a turn, and is told what becomes of it."""

    @property
    def backlog(self) -> "Backlog":
        """What waits to be stored."""
        ...

    def freed(self, turn: "Turn", size: int) -> None:
        """Let the next job have the runtime."""
        ...

    def answer_ended(self, turn: "Turn") -> None:
        """Note that a run is over altogether."""
        ...

    def closed(self, turn: "Turn") -> None:
        """Forget a turn."""
        ...


class Turn:
    """The right to run one job now, until it is freed; what it made is under way until it is closed."""

    def __init__(self, running: Running, giver: Giver) -> None:
        loop = asyncio.get_running_loop()
        self.running = running
        self.freed: asyncio.Future[None] = loop.create_future()
        self.answered: asyncio.Future[None] = loop.create_future()
        self._stopping = False
        self._giver = giver

    def freed_by_runtime(self) -> None:
        """Free it, unless its run is being stopped: then it is free when it was seen to have stopped."""
        if not self._stopping:
            self.free()

    def stopping(self) -> None:
        """Note that its run is being interrupted."""
        self._stopping = True

    def free(self, size: int = 0) -> None:
        """Let the next job have the runtime, at once; harmless if it has it already.

        Args:
            size: bytes that the result holds in memory, as far as is known.
        """
        if not self.freed.done():
            self.freed.set_result(None)
            self._giver.freed(self, size)

    def answer_ended(self) -> None:
        """Note that nothing more of its run comes from the runtime."""
        if not self.answered.done():
            self.answered.set_result(None)
            self._giver.answer_ended(self)

    def weigh(self, size: int) -> None:
        """Say how many bytes its result holds in memory until the turn is closed."""
        self._giver.backlog.weigh(self, size)

    def close(self) -> None:
        """Note that its result is out of memory."""
        self.free()
        self.answer_ended()
        self._giver.closed(self)


class Backlog:
    """Bounds what waits to be stored: so many results, of so many bytes together."""

    def __init__(self, results: int, max_bytes: int) -> None:
        self._max_results = results
        self._max_bytes = max_bytes
        self._sizes: dict[Turn, int] = {}

    @property
    def full(self) -> bool:
        """Whether the GPU has to wait, lest memory runs out."""
        return len(self._sizes) >= self._max_results or sum(self._sizes.values()) > self._max_bytes

    def add(self, turn: Turn, size: int) -> None:
        """Count the result of a turn, with the bytes that are known."""
        self._sizes[turn] = size

    def weigh(self, turn: Turn, size: int) -> None:
        """Note the size of a result, in bytes, if it is counted still."""
        if turn in self._sizes:
            self._sizes[turn] = size

    def remove(self, turn: Turn) -> None:
        """Count a result no more."""
        self._sizes.pop(turn, None)
