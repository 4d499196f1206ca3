"""Finds the tasks that nobody will bring to an end, or tell of, and does so (DESIGN 2)."""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from notifier.ending import Ending
from notifier.errors import LaterError, UnavailableError
from notifier.ports import Clock, Log, Meter
from notifier.traced import Tracing, publishing, traceparent_of
from notifier.verdicts import End, Nothing, Rules, Tell, Verdict, Wait
from task_store import SHARDS, Due, Task, TaskStore, TaskStoreError
from telemetry import names
from telemetry.failures import cause_of, where
from telemetry.segments import Span

#: What one task may take at most, in ms; with less time left none is begun.
RESERVE = 15_000
PAGE = 100

SWEPT = "Swept"
TOLD_LATE = "ToldLate"
FAILURES = "SweepFailures"

_TOLD = "told_late"
_FAILED = "failed"
_POSTPONED = "postponed"
_GONE_ON = "gone_on"
# Counted in the answer and the log; all other words are the codes of tasks that were ended.
_WORDS = {_TOLD, _FAILED, _POSTPONED, _GONE_ON}


class Sweeper:
    """One run looks at all that is due, as far as its time goes; the next goes on from there.

    What it has dealt with is due no more, so that nothing has to be remembered between runs. Two runs at once
    do no harm: each write of theirs is conditional.
    """

    def __init__(
        self,
        *,
        store: TaskStore,
        ending: Ending,
        rules: Rules,
        clock: Clock,
        meter: Meter,
        log: Log,
        tracing: Tracing,
    ) -> None:
        self._tracing = tracing
        self._store = store
        self._ending = ending
        self._rules = rules
        self._clock = clock
        self._meter = meter
        self._log = log

    def __call__(self, _event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Handle a tick of the schedule; return what was done, by how often.

        Raises:
            UnavailableError: the table did not give the tasks of some shard.
        """

        def goes_on() -> bool:
            return context is None or bool(context.get_remaining_time_in_millis() >= RESERVE)

        before = self._clock() - self._rules.quiet
        done, unread, unseen = Counter[str](), 0, 0
        with ThreadPoolExecutor(SHARDS, thread_name_prefix="shard") as threads:
            for counts, whole in threads.map(lambda n: self._sweep(n, before, goes_on), range(SHARDS)):
                done += counts
                unread += whole is None
                unseen += whole is False
        self._report(done, unread, unseen)
        if unread:
            raise UnavailableError(f"the table did not give the tasks of {unread} shards")
        return {"done": dict(done), "finished": not unseen}

    def _report(self, done: Counter[str], unread: int, unseen: int) -> None:
        for word, number in done.items():
            if word not in _WORDS:
                self._meter.count(SWEPT, number, code=word)
        if done[_TOLD]:
            self._meter.count(TOLD_LATE, done[_TOLD])
        if failures := done[_FAILED] + unread:
            self._meter.count(FAILURES, failures)
        self._meter.flush()
        self._log.info(
            "sweep", extra={"done": dict(done), "shards_unread": unread, "shards_cut_short": unseen}
        )

    def _sweep(
        self, shard: int, before: int, goes_on: Callable[[], bool]
    ) -> tuple[Counter[str], bool | None]:
        """Sweep one shard; return what was done, and whether that was all of it (None: it cannot be read)."""
        done, cursor = Counter[str](), None
        while goes_on():
            try:
                page = self._store.list_due(shard, before=before, limit=PAGE, cursor=cursor)
            except TaskStoreError as exc:
                self._log.error("sweep", extra={"shard": shard, **cause_of(exc)})
                return done, None
            for due in page.due:
                if not goes_on():
                    return done, False
                done[self._look(due)] += 1
            if (cursor := page.cursor) is None:
                return done, True
        return done, False

    def _look(self, due: Due) -> str:
        """Do what a task needs, and return in a word what that was."""
        seen: dict[str, object] = {"task": due.id}
        try:
            task = self._store.get(due.id)
            return _GONE_ON if task is None else self._do(task, due, seen)
        except LaterError:
            return _GONE_ON
        except Exception as exc:  # noqa: BLE001 - one bad row must not keep the others from being looked at
            self._log.error("task", extra={**seen, **cause_of(exc), "where": where(exc)})
            return _FAILED

    def _do(self, task: Task, due: Due, seen: dict[str, object]) -> str:
        verdict = self._rules.judge(task, self._clock())
        match verdict:
            case Nothing():
                return _GONE_ON
            case Wait(until):
                return self._postpone(task, due, until)
            case Tell():
                with self._tracing.swept(task) as span:
                    seen.update(span.log_fields)
                    self._tell(task, span)
                    span.set(names.OUTCOME, _TOLD)
                return _TOLD
            case End():
                return self._end(task, verdict, seen)

    def _postpone(self, task: Task, due: Due, until: int) -> str:
        later = until - self._rules.quiet
        done = self._store.postpone(task.id, task.submission, seen=due.look_at, until=later)
        return _POSTPONED if done else _GONE_ON

    def _end(self, task: Task, verdict: Verdict, seen: dict[str, object]) -> str:
        held = self._ending.seize(task)
        # It may have been published, or started and given back, since it was read.
        verdict = self._rules.judge(held.task, self._clock(), held=True)
        if not isinstance(verdict, End):
            self._ending.let_go(held)
            return _GONE_ON
        code = str(verdict.error.code)
        with self._tracing.swept(held.task) as span:
            seen.update(span.log_fields)
            span.update({names.OUTCOME: code, names.CODE: code})
            with span.child("end"):
                ended = self._ending.end(held, verdict.error)
            self._log.info("task", extra={**seen, "submission": ended.submission, "code": code})
            self._tell(ended, span)
        return code

    def _tell(self, task: Task, span: Span) -> None:
        with publishing(span) as told:
            self._ending.tell(task, traceparent_of(told))
