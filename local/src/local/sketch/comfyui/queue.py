"""Queue and history, in memory only."""

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.sketch.faults import Fault

HISTORY_LENGTH = 10_000


@dataclass(order=True, slots=True)
class Item:
    """A queued prompt, in order of `number`."""

    number: float
    arrival: int
    prompt_id: str = field(compare=False)
    prompt: dict[str, Any] = field(compare=False)
    extra_data: dict[str, Any] = field(compare=False)
    outputs: list[str] = field(compare=False)
    fault: Fault | None = field(compare=False, default=None)
    traceparent: str | None = field(compare=False, default=None)

    @property
    def client_id(self) -> str | None:
        """Who hears this prompt's events."""
        return self.extra_data.get("client_id")

    def as_json(self) -> list[Any]:
        """As /queue and history show it."""
        return [self.number, self.prompt_id, self.prompt, self.extra_data, self.outputs]


class PromptQueue:
    """Pending prompts as a heap (which is the order in which /queue shows them), and the running one."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._heap: list[Item] = []
        self._more = asyncio.Event()
        self._arrivals = 0
        self.number = 0
        self.running: Item | None = None
        self.history: dict[str, dict[str, Any]] = {}

    @property
    def remaining(self) -> int:
        """Pending and running."""
        return len(self._heap) + (self.running is not None)

    def next_number(self) -> int:
        """Counts every POST /prompt whose body is JSON."""
        number = self.number
        self.number += 1
        return number

    def put(self, item: Item) -> None:
        """Queue a prompt."""
        self._arrivals += 1
        item.arrival = self._arrivals
        heapq.heappush(self._heap, item)
        self._more.set()
        self._changed()

    async def get(self) -> Item:
        """Take the next prompt; it is the running one until `done`."""
        while not self._heap:
            self._more.clear()
            await self._more.wait()
        self.running = heapq.heappop(self._heap)
        self._changed()
        return self.running

    def done(self, entry: dict[str, Any]) -> None:
        """The running prompt has ended: its history entry appears now."""
        if self.running is not None:
            self.history[self.running.prompt_id] = entry
        if len(self.history) > HISTORY_LENGTH:
            del self.history[next(iter(self.history))]
        self.running = None
        self._changed()

    def delete(self, prompt_id: str) -> None:
        """Remove a pending prompt: it leaves no event and no history."""
        kept = [item for item in self._heap if item.prompt_id != prompt_id]
        if len(kept) < len(self._heap):
            self._heap = kept
            heapq.heapify(self._heap)
            self._changed()

    def clear(self) -> None:
        """Remove all pending prompts."""
        self._heap.clear()
        self._changed()

    def as_json(self) -> dict[str, list[Any]]:
        """The answer of GET /queue."""
        running = [self.running.as_json()] if self.running else []
        return {"queue_running": running, "queue_pending": [item.as_json() for item in self._heap]}
