"""Draws traces in a terminal of any width, with and without colours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.traces.models import SpanView, StepView, Summary, TraceView

_COLOURS = ("blue", "green", "yellow", "magenta", "cyan", "bright_blue", "bright_green", "bright_magenta")
_WIDE = 100  # columns from which on services have a column of their own
_LEAST_LANE = 16  # columns of the bars
_MOST_NAME = 40
_DURATION = 9  # columns
_BEFORE = 0.001  # ms; what is nearer counts as the same moment
# What bars are made of: time that the task waited for, other time, time in which nothing was under way.
_CRITICAL, _OTHER, _WAIT = "█", "░", "·"
_ERROR = "✗"


@dataclass(frozen=True)
class Columns:
    """The widths of a waterfall."""

    name: int
    service: int
    lane: int

    @classmethod
    def fitting(cls, width: int, trace: TraceView) -> "Columns":
        """Return widths for a terminal: bars get what names and services leave."""
        names = [len(_name(span)) + 2 * span.error for span in trace.spans] + [
            len(gap.name) + 2 for gap in trace.gaps
        ]
        service = max((len(span.service) for span in trace.spans), default=0) if width >= _WIDE else 0
        fixed = _DURATION + 2 + (service + 2 if service else 0)
        name = min(max(names, default=8), _MOST_NAME, max(8, width - fixed - _LEAST_LANE))
        return cls(name, service, max(1, width - fixed - name - 1))


def draw_trace(console: Console, trace: TraceView, *, page: str) -> None:
    """Print the waterfall of a trace, with what it comes to above it."""
    for line in _head(trace, page):
        console.print(line, soft_wrap=True)
    columns = Columns.fitting(console.width, trace)
    colours = _colours(trace)
    console.print(_axis(trace, columns), soft_wrap=True)
    waits = sorted(trace.gaps, key=lambda gap: gap.offset_ms)
    for span in trace.spans:
        while waits and waits[0].offset_ms + waits[0].ms <= span.offset_ms + _BEFORE:
            console.print(_wait_row(waits.pop(0), trace, columns), soft_wrap=True)
        console.print(_row(span, trace, columns, colours[span.service]), soft_wrap=True)
    for wait in waits:
        console.print(_wait_row(wait, trace, columns), soft_wrap=True)
    console.print(_legend(columns, colours), soft_wrap=True)


def draw_list(console: Console, traces: Sequence[Summary]) -> None:
    """Print a table of traces, newest first."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("task", overflow="fold")
    table.add_column("runtime", overflow="fold")
    table.add_column("result", overflow="fold")
    table.add_column("started", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("GPU", justify="right", no_wrap=True)
    ids = console.width >= _WIDE + 25
    if ids:
        table.add_column("trace", no_wrap=True)
    for trace in traces:
        table.add_row(
            Text(printable(" ".join(trace.tasks) or f"({trace.name})")),
            Text(printable(trace.runtime or "-")),
            Text(_result(trace), style="red" if trace.error else ""),
            datetime.fromtimestamp(trace.started_at / 1000, UTC).astimezone().strftime("%H:%M:%S"),
            duration(trace.total_ms),
            f"{trace.gpu_share:.0%}" if trace.gpu_seconds else "-",
            *((Text(trace.trace_id, style="dim"),) if ids else ()),
        )
    console.print(table)


def duration(ms: float) -> str:
    """Say a time in at most nine characters."""
    if ms >= 120_000:
        return f"{ms / 60_000:.1f} min"
    if ms >= 1000:
        return f"{ms / 1000:.2f} s"
    return f"{ms:.0f} ms" if ms >= 10 else f"{ms:.2g} ms"


def printable(text: str) -> str:
    """Return text without what could steer a terminal: span names come from anywhere."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def _head(trace: TraceView, page: str) -> Iterator[Text]:
    title = Text(printable(" ".join(trace.tasks) or trace.name), style="bold")
    title.append(f"  {printable(trace.runtime or '')}", style="not bold")
    title.append(f"  {_ERROR + ' ' if trace.error else ''}{_result(trace)}", style=_mood(trace))
    yield title
    waited = sum(gap.ms for gap in trace.gaps)
    told = [
        f"{duration(trace.total_ms)} in all",
        f"GPU worked {duration(trace.gpu_seconds * 1000)} ({trace.gpu_share:.0%})",
        f"nothing under way for {duration(waited)}",
    ]
    yield Text(" · ".join(told))
    yield Text(f"trace {trace.trace_id}" + ("" if trace.complete else "  (more may come)"), style="dim")
    yield Text(page, style="dim")
    if trace.also:
        yield Text(f"also of this task: {' '.join(trace.also)}", style="dim")
    if trace.truncated:
        yield Text(f"only the first {len(trace.spans)} spans are shown", style="yellow")
    yield Text()


def _axis(trace: TraceView, columns: Columns) -> Text:
    end = duration(trace.total_ms)
    rule = "─" * max(0, columns.lane - len(end) - 3)
    line = Text(" " * columns.name, style="dim")
    line.append("  " + "service".ljust(columns.service) if columns.service else "")
    line.append(f"  {'time':>{_DURATION - 1}} 0 {rule} {end}"[: columns.lane + _DURATION + 2])
    return line


def _row(span: SpanView, trace: TraceView, columns: Columns, colour: str) -> Text:
    line = Text(no_wrap=True)
    name = _cut(_name(span, _ERROR if span.error else ""), columns.name)
    line.append(name, style="red" if span.error else ("bold" if span.self_ms else ""))
    if columns.service:
        line.append(f"  {_cut(printable(span.service), columns.service)}", style=colour)
    line.append(f"  {duration(span.ms):>{_DURATION - 1}} ")
    line.append(_lane(span, trace, columns.lane), style=colour)
    return line


def _wait_row(gap: StepView, trace: TraceView, columns: Columns) -> Text:
    line = Text(no_wrap=True, style="dim")
    line.append(_cut(f"  {printable(gap.name)}", columns.name), style="italic")
    line.append("  " + " " * columns.service if columns.service else "")
    line.append(f"  {duration(gap.ms):>{_DURATION - 1}} ")
    start, end = _cells(gap.offset_ms, gap.ms, trace.total_ms, columns.lane)
    line.append(" " * start + _WAIT * (end - start))
    return line


def _lane(span: SpanView, trace: TraceView, width: int) -> str:
    start, end = _cells(span.offset_ms, span.ms, trace.total_ms, width)
    cells = [" "] * start + [_OTHER] * (end - start)
    for step in (step for step in trace.steps if step.span_id == span.span_id):
        if step.ms * 2 * width < trace.total_ms and step.ms * 2 < span.ms:
            continue  # less than half a cell: one would show much more than there is
        first, last = _cells(step.offset_ms, step.ms, trace.total_ms, width)
        cells[first : min(last, end)] = _CRITICAL * (min(last, end) - first)
    return "".join(cells)


def _cells(offset: float, ms: float, whole: float, width: int) -> tuple[int, int]:
    """Return the first cell and the one after the last; something of no length has one too."""
    scale = width / whole if whole else 0.0
    first = min(width - 1, int(offset * scale))
    return first, max(first + 1, min(width, round((offset + ms) * scale)))


def _legend(columns: Columns, colours: dict[str, str]) -> Text:
    line = Text("\n")
    line.append(f"{_CRITICAL} what the task waited for  {_OTHER} beside it  ", style="dim")
    line.append(f"{_WAIT} nothing under way", style="dim")
    if not columns.service:
        for service, colour in colours.items():
            line.append("  ").append(printable(service), style=colour)
    return line


def _name(span: SpanView, mark: str = "") -> str:
    name = f"{mark} {printable(span.name)}" if mark else printable(span.name)
    return f"{'  ' * min(span.depth, 8)}{name}{' [GPU]' if span.gpu else ''}"


def _cut(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else f"{text[: width - 1]}…"


def _colours(trace: TraceView) -> dict[str, str]:
    services = dict.fromkeys(span.service for span in trace.spans)
    return {service: _COLOURS[number % len(_COLOURS)] for number, service in enumerate(services)}


def _result(trace: Summary) -> str:
    said = printable(" ".join(part for part in (trace.outcome, trace.code) if part))
    if said:
        return said
    if trace.error:
        return "error"
    return "no error" if trace.complete else "under way"


def _mood(trace: Summary) -> str:
    return "red" if trace.error else "green"
