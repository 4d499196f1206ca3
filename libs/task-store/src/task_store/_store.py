from collections.abc import Callable
from typing import Protocol

from task_store._task import DuePage, NewTask, Outcome, Page, Task

type Replacing = Callable[[Task], None]


class TaskStore(Protocol):
    """The tasks table (DESIGN 4.2): each method is one conditional write, or one read.

    Times are ms since the epoch, UTC, and given by the caller. Every method raises `TableUnavailableError`
    where the table gives no answer; each write may then be repeated with the same arguments, and finds out
    if it has happened before.
    """

    def get(self, task_id: str) -> Task | None:
        """Return the task as it is now (a consistent read), None if there is none."""

    def record(self, new: NewTask, *, now: int, replacing: Replacing | None = None) -> Task:
        """Store an accepted task as queued, unless its id is taken by one that has not finished.

        Args:
            new: the task.
            now: ms since the epoch.
            replacing: is called with a finished task that has a callback, just before its row goes to the new
                one: a webhook that is still on its way would no longer find its URL there. It may be called
                and the row not be replaced after all. What it raises is raised, and nothing is stored.

        Returns:
            The new task; or the one that is there, if it has the same body and has not finished, has the same
            idempotency key (unless it ended as `not_published`), or is this very submission: look at its
            `submission`, `published_at`, `status`.

        Raises:
            ConflictError: the id is taken by a task with another body.
            RowTooLargeError: the row has no room left for the task's end.
        """

    def mark_published(self, task_id: str, submission: str, *, now: int) -> None:
        """Store when SNS took the message; nothing changes if that is known already.

        The task may have moved on, even ended, by then.

        Raises:
            StaleError: the row is of another submission, or gone.
        """

    def claim(
        self,
        task_id: str,
        submission: str,
        *,
        token: str,
        lease_until: int,
        now: int,
        max_attempts: int | None = None,
    ) -> Task:
        """Take a task for an attempt that starts now, and count it.

        `started_at` becomes now. Take a fresh token for each claim, and repeat it with the same `now`: with a
        later one it could take back a task that somebody else has had since.

        Args:
            task_id: its id.
            submission: which task of that id.
            token: of this attempt.
            lease_until: until when nobody else may take it.
            now: time of the call.
            max_attempts: a task that has so many attempts is not claimed; what the caller has read of it may
                be old. None: any number.

        Returns:
            The task; its `cancel_requested` may be set already.

        Raises:
            NotClaimableError: it has ended, is held under a lease that has not run out, has no attempt left,
                is of another submission, or gone.
        """

    def renew(
        self, task_id: str, submission: str, token: str, *, lease_until: int, progress: float | None = None
    ) -> Task:
        """Tell that the holder is alive and how far it is; the answer carries `cancel_requested`.

        It works after the lease has run out too, as long as nobody else has claimed the task. `progress` is
        brought into 0 to 1; None, or what is no number, leaves it as it was.

        Raises:
            LostError: the caller does not hold the task: interrupt the run and drop it.
        """

    def give_back(self, task_id: str, submission: str, token: str, *, count: bool = False) -> Task:
        """Let go of a task, which is queued again.

        The attempt does not count (DESIGN 4.2: drains, pauses, errors before inference), unless `count` says
        that its inference was lost. An attempt that came from `seize` was never counted.

        Raises:
            LostError: the caller does not hold the task.
        """

    def commit(self, task_id: str, submission: str, token: str, outcome: Outcome, *, now: int) -> Task:
        """End a task. It is not told by that: notify, then `mark_notified`.

        Raises:
            LostError: the caller does not hold the task: nothing of its attempt may be kept.
            RowTooLargeError: the notification does not fit; commit the outcome by reference (`fits`).
        """

    def cancel(self, task_id: str, submission: str | None = None, *, outcome: Outcome, now: int) -> Task:
        """End a queued task as cancelled, or ask the holder of a running one to do so.

        Args:
            task_id: its id.
            submission: which task of that id; the current one where it is left out.
            outcome: cancelled, for a task that is queued; not used for one that runs.
            now: time of the call.

        Returns:
            The task: `cancelled` (notify, then `mark_notified`), or running with `cancel_requested`.

        Raises:
            TaskNotFoundError: there is no task of that id.
            AlreadyEndedError: it has ended.
            StaleError: the row is of another submission.
            RowTooLargeError: the notification does not fit; cancel with the outcome by reference.
        """

    def seize(self, task_id: str, submission: str, *, token: str, lease_until: int, now: int) -> Task:
        """Take a task to end it without running it: `claim`, but no attempt is counted or started.

        For whoever ends a task unrun: the notifier (dead letter, expiry, never published) and the agent
        (input refused, attempts exhausted). It respects a lease that has not run out, as `claim` does: an
        attempt that is alive may still succeed, though its message is in the dead-letter queue. Who meets
        one comes back after `lease_until`: the task has ended by then, or can be seized.

        Raises:
            NotClaimableError: as `claim`.
        """

    def mark_notified(self, task_id: str, submission: str, *, now: int) -> bool:
        """Store that the end was told; the id may be used again from then on.

        Returns:
            Whether this call did it; false if it is known already, or the row is gone or of a later task.

        Raises:
            NotEndedError: the task has not ended.
        """

    def list_by_runtime(
        self, runtime: str, day: str, *, limit: int = 50, cursor: str | None = None, until: int | None = None
    ) -> Page:
        """List tasks of a runtime that were recorded on a day (`2026-01-31`, UTC; `day_of`), newest first.

        The index follows the table with a delay. A page may be shorter than `limit`: only a `cursor` of None
        means that there is no more. `until` leaves out what was recorded later, in ms. `list_newest` goes
        over several runtimes and days.

        Raises:
            BadCursorError: the cursor is not one of a former page.
        """

    def list_due(self, shard: int, *, before: int, limit: int = 100, cursor: str | None = None) -> DuePage:
        """List tasks that may need somebody because they did not move on by themselves, the oldest first.

        A task is among them from its record until its end was told. It counts from its record, from its end,
        or from the time that it was postponed to, whichever came last.

        Args:
            shard: 0 to `SHARDS` - 1; together they have all tasks.
            before: the latest time to count from, in ms.
            limit: of the page, which may be shorter: only a `cursor` of None means that there is no more.
            cursor: of a former page with the same `shard` and `before`.

        The index follows the table with a delay: read the row before doing anything about it.

        Raises:
            BadCursorError: the cursor is not one of a former page.
        """

    def postpone(self, task_id: str, submission: str, *, seen: int, until: int) -> bool:
        """Let `list_due` pass a task over until a time, in ms; its end makes it due again at once.

        Args:
            task_id: its id.
            submission: which task of that id.
            seen: `look_at` as it was listed.
            until: the later time.

        Returns:
            Whether it was postponed; false if something happened to the task since it was listed.
        """
