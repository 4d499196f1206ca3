"""The tasks table as the agent uses it: its own clock and leases, calls in threads (DESIGN 4.2)."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from queue_agent.aws import AwsCalls
from task_store import NewTask, Outcome, Task, TaskStore


def now_ms() -> int:
    """Return the time in milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run one task and to commit its outcome, for as long as nobody else takes it."""

    id: str
    submission: str
    token: str
    attempts: int


class Tasks:
    """Conditional writes of one agent; what they raise is `task_store`'s own."""

    def __init__(
        self, store: TaskStore, calls: AwsCalls, *, lease_seconds: float, clock: Callable[[], int] = now_ms
    ) -> None:
        self._store = store
        self._calls = calls
        self._lease_ms = int(lease_seconds * 1000)
        self.now = clock

    async def get(self, task_id: str) -> Task | None:
        """Read a row as it is now."""
        return await self._calls(self._store.get, task_id)

    async def record(self, new: NewTask) -> Task:
        """Record a task that nobody recorded, as published: its message is in hand."""
        return await self._calls(self._store.record, new, now=self.now())

    async def claim(
        self, task_id: str, submission: str, *, token: str, now: int, max_attempts: int
    ) -> tuple[Claim, Task]:
        """Take the right to run a task; counts an attempt, and the same token only once.

        `now` is that of the first try: a repetition must not take a task back that others have had since.
        """
        task = await self._calls(
            self._store.claim,
            task_id,
            submission,
            token=token,
            lease_until=now + self._lease_ms,
            now=now,
            max_attempts=max_attempts,
        )
        return Claim(task_id, submission, token, task.attempts), task

    async def seize(self, task_id: str, submission: str) -> Claim:
        """Take the right to end a task without running it; counts no attempt."""
        token, now = uuid.uuid4().hex, self.now()
        task = await self._calls(
            self._store.seize, task_id, submission, token=token, lease_until=now + self._lease_ms, now=now
        )
        return Claim(task_id, submission, token, task.attempts)

    async def renew(self, claim: Claim, progress: float | None = None) -> Task:
        """Lengthen the lease; the answer tells whether the task is to be cancelled."""
        lease_until = self.now() + self._lease_ms
        return await self._calls(
            self._store.renew,
            claim.id,
            claim.submission,
            claim.token,
            lease_until=lease_until,
            progress=progress,
        )

    async def give_back(self, claim: Claim, *, lost: bool) -> Task:
        """Put a task back into the queue; `lost`: its inference counts as an attempt."""
        return await self._calls(self._store.give_back, claim.id, claim.submission, claim.token, count=lost)

    async def commit(self, claim: Claim, outcome: Outcome) -> Task:
        """Write the one terminal state."""
        return await self._calls(
            self._store.commit, claim.id, claim.submission, claim.token, outcome, now=self.now()
        )

    async def mark_notified(self, task: Task) -> None:
        """Write that subscribers were told."""
        await self._calls(self._store.mark_notified, task.id, task.submission, now=self.now())
