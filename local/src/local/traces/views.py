"""From the store's spans to what the reading API answers."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from local.traces.analysis import (
    Node,
    Step,
    critical_path,
    gpu_nanoseconds,
    self_times,
    tree,
    waterfall,
)
from local.traces.models import (
    EventView,
    LinkView,
    SelfTime,
    SpanView,
    StepView,
    Summary,
    TraceList,
    TraceView,
)
from local.traces.spans import Link, Span, trace_id_of
from local.traces.store import Kept, Store
from telemetry.names import CODE, GPU, OUTCOME, RUNTIME, TASK_ID

PUBLISH_REQUESTS = "publish requests"
_REMEMBERED = 2000  # summaries


class Views:
    """Reads a store. Not for several threads at once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._summaries: dict[str, tuple[int, Summary]] = {}

    def traces(
        self,
        *,
        limit: int,
        runtime: str | None = None,
        error: bool = False,
        aside: bool = False,
        task: str | None = None,
    ) -> TraceList:
        """Return the newest traces (`Store.newest` says which), or those of one task."""
        if task is not None:
            kept = self._store.of_task(task)[:limit]
        else:
            kept = self._store.newest(limit=limit, runtime=runtime, error=error, aside=aside)
        return TraceList(traces=[found for each in kept if (found := self._summary(each)) is not None])

    def trace(self, trace_or_task: str) -> TraceView | None:
        """Return a trace by its own id, in either form, or by that of its task; None where there is none."""
        trace_id = trace_id_of(trace_or_task)
        kept = self._store.trace(trace_id) if trace_id is not None else None
        if kept is None:
            kept = next(iter(self._store.of_task(trace_or_task)), None)
        spans = self._store.spans(kept.trace_id) if kept is not None else []
        return self._view(kept, spans) if kept is not None and spans else None

    def _summary(self, kept: Kept) -> Summary | None:
        revision, summary = self._summaries.get(kept.trace_id, (0, None))
        if revision == kept.revision:
            return summary
        spans = self._store.spans(kept.trace_id)
        if not spans:
            return None  # forgotten meanwhile
        summary = summarize(spans, tree(spans), count=_count(kept, spans))
        while len(self._summaries) >= _REMEMBERED:
            self._summaries.pop(next(iter(self._summaries)))
        self._summaries[kept.trace_id] = (kept.revision, summary)
        return summary

    def _view(self, kept: Kept, spans: Sequence[Span]) -> TraceView:
        top = tree(spans)
        summary = summarize(spans, top, count=_count(kept, spans))
        steps = critical_path(top)
        own = self_times(steps)
        known = {link.trace_id for span in spans for link in span.links}
        known = {trace_id for trace_id in known if self._store.trace(trace_id) is not None}
        ids = {span.span_id for span in spans}
        view = partial(_span_view, first=top.first, own=own, known=known, ids=ids)
        step_views = [_step_view(step, top.first) for step in steps]
        trace_id = summary.trace_id
        return TraceView(
            **dict(summary),
            xray_trace_id=f"1-{trace_id[:8]}-{trace_id[8:]}",
            spans=[view(node) for node in waterfall(top)],
            critical_path=[SelfTime(span_id=span_id, self_ms=_ms(time)) for span_id, time in own.items()],
            steps=step_views,
            gaps=[step for step in step_views if step.span_id is None],
            also=self._also(summary),
            truncated=summary.span_count > len(spans),
            dropped=kept.dropped,
        )

    def _also(self, summary: Summary) -> list[str]:
        found = (kept.trace_id for task in summary.tasks for kept in self._store.of_task(task))
        return [trace_id for trace_id in dict.fromkeys(found) if trace_id != summary.trace_id]


def summarize(spans: Sequence[Span], top: Node, *, count: int) -> Summary:
    """Return what a list says about a trace of one span or more.

    Args:
        spans: of the trace, or the earliest of them.
        top: their tree.
        count: how many have come.
    """
    first, whole = top.children[0].span, top.last - top.first
    assert first is not None, "only the top is no span"
    gpu = gpu_nanoseconds(spans)
    # Once it is taken from a queue, that the API had accepted it is old news.
    telling = [span for span in spans if span.kind == "consumer"] or spans
    return Summary(
        trace_id=first.trace_id,
        name=first.name,
        service=first.service,
        tasks=list(dict.fromkeys(_told(spans, TASK_ID))),
        runtime=next(_told(spans, RUNTIME), None),
        outcome=_last_told(telling, OUTCOME),
        code=_last_told(telling, CODE),
        started_at=_ms(top.first),
        ended_at=_ms(top.last),
        total_ms=_ms(whole),
        gpu_seconds=round(gpu / 1e9, 6),
        gpu_share=round(gpu / whole, 4) if whole else 0.0,
        error=any(span.error for span in spans),
        complete=is_complete(spans),
        span_count=count,
    )


def is_complete(spans: Sequence[Span]) -> bool:
    """Whether nothing seems to be missing: no parent, and whoever was to take what was published.

    A server's parent may be a stranger's: Lambda's own segment, or a client's span. What has nothing below
    it cannot be known to be missing, the spans of a runtime for one: senders gather them for a second or so.
    """
    ids = {span.span_id for span in spans}
    taken = {span.parent_id for span in spans if span.kind == "consumer"}
    return all(
        (span.parent_id is None or span.parent_id in ids or span.kind == "server")
        and (span.name != PUBLISH_REQUESTS or span.error or span.span_id in taken)
        for span in spans
    )


def _count(kept: Kept, spans: Sequence[Span]) -> int:
    return max(kept.spans + kept.dropped, len(spans))  # more may have come since it was looked up


def _told(spans: Iterable[Span], name: str) -> Iterator[str]:
    return (str(value) for span in spans if (value := span.attributes.get(name)) not in (None, ""))


def _last_told(spans: Iterable[Span], name: str) -> str | None:
    return next(_told(sorted(spans, key=lambda span: -span.end), name), None)


def _span_view(node: Node, *, first: int, own: dict[str, int], known: set[str], ids: set[str]) -> SpanView:
    span = node.span
    assert span is not None, "a waterfall has spans only"
    return SpanView(
        span_id=span.span_id,
        parent_id=span.parent_id,
        parent_missing=span.parent_id is not None and span.parent_id not in ids,
        depth=node.depth,
        name=span.name,
        service=span.service,
        kind=span.kind,
        offset_ms=_ms(span.start - first),
        ms=_ms(span.end - span.start),
        self_ms=_ms(own.get(span.span_id, 0)),
        gpu=span.attributes.get(GPU) is True,
        error=span.error,
        message=span.message,
        attributes=dict(span.attributes),
        links=[_link_view(link, known) for link in span.links],
        events=[
            EventView(name=event.name, offset_ms=_ms(event.at - first), attributes=dict(event.attributes))
            for event in span.events
        ],
    )


def _link_view(link: Link, known: set[str]) -> LinkView:
    return LinkView(trace_id=link.trace_id, span_id=link.span_id, known=link.trace_id in known)


def _step_view(step: Step, first: int) -> StepView:
    offset, length = _ms(step.start - first), _ms(step.end - step.start)
    return StepView(span_id=step.span_id, name=step.name, offset_ms=offset, ms=length)


def _ms(nanoseconds: int) -> float:
    return round(nanoseconds / 1e6, 3)
