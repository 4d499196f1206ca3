"""Where the time between two runs goes: what was under way in the gaps, from the spans of `traced`."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.bench.busy import Gap

SHOWN = 30
LEAST_MS = 0.3
ENDLESS_NS = 200_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """Something that went on, in ns of CLOCK_MONOTONIC; `kind` is "call", or "step" for the event loop's."""

    kind: str
    name: str
    thread: str
    begun_ns: int
    ended_ns: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one name takes of the gaps, in milliseconds.

    Attributes:
        per_gap: mean over all gaps.
        gaps: the fraction of gaps in which it was under way.
        first, last: when it began and ended, on average, counted from the beginning of the gap.
    """

    name: str
    per_gap: float
    gaps: float
    first: float
    last: float


def shares(spans: Iterable[Span], gaps: Sequence[Gap]) -> list[Share]:
    """Return what took part in the gaps, by the time that it was under way in them, longest first.

    Waiting counts, and callers count with what they call: the shares do not add up to the gaps.
    """
    found: dict[str, list[tuple[int, float, float, float]]] = defaultdict(list)
    for number, gap, span in overlapping(spans, gaps):
        within = min(span.ended_ns, gap.ended_ns) - max(span.begun_ns, gap.begun_ns)
        begun, ended = span.begun_ns - gap.begun_ns, span.ended_ns - gap.begun_ns
        found[span.name].append((number, within / 1e6, begun / 1e6, ended / 1e6))
    result = [
        Share(
            name=name,
            per_gap=sum(within for _, within, _, _ in each) / len(gaps),
            gaps=len({number for number, *_ in each}) / len(gaps),
            first=statistics.fmean(begun for *_, begun, _ in each),
            last=statistics.fmean(ended for *_, ended in each),
        )
        for name, each in found.items()
    ]
    return sorted(result, key=lambda share: -share.per_gap)


def overlapping(spans: Iterable[Span], gaps: Sequence[Gap]) -> Iterator[tuple[int, Gap, Span]]:
    """Yield each gap, with its number, and each span in it that was not under way long before and after."""
    todo = list(spans)
    for number, gap in enumerate(gaps):
        for span in todo:
            if _endless(span, gap):
                continue
            if span.begun_ns < gap.ended_ns and span.ended_ns > gap.begun_ns:
                yield number, gap, span


def _endless(span: Span, gap: Gap) -> bool:
    """Whether it says nothing about a gap, as it went on long before and long after."""
    return span.begun_ns < gap.begun_ns - ENDLESS_NS and span.ended_ns > gap.ended_ns + ENDLESS_NS


def report(spans: Sequence[Span], gaps: Sequence[Gap]) -> Iterator[str]:
    """Yield the lines that tell where the time of the gaps goes."""
    mean = statistics.fmean(gap.ms for gap in gaps)
    yield f"{len(gaps)} gaps of {mean:.1f} ms on average; what was under way in them (waiting included):"
    yield f"{'ms a gap':>9} {'in':>5} {'from':>8} {'to ms':>8}"
    steps = [span for span in spans if span.kind == "step"]
    calls = [span for span in spans if span.kind == "call"]
    for share in shares(calls, gaps)[:SHOWN]:
        if share.per_gap >= LEAST_MS:
            when = f"{share.first:>8.1f} {share.last:>8.1f}"
            yield f"{share.per_gap:>9.2f} {share.gaps:>5.0%} {when}  {share.name}"
    held = sum(
        min(step.ended_ns, gap.ended_ns) - max(step.begun_ns, gap.begun_ns)
        for _, gap, step in overlapping(steps, gaps)
    )
    yield f"steps of the event loop of a millisecond and more: {held / 1e6 / len(gaps):.1f} ms a gap"
    by_length = sorted(gaps, key=lambda gap: gap.ms)
    for what, gap in (("median", by_length[len(by_length) // 2]), ("greatest", by_length[-1])):
        yield f"the gap of {what} length ({gap.ms:.1f} ms), from its beginning:"
        yield from _timeline([span for _, _, span in overlapping(spans, [gap])], gap)


def _timeline(spans: Sequence[Span], gap: Gap) -> Iterator[str]:
    for span in sorted(spans, key=lambda span: (span.begun_ns, -span.ended_ns)):
        begun, ended = ((at - gap.begun_ns) / 1e6 for at in (span.begun_ns, span.ended_ns))
        yield f"{begun:>9.1f} to {ended:>8.1f}  {span.kind} {span.name} [{span.thread}]"
