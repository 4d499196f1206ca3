import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from local.traces.errors import BusyError
from local.traces.spans import ASIDE, Event, Link, Span
from local.traces.store import Store

PATIENCE = 20.0  # seconds

type MakeSpan = Callable[..., Span]
type MakeTask = Callable[..., list[Span]]


def put(store: Store, *spans: Span) -> None:
    store.add(spans)
    assert store.settle(PATIENCE)


def newest(store: Store, **which: str | bool | None) -> list[int]:
    found = store.newest(
        limit=100,
        runtime=str(which["runtime"]) if "runtime" in which else None,
        error=bool(which.get("error")),
        aside=bool(which.get("aside")),
    )
    return [int(kept.trace_id, 16) for kept in found]


def test_a_span_comes_out_as_it_went_in(store: Store, a_span: MakeSpan) -> None:
    span = replace(
        a_span(1, 0, 5, links=(Link("2" * 32, "3" * 16),), text="ü🎨", nothing=None, many=[1, {"a": 0.5}]),
        events=(Event("exception", 7, {"exception.type": "OSError"}),),
        message="why",
    )
    put(store, span)
    assert store.spans(span.trace_id) == [span]


def test_a_span_that_comes_again_replaces_the_first(store: Store, a_span: MakeSpan) -> None:
    put(store, a_span(1, 0, 0), a_span(2, 1, 2))
    before = store.trace(f"{1:032x}")
    put(store, a_span(1, 0, 9))
    assert [span.end - span.start for span in store.spans(f"{1:032x}")] == [9_000_000, 1_000_000]
    after = store.trace(f"{1:032x}")
    assert before is not None
    assert after is not None
    assert after.revision > before.revision


def test_spans_of_a_trace_come_as_they_began_whatever_their_arrival(store: Store, a_span: MakeSpan) -> None:
    put(store, a_span(3, 30, 40))
    put(store, a_span(1, 10, 50), a_span(2, 20, 21))
    assert [span.name for span in store.spans(f"{1:032x}")] == ["span 1", "span 2", "span 3"]


def test_a_task_leads_to_its_traces_newest_first(store: Store, a_task: MakeTask) -> None:
    put(store, *a_task("a", trace=1), *a_task("b", trace=2), *a_task("a", trace=3, later=1000))
    assert [int(kept.trace_id, 16) for kept in store.of_task("a")] == [3, 1]
    assert [int(kept.trace_id, 16) for kept in store.of_task("b")] == [2]
    assert store.of_task("c") == []


def test_the_poll_that_received_a_task_is_not_its_trace(
    store: Store, a_task: MakeTask, a_span: MakeSpan
) -> None:
    """It names no task, but leads to the span that published what it got (services/queue-agent)."""
    said = {"messaging_destination_name": "sdruntime", "messaging_operation_name": "receive"}
    producer = Link(f"{1:032x}", f"{4:016x}")
    poll = a_span(1, 5000, 6000, trace=2, kind="client", name="receive sdruntime", links=(producer,), **said)
    put(store, *a_task("a", trace=1), poll)
    assert [int(kept.trace_id, 16) for kept in store.of_task("a")] == [1]
    assert newest(store) == [1]
    assert newest(store, aside=True) == [2, 1]


def test_probes_of_the_api_by_the_system_itself_are_aside(store: Store, a_span: MakeSpan) -> None:
    asked = partial(a_span, 1, 0, 5, kind="server", service="darkroom-validator", error=True)
    put(
        store,
        asked(trace=1),
        asked(trace=2, links=(ASIDE,)),
        asked(trace=3, links=(Link("a" * 32, "b" * 16),)),
    )
    put(store, a_span(2, 1, 2, parent=1, trace=2, service="darkroom-validator", name="parse"))
    assert sorted(newest(store)) == [1, 3]
    assert sorted(newest(store, aside=True)) == [1, 2, 3]


def test_a_request_that_was_refused_without_an_id_is_shown_too(store: Store, a_span: MakeSpan) -> None:
    put(
        store,
        a_span(1, 0, 5, trace=1, kind="server", service="darkroom-validator"),
        a_span(1, 9, 10, trace=2, kind="server", service="sketch-sdwebui", name="GET /probe"),
    )
    assert newest(store) == [1]


def test_lists_are_of_a_runtime_or_with_errors(store: Store, a_task: MakeTask, a_span: MakeSpan) -> None:
    put(store, *a_task("a", trace=1), *a_task("b", trace=2, runtime="comfyruntime", later=10))
    put(store, a_span(40, 50, 60, trace=2, parent=5, error=True))
    assert newest(store, runtime="sdruntime") == [1]
    assert newest(store, error=True) == [2]
    assert newest(store) == [2, 1]


def test_the_oldest_traces_are_forgotten_whole(tmp_path: Path, a_task: MakeTask) -> None:
    store = Store(tmp_path / "traces.db", limit=3)
    for number in range(1, 6):
        put(store, *a_task(f"task-{number}", trace=number, later=number))
    assert newest(store) == [5, 4, 3]
    assert store.spans(f"{1:032x}") == []
    assert store.of_task("task-2") == []
    assert store.count()["spans"] == 3 * len(a_task())
    store.close()


def test_probes_never_push_out_tasks(tmp_path: Path, a_task: MakeTask, a_span: MakeSpan) -> None:
    store = Store(tmp_path / "traces.db", limit=2)
    put(store, *a_task("a", trace=1))
    put(store, *(a_span(1, 0, 1, trace=number, kind="server", service="sketch") for number in range(2, 50)))
    assert newest(store) == [1]
    assert store.count()["traces"] == 3
    store.close()


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path, a_task: MakeTask) -> None:
    for number in (1, 2):
        store = Store(tmp_path / "traces.db", limit=2)
        put(store, *a_task(f"task-{number}", trace=number, later=number))
        assert newest(store) == list(range(number, 0, -1))
        store.close()


def test_closing_writes_what_waits(tmp_path: Path, a_task: MakeTask) -> None:
    store = Store(tmp_path / "traces.db")
    for number in range(1, 200):
        store.add(a_task(f"task-{number}", trace=number))
    store.close()
    again = Store(tmp_path / "traces.db")
    assert again.count()["traces"] == 199
    again.close()


def test_a_file_that_is_no_database_is_replaced(tmp_path: Path, a_span: MakeSpan) -> None:
    (tmp_path / "traces.db").write_bytes(b"this is no database" * 1000)
    store = Store(tmp_path / "traces.db")
    put(store, a_span(1, 0, 1))
    assert len(store.spans(f"{1:032x}")) == 1
    store.close()


def test_a_file_that_somebody_has_locked_is_left_alone(tmp_path: Path, a_task: MakeTask) -> None:
    file = tmp_path / "traces.db"
    store = Store(file)
    put(store, *a_task("a"))
    store.close()
    with contextlib.closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            Store(file, patience=0.05)
    again = Store(file)
    assert len(again.of_task("a")) == 1
    again.close()


def test_a_place_where_no_file_can_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        Store(tmp_path / "nowhere" / "traces.db")


def test_more_than_it_can_take_is_refused_and_does_not_grow(tmp_path: Path, a_span: MakeSpan) -> None:
    store = Store(tmp_path / "traces.db", most_pending=10)
    with pytest.raises(BusyError):
        store.add([a_span(number, 0, 1) for number in range(1, 12)])
    put(store, a_span(1, 0, 1))
    assert store.count()["spans"] == 1
    store.close()


def test_large_spans_are_refused_before_they_are_many(tmp_path: Path, a_span: MakeSpan) -> None:
    store = Store(tmp_path / "traces.db", most_pending_bytes=10_000)
    large = a_span(1, 0, 1, text="ü" * 1000)
    with pytest.raises(BusyError):
        store.add([large, replace(large, span_id=f"{2:016x}")])
    for _ in range(5):  # what was written counts no more
        put(store, large)
    assert store.count()["spans"] == 1
    store.close()


def test_a_trace_keeps_so_many_spans_and_counts_the_rest(tmp_path: Path, a_span: MakeSpan) -> None:
    store = Store(tmp_path / "traces.db", most_kept=10)
    put(store, *(a_span(number, number, number + 1) for number in range(1, 9)))
    put(store, *(a_span(number, number, number + 5) for number in range(7, 15)), a_span(1, 0, 1, trace=2))
    [kept] = [kept for kept in store.newest(limit=5, aside=True) if kept.trace_id == f"{1:032x}"]
    assert (kept.spans, kept.dropped) == (10, 4)
    found = store.spans(f"{1:032x}")
    assert [span.name for span in found] == [f"span {number}" for number in range(1, 11)]
    assert found[6].end - found[6].start == 5_000_000, "a span that comes again is replaced, not added"
    assert (store.count()["spans"], store.dropped) == (11, 4)
    store.close()


def test_spans_that_cannot_be_written_are_counted_and_the_next_ones_are(
    tmp_path: Path, a_span: MakeSpan
) -> None:
    store = Store(tmp_path / "traces.db")
    with sqlite3.connect(tmp_path / "traces.db") as other:
        other.execute("ALTER TABLE spans RENAME TO hidden")
    put(store, a_span(1, 0, 1))
    with other:
        other.execute("ALTER TABLE hidden RENAME TO spans")
    other.close()
    put(store, a_span(2, 0, 1))
    assert store.lost == 1
    assert [span.name for span in store.spans(f"{1:032x}")] == ["span 2"]
    store.close()
