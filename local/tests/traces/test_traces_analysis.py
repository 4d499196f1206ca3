import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.traces.analysis import (
    BACK_IN_THE_QUEUE,
    IN_THE_QUEUE,
    Node,
    Step,
    critical_path,
    gpu_nanoseconds,
    self_times,
    tree,
    waterfall,
)
from local.traces.spans import Span

MS = 1_000_000

type MakeSpan = Callable[..., Span]


def a_bare_span(number: int, parent: int | None, start: int, end: int, *, gpu: bool = False) -> Span:
    return Span(
        trace_id="1" * 32,
        span_id=f"{number:016x}",
        parent_id=None if parent is None else f"{parent:016x}",
        name=f"span {number}",
        service="s",
        kind="internal",
        start=start,
        end=end,
        attributes={"darkroom.gpu": True} if gpu else {},
    )


@st.composite
def any_spans(draw: st.DrawFn) -> list[Span]:
    """Spans of any times, whose parents are anything: missing, later, themselves, in circles."""
    count = draw(st.integers(1, 25))
    spans = []
    for number in range(1, count + 1):
        start = draw(st.integers(1, 1000))
        length = draw(st.integers(0, 400))
        parent = draw(st.none() | st.integers(1, count + 3))
        spans.append(a_bare_span(number, parent, start, start + length, gpu=draw(st.booleans())))
    return spans


@st.composite
def nested_spans(draw: st.DrawFn) -> list[Span]:
    """Spans of one root, each within its parent."""
    spans = [a_bare_span(1, None, 0, draw(st.integers(1, 10_000)))]
    for number in range(2, draw(st.integers(2, 30))):
        parent = draw(st.sampled_from(spans))
        start = draw(st.integers(parent.start, parent.end))
        end = draw(st.integers(start, parent.end))
        spans.append(a_bare_span(number, int(parent.span_id, 16), start, end))
    return spans


def names(steps: list[Step]) -> list[tuple[str, int]]:
    return [(step.name, (step.end - step.start) // MS) for step in steps]


@given(spans=any_spans())
@settings(deadline=None)
def test_whatever_comes_the_steps_sum_to_the_whole_without_overlap(spans: list[Span]) -> None:
    steps = critical_path(tree(spans))
    first, last = min(span.start for span in spans), max(span.end for span in spans)
    now = first
    for step in steps:
        assert step.start == now
        assert step.end > step.start
        now = step.end
    assert now == last


@given(spans=nested_spans())
@settings(deadline=None)
def test_self_times_of_nested_spans_sum_to_the_duration_of_the_root(spans: list[Span]) -> None:
    steps = critical_path(tree(spans))
    assert sum(self_times(steps).values()) == spans[0].end - spans[0].start
    assert all(step.span_id is not None for step in steps)


@given(spans=any_spans())
@settings(deadline=None)
def test_no_span_has_more_of_the_critical_path_than_it_lasted(spans: list[Span]) -> None:
    for span_id, time in self_times(critical_path(tree(spans))).items():
        [span] = [span for span in spans if span.span_id == span_id]
        assert 0 < time <= span.end - span.start


@given(spans=any_spans())
@settings(deadline=None)
def test_a_waterfall_has_each_span_once_and_parents_above_their_children(spans: list[Span]) -> None:
    rows = waterfall(tree(spans))
    places = {row.span.span_id: place for place, row in enumerate(rows) if row.span is not None}
    assert len(rows) == len(places) == len(spans)
    for row in rows:
        for child in row.children:
            assert child.span is not None
            assert row.span is not None
            assert places[child.span.span_id] > places[row.span.span_id]
            assert child.depth == row.depth + 1
        if row.depth:
            assert row.span is not None
            assert row.span.parent_id in places


@given(spans=any_spans(), seed=st.integers())
@settings(deadline=None)
def test_the_order_in_which_spans_arrive_means_nothing(spans: list[Span], seed: int) -> None:
    shuffled = random.Random(seed).sample(spans, len(spans))
    assert critical_path(tree(shuffled)) == critical_path(tree(spans))
    assert [row.span for row in waterfall(tree(shuffled))] == [row.span for row in waterfall(tree(spans))]


@given(spans=any_spans())
@settings(deadline=None)
def test_time_in_which_the_gpu_worked_is_counted_once(spans: list[Span]) -> None:
    moments = {moment for span in spans if span.attributes for moment in range(span.start, span.end)}
    assert gpu_nanoseconds(spans) == len(moments)


def test_a_task_waited_for_what_ended_last_and_before_that_for_what_ended_last(
    a_task: Callable[..., list[Span]],
) -> None:
    steps = names(critical_path(tree(a_task())))
    assert ("in the queue", 60) in steps
    assert ("POST /sdapi/v1/txt2img", 448) in steps
    assert ("fetch input", 68) in steps
    assert not [name for name, _ in steps if name == "claim"], "it was written beside the run"
    assert sum(time for _, time in steps) == 921


def test_of_two_that_were_under_way_the_one_that_ended_first_was_not_waited_for_alone(
    a_span: MakeSpan,
) -> None:
    spans = [
        a_span(1, 0, 100),
        a_span(2, 0, 40, parent=1, name="short"),
        a_span(3, 10, 90, parent=1, name="long"),
    ]
    assert names(critical_path(tree(spans))) == [("short", 10), ("long", 80), ("span 1", 10)]


def test_the_time_between_a_producer_and_its_consumer_is_the_queues(a_span: MakeSpan) -> None:
    spans = [
        a_span(1, 0, 10, kind="producer"),
        a_span(2, 30, 50, parent=1, kind="consumer", name="first try"),
        a_span(3, 110, 150, parent=1, kind="consumer", name="second try"),
    ]
    assert names(critical_path(tree(spans))) == [
        ("span 1", 10),
        (IN_THE_QUEUE, 20),
        ("first try", 20),
        (BACK_IN_THE_QUEUE, 60),
        ("second try", 40),
    ]


def test_a_time_in_which_nothing_was_under_way_is_named_after_what_came_next(a_span: MakeSpan) -> None:
    spans = [a_span(1, 0, 10), a_span(2, 25, 30, parent=99, name="sweep")]
    assert names(critical_path(tree(spans))) == [("span 1", 10), ("before sweep", 15), ("sweep", 5)]


def test_a_child_whose_clock_is_ahead_takes_nothing_from_the_whole(a_span: MakeSpan) -> None:
    spans = [a_span(1, 10, 100), a_span(2, 5, 40, parent=1), a_span(3, 38, 103, parent=1)]
    steps = critical_path(tree(spans))
    assert names(steps) == [("span 2", 33), ("span 3", 65)]


def test_parents_in_a_circle_do_not_keep_anything_from_being_shown(a_span: MakeSpan) -> None:
    spans = [a_span(1, 0, 10, parent=3), a_span(2, 1, 9, parent=1), a_span(3, 2, 8, parent=2)]
    assert [(row.span.name, row.depth) for row in waterfall(tree(spans)) if row.span] == [
        ("span 1", 0),
        ("span 2", 1),
        ("span 3", 2),
    ]


def test_what_hangs_off_a_circle_stays_below_its_parent_though_it_began_first(a_span: MakeSpan) -> None:
    spans = [a_span(1, 0, 20, parent=2), a_span(2, 5, 10, parent=3), a_span(3, 4, 9, parent=2)]
    assert [(row.span.name, row.depth) for row in waterfall(tree(spans)) if row.span] == [
        ("span 3", 0),
        ("span 2", 1),
        ("span 1", 2),
    ]


class Counted(list[Node]):
    """A list that counts how often it is gone through."""

    times = 0

    def __iter__(self) -> Iterator[Node]:
        self.times += 1
        return super().__iter__()


def test_the_work_for_a_producers_consumers_does_not_grow_with_each_of_them(a_span: MakeSpan) -> None:
    consumers = [
        a_span(number, 10 * number, 10 * number + 5, parent=1, kind="consumer") for number in range(2, 100)
    ]
    [producer] = (top := tree([a_span(1, 0, 10, kind="producer"), *consumers])).children
    counted = producer.children = Counted(producer.children)
    steps = names(critical_path(top))
    assert steps.count((BACK_IN_THE_QUEUE, 5)) == 97
    assert steps.count((IN_THE_QUEUE, 10)) == 1
    assert counted.times <= 2


def test_a_span_that_is_its_own_parent_is_a_root(a_span: MakeSpan) -> None:
    assert [row.depth for row in waterfall(tree([a_span(1, 0, 10, parent=1)]))] == [0]


def test_traces_may_be_deeper_than_the_stack(a_span: MakeSpan) -> None:
    depth = 5000
    spans = [a_span(number, number, 20_000 - number, parent=number - 1) for number in range(1, depth)]
    top = tree(spans)
    assert waterfall(top)[-1].depth == depth - 2
    assert sum(self_times(critical_path(top)).values()) == (20_000 - 2) * MS


@pytest.mark.parametrize(
    ("spans", "milliseconds"),
    [([(0, 10), (5, 20)], 20), ([(0, 10), (15, 20)], 15), ([(0, 30), (5, 10)], 30), ([(5, 5)], 0)],
)
def test_gpu_time_is_the_union_of_the_spans(
    spans: list[tuple[int, int]], milliseconds: int, a_span: MakeSpan
) -> None:
    made = [
        a_span(number, start, end, darkroom_gpu=True) for number, (start, end) in enumerate(spans, start=1)
    ]
    assert gpu_nanoseconds([*made, a_span(99, 0, 1000)]) == milliseconds * MS
