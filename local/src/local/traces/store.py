"""Keeps the last traces in a SQLite file. Who adds spans never waits for it: a thread writes them."""

import contextlib
import json
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from local.traces.errors import BusyError
from local.traces.spans import ASIDE, Event, Link, Span
from telemetry.names import RUNTIME, TASK_ID

LIMIT = 5000  # traces that are kept
MOST_PENDING = 100_000  # spans that wait to be written
MOST_PENDING_BYTES = 64 * 1024 * 1024  # of these
MOST_KEPT = 20_000  # spans of one trace; what comes later is dropped
MOST_SPANS = 5000  # of one trace that are handed out; the earliest
_BATCH = 2000  # spans in one transaction
_PATIENCE = 5.0  # seconds that SQLite waits for the file
_OURS = "darkroom-"  # names of services that begin so are the system's own
_NO_DATABASE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS traces (
    trace_id TEXT PRIMARY KEY, number INTEGER, revision INTEGER, first INTEGER, main INTEGER, error INTEGER,
    runtime TEXT, spans INTEGER DEFAULT 0, dropped INTEGER DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS traces_by_first ON traces (main, first);
CREATE INDEX IF NOT EXISTS traces_by_number ON traces (main, number);
CREATE TABLE IF NOT EXISTS spans (
    trace_id TEXT, span_id TEXT, start INTEGER, body TEXT, PRIMARY KEY (trace_id, span_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tasks (
    task_id TEXT, trace_id TEXT, PRIMARY KEY (task_id, trace_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tasks_by_trace ON tasks (trace_id);
"""
_REPLACE_SPAN = "UPDATE spans SET start = ?, body = ? WHERE trace_id = ? AND span_id = ?"
_ADD_SPAN = "INSERT INTO spans (start, body, trace_id, span_id) VALUES (?, ?, ?, ?)"
_ADD_TRACE = """
INSERT INTO traces (trace_id, number, revision, first, main, error, runtime)
VALUES (:trace_id, :number, 1, :first, :main, :error, :runtime)
ON CONFLICT (trace_id) DO UPDATE SET
    revision = revision + 1, first = min(first, excluded.first), main = max(main, excluded.main),
    error = max(error, excluded.error), runtime = coalesce(runtime, excluded.runtime)
"""
_COUNT = "UPDATE traces SET spans = spans + ?, dropped = dropped + ? WHERE trace_id = ?"
_ADD_TASK = "INSERT OR IGNORE INTO tasks VALUES (?, ?)"
_TOO_OLD = """
SELECT trace_id FROM traces WHERE main = ? AND number <=
    (SELECT number FROM traces WHERE main = ? ORDER BY number DESC LIMIT 1 OFFSET ?)
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """A trace that the store has; `revision` is another whenever spans were added.

    Of its spans it has `spans`; `dropped` came when it had MOST_KEPT already.
    """

    trace_id: str
    revision: int
    spans: int
    dropped: int


class _Row(NamedTuple):
    """A span as it waits: what is written of it, and what it says about its trace."""

    trace_id: str
    span_id: str
    start: int
    body: str
    main: bool
    error: bool
    runtime: str | None
    task_id: str | None


@dataclass
class _Trace:
    """What a batch of spans says about their trace."""

    first: int
    main: bool = False
    error: bool = False
    runtime: str | None = None


class Store:
    """Spans by trace, traces by task. Made for one process; its methods may be called from any thread.

    Traces that belong to a task and those that do not (probes of a runtime, polls of a queue) are kept
    apart: `limit` of each, so that the many of one kind never push out the other.
    """

    def __init__(
        self,
        file: Path,
        *,
        limit: int = LIMIT,
        most_pending: int = MOST_PENDING,
        most_pending_bytes: int = MOST_PENDING_BYTES,
        most_kept: int = MOST_KEPT,
        patience: float = _PATIENCE,
    ) -> None:
        """Open the file, or make it.

        Args:
            file: a SQLite file; one that is no database is replaced.
            limit: how many traces are kept.
            most_pending: how many spans may wait to be written.
            most_pending_bytes: how many bytes these may have.
            most_kept: how many spans of one trace are kept.
            patience: seconds to wait for a file that somebody else has locked.

        Raises:
            sqlite3.OperationalError: it cannot be opened now; it stays as it is.
        """
        self.lost = 0  # spans that could not be written
        self.ignored = 0  # documents that could not be read, or were too many
        self.dropped = 0  # spans of traces that had too many
        self._limit = limit
        self._most_pending = most_pending
        self._most_pending_bytes = most_pending_bytes
        self._most_kept = most_kept
        self._writing = _open(file, patience)
        self._reading = sqlite3.connect(file, timeout=patience, check_same_thread=False)
        self._reader = threading.Lock()
        self._changed = threading.Condition()
        self._pending: deque[_Row] = deque()
        self._pending_bytes = 0
        self._added = self._done = 0
        self._closing = False
        row = self._writing.execute("SELECT max(number) FROM traces").fetchone()
        self._number = int(row[0] or 0)
        self._thread = threading.Thread(target=self._write_all, name="trace-writer")
        self._thread.start()

    def add(self, spans: Sequence[Span]) -> None:
        """Take spans; they are written soon. A span that is there already is replaced.

        Raises:
            BusyError: too many wait already; none of these was taken.
        """
        rows = [_row(span) for span in spans]
        size = sum(len(row.body) for row in rows)  # ASCII
        with self._changed:
            count, whole = len(self._pending) + len(rows), self._pending_bytes + size
            if count > self._most_pending or whole > self._most_pending_bytes:
                raise BusyError(f"{len(self._pending)} spans, {self._pending_bytes} bytes wait to be written")
            self._pending.extend(rows)
            self._pending_bytes = whole
            self._added += len(rows)
            self._changed.notify_all()

    def settle(self, timeout: float) -> bool:
        """Wait at most so many seconds until all that was added before is written; return whether it is."""
        with self._changed:
            goal = self._added
            return self._changed.wait_for(lambda: self._done >= goal, timeout)

    def close(self) -> None:
        """Write what waits, and end; a second time nothing happens."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        self._writing.close()
        with self._reader:
            self._reading.close()

    def newest(
        self, *, limit: int, runtime: str | None = None, error: bool = False, aside: bool = False
    ) -> list[Kept]:
        """Return the traces that began last, newest first.

        Args:
            limit: how many at most.
            runtime: only those of this runtime's tasks.
            error: only those with an error in them.
            aside: also those that follow no task or request: probes, polls of queues.
        """
        found = self._read(
            "SELECT trace_id, revision, spans, dropped FROM traces"
            " WHERE (main OR ?) AND (? IS NULL OR runtime = ?)"
            " AND (error OR NOT ?) ORDER BY first DESC, number DESC LIMIT ?",
            (aside, runtime, runtime, error, limit),
        )
        return [Kept(*row) for row in found]

    def of_task(self, task_id: str) -> list[Kept]:
        """Return the traces of a task, newest first."""
        found = self._read(
            "SELECT trace_id, revision, spans, dropped FROM traces WHERE trace_id IN"
            " (SELECT trace_id FROM tasks WHERE task_id = ?) ORDER BY first DESC, number DESC",
            (task_id,),
        )
        return [Kept(*row) for row in found]

    def trace(self, trace_id: str) -> Kept | None:
        """Return a trace if it is there."""
        query = "SELECT trace_id, revision, spans, dropped FROM traces WHERE trace_id = ?"
        found = self._read(query, (trace_id,))
        return Kept(*found[0]) if found else None

    def spans(self, trace_id: str) -> list[Span]:
        """Return the spans of a trace, as they began; at most MOST_SPANS."""
        query = "SELECT body FROM spans WHERE trace_id = ? ORDER BY start, span_id LIMIT ?"
        return [_span(trace_id, body) for (body,) in self._read(query, (trace_id, MOST_SPANS))]

    def count(self) -> dict[str, int]:
        """Return how many traces and spans there are, and how many did not come so far."""
        [[traces]] = self._read("SELECT count(*) FROM traces", ())
        [[spans]] = self._read("SELECT count(*) FROM spans", ())
        missing = {"lost": self.lost, "ignored": self.ignored, "dropped": self.dropped}
        return {"traces": traces, "spans": spans, **missing}

    def _read(self, query: str, values: Sequence[object]) -> list[Any]:
        with self._reader:
            return self._reading.execute(query, values).fetchall()

    def _write_all(self) -> None:
        while batch := self._next_batch():
            try:
                with self._writing:
                    self._write(batch)
            except Exception:  # noqa: BLE001 - a full disk, say; the next batch may fare better
                self.lost += len(batch)
                _log.exception("%d spans could not be written", len(batch))
            with self._changed:
                self._done += len(batch)
                self._changed.notify_all()

    def _next_batch(self) -> list[_Row]:
        """Wait for spans; none means that the store is closing and all is written."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._closing)
            batch = [self._pending.popleft() for _ in range(min(_BATCH, len(self._pending)))]
            self._pending_bytes -= sum(len(row.body) for row in batch)
            return batch

    def _write(self, batch: Sequence[_Row]) -> None:
        self._writing.executemany(_ADD_TRACE, self._trace_rows(batch))
        dropped = self._write_spans(batch)
        self._writing.executemany(
            _ADD_TASK, ((row.task_id, row.trace_id) for row in batch if row.task_id is not None)
        )
        for main in (True, False):
            self._forget(self._writing.execute(_TOO_OLD, (main, main, self._limit)).fetchall())
        self.dropped += dropped

    def _write_spans(self, batch: Iterable[_Row]) -> int:
        """Write the spans of traces that are there; return how many were too many for theirs."""
        by_trace: dict[str, list[_Row]] = {}
        for row in batch:
            by_trace.setdefault(row.trace_id, []).append(row)
        too_many = 0
        for trace_id, rows in by_trace.items():
            query = "SELECT spans FROM traces WHERE trace_id = ?"
            [before] = self._writing.execute(query, (trace_id,)).fetchone()
            added = dropped = 0
            for row in rows:
                values = (row.start, row.body, row.trace_id, row.span_id)
                if self._writing.execute(_REPLACE_SPAN, values).rowcount:
                    continue
                if before + added < self._most_kept:
                    self._writing.execute(_ADD_SPAN, values)
                    added += 1
                else:
                    dropped += 1
            self._writing.execute(_COUNT, (added, dropped, trace_id))
            too_many += dropped
        return too_many

    def _trace_rows(self, batch: Iterable[_Row]) -> Iterator[dict[str, object]]:
        for trace_id, trace in _traces(batch).items():
            self._number += 1  # of a trace that is there already it is not used
            yield {
                "trace_id": trace_id,
                "number": self._number,
                "first": trace.first,
                "main": trace.main,
                "error": trace.error,
                "runtime": trace.runtime,
            }

    def _forget(self, traces: Sequence[tuple[str]]) -> None:
        for table in ("spans", "tasks", "traces"):
            self._writing.executemany(f"DELETE FROM {table} WHERE trace_id = ?", traces)  # noqa: S608 - our own names


def _open(file: Path, patience: float) -> sqlite3.Connection:
    """Open the file, or a new one in place of one that is no database: a trace may be lost."""
    try:
        return _connect(file, patience)
    except sqlite3.DatabaseError as exc:
        # The lower byte is the kind; a file that is locked, or a disk that is full, has done nothing wrong.
        if getattr(exc, "sqlite_errorcode", 0) & 0xFF not in _NO_DATABASE:
            raise
        for ending in ("", "-wal", "-shm"):
            file.with_name(file.name + ending).unlink(missing_ok=True)
        return _connect(file, patience)


def _connect(file: Path, patience: float) -> sqlite3.Connection:
    with contextlib.closing(sqlite3.connect(file, timeout=patience)) as probe:
        probe.execute("PRAGMA journal_mode = WAL")
        probe.executescript(_SCHEMA)
    connection = sqlite3.connect(file, timeout=patience, check_same_thread=False)
    connection.execute("PRAGMA synchronous = OFF")  # a trace need not outlive the machine
    return connection


def _row(span: Span) -> _Row:
    runtime = span.attributes.get(RUNTIME)
    return _Row(
        trace_id=span.trace_id,
        span_id=span.span_id,
        start=span.start,
        body=_body(span),
        main=_follows_something(span),
        error=span.error,
        runtime=str(runtime) if runtime else None,
        task_id=_task(span),
    )


def _traces(batch: Iterable[_Row]) -> dict[str, _Trace]:
    found: dict[str, _Trace] = {}
    for row in batch:
        trace = found.setdefault(row.trace_id, _Trace(row.start))
        trace.first = min(trace.first, row.start)
        trace.main = trace.main or row.main
        trace.error = trace.error or row.error
        trace.runtime = trace.runtime or row.runtime
    return found


def _follows_something(span: Span) -> bool:
    """Whether the span belongs to the way of a task or of a request, not to a probe or the poll of a queue.

    A request that is linked to ASIDE is a probe too, whatever became of it.
    """
    if _task(span) is not None:
        return True
    ours = span.kind in ("server", "consumer") and span.service.startswith(_OURS)
    return ours and ASIDE.trace_id not in [link.trace_id for link in span.links]


def _task(span: Span) -> str | None:
    task_id = span.attributes.get(TASK_ID)
    return task_id if isinstance(task_id, str) and task_id else None


def _body(span: Span) -> str:
    return json.dumps(
        {
            "span_id": span.span_id,
            "parent_id": span.parent_id,
            "name": span.name,
            "service": span.service,
            "kind": span.kind,
            "start": span.start,
            "end": span.end,
            "error": span.error,
            "message": span.message,
            "attributes": span.attributes,
            "links": [(link.trace_id, link.span_id) for link in span.links],
            "events": [(event.name, event.at, event.attributes) for event in span.events],
        }
    )


def _span(trace_id: str, body: str) -> Span:
    members = json.loads(body)
    members["links"] = tuple(Link(*each) for each in members["links"])
    members["events"] = tuple(Event(*each) for each in members["events"])
    return Span(trace_id=trace_id, **members)
