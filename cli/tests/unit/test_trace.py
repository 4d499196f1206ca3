import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from darkroom_cli import trace as trace_command
from darkroom_cli.errors import NoAnswerError, NoTraceError
from darkroom_cli.terminal import Terminal
from darkroom_cli.trace_drawing import draw_list, draw_trace, duration, printable
from local.state import State
from local.traces.client import TraceClient
from local.traces.models import LinkView, SelfTime, SpanView, StepView, Summary, TraceList, TraceView

PAGE = "http://127.0.0.1:4318/traces/x"


def a_span(number: int, name: str, offset: float, ms: float, **more: Any) -> SpanView:
    links: list[LinkView] = []
    plain: dict[str, Any] = {
        "span_id": f"{number:016x}",
        "parent_id": None,
        "parent_missing": False,
        "depth": 0,
        "service": "darkroom-queue-agent",
        "kind": "internal",
        "self_ms": 0.0,
        "gpu": False,
        "error": False,
        "message": "",
        "attributes": {},
        "links": links,
        "events": [],
    }
    return SpanView(**{**plain, "name": name, "offset_ms": offset, "ms": ms, **more})


def a_trace(**more: Any) -> TraceView:
    spans = [
        a_span(1, "POST /v1alpha2", 0.0, 100.0, service="darkroom-validator", self_ms=100.0),
        a_span(2, "process sdruntime", 200.0, 800.0, depth=1, self_ms=300.0),
        a_span(3, "infer", 300.0, 500.0, depth=2, gpu=True, self_ms=500.0, error=True),
        a_span(4, "claim", 300.0, 40.0, depth=2),
    ]
    gap = StepView(span_id=None, name="in the queue", offset_ms=100.0, ms=100.0)
    steps = [
        StepView(span_id=spans[0].span_id, name=spans[0].name, offset_ms=0.0, ms=100.0),
        gap,
        StepView(span_id=spans[1].span_id, name=spans[1].name, offset_ms=200.0, ms=100.0),
        StepView(span_id=spans[2].span_id, name=spans[2].name, offset_ms=300.0, ms=500.0),
        StepView(span_id=spans[1].span_id, name=spans[1].name, offset_ms=800.0, ms=200.0),
    ]
    plain: dict[str, Any] = {
        "trace_id": "a" * 32,
        "name": "POST /v1alpha2",
        "service": "darkroom-validator",
        "tasks": ["lighthouse"],
        "runtime": "sdruntime",
        "outcome": "failed",
        "code": "out_of_memory",
        "started_at": 1_700_000_000_000.0,
        "ended_at": 1_700_000_001_000.0,
        "total_ms": 1000.0,
        "gpu_seconds": 0.5,
        "gpu_share": 0.5,
        "error": True,
        "complete": True,
        "span_count": 4,
        "xray_trace_id": "1-aaaaaaaa-" + "a" * 24,
        "spans": spans,
        "critical_path": [SelfTime(span_id=span.span_id, self_ms=span.self_ms) for span in spans[:3]],
        "steps": steps,
        "gaps": [gap],
        "also": [],
        "truncated": False,
    }
    return TraceView(**{**plain, **more})


def drawn(trace: TraceView, *, width: int = 100, colour: bool = False, encoding: str = "utf-8") -> str:
    told = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    console = Console(
        file=told, width=width, force_terminal=colour, color_system="truecolor" if colour else None
    )
    draw_trace(console, trace, page=PAGE)
    told.seek(0)
    return told.read()


def rows(text: str) -> list[str]:
    """Return the rows of the waterfall: what is between the axis and the legend."""
    lines = text.splitlines()
    begin = next(number for number, line in enumerate(lines) if " time 0 " in line)
    return lines[begin + 1 : lines.index("", begin)]


def test_the_head_says_what_it_comes_to() -> None:
    head = drawn(a_trace(also=["b" * 32])).splitlines()
    assert head[0] == "lighthouse  sdruntime  ✗ failed out_of_memory"
    assert head[1] == "1.00 s in all · GPU worked 500 ms (50%) · nothing under way for 100 ms"
    assert head[2:5] == [f"trace {'a' * 32}", PAGE, f"also of this task: {'b' * 32}"]


def test_rows_are_indented_and_the_wait_stands_before_what_ended_it() -> None:
    names = [row[:24].rstrip() for row in rows(drawn(a_trace()))]
    assert names[0].startswith("POST /v1alpha2")
    assert names[1].startswith("  in the queue")
    assert names[2].startswith("  process sdruntime")
    assert names[3].startswith("    ✗ infer [GPU]")
    assert names[4].startswith("    claim")


def test_what_the_task_waited_for_is_filled_and_the_rest_is_not() -> None:
    post, wait, process, infer, claim = (row.split(" ms ")[-1] for row in rows(drawn(a_trace())))
    assert set(post.strip()) == {"█"}
    assert set(wait.strip()) == {"·"}
    assert set(process.strip()) == {"█", "░"}
    assert set(infer.strip()) == {"█"}
    assert set(claim.strip()) == {"░"}
    assert len(post) - len(post.lstrip()) == 0
    assert process.index("█") == len(wait.rstrip())


@pytest.mark.parametrize("width", [40, 60, 80, 100, 133, 200])
def test_rows_fit_into_any_terminal(width: int) -> None:
    text = drawn(a_trace(), width=width)
    assert all(len(row) <= width for row in rows(text))
    assert ("darkroom-queue-agent" in rows(text)[2]) == (width >= 100)
    assert "darkroom-queue-agent" in text


def test_colours_are_for_terminals_only() -> None:
    assert "\x1b[" in drawn(a_trace(), colour=True)
    assert "\x1b[" not in drawn(a_trace())


def test_nothing_in_a_trace_can_steer_the_terminal() -> None:
    evil = "\x1b]0;owned\x07[red]x[/red]"
    spans = [a_span(1, evil, 0.0, 5.0, service=evil)]
    text = drawn(a_trace(spans=spans, tasks=[evil], runtime=evil, code=evil, outcome=evil))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]x[/red]" in text
    assert printable("a\nb\x9bc") == "a�b�c"


def test_a_trace_without_length_can_be_drawn() -> None:
    trace = a_trace(total_ms=0.0, spans=[a_span(1, "a", 0.0, 0.0)], steps=[], gaps=[])
    assert len(rows(drawn(trace))) == 1


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0.0, "0 ms"),
        (0.042, "0.042 ms"),
        (9.87, "9.9 ms"),
        (12.3, "12 ms"),
        (1234, "1.23 s"),
        (600_000, "10.0 min"),
    ],
)
def test_durations_are_said_in_a_few_characters(ms: float, said: str) -> None:
    assert duration(ms) == said


@pytest.mark.parametrize(("width", "ids"), [(80, False), (140, True)])
def test_the_list_has_a_row_for_each_trace(width: int, *, ids: bool) -> None:
    told = io.StringIO()
    refused = a_trace(tasks=[], runtime=None, outcome=None, code=None, gpu_seconds=0.0, error=False)
    draw_list(Console(file=told, width=width), [a_trace(), refused])
    head, first, second = told.getvalue().splitlines()
    assert ("trace" in head) == ids == ("a" * 32 in first)
    assert first.split()[:4] == ["lighthouse", "sdruntime", "failed", "out_of_memory"]
    assert "50%" in first
    assert second.startswith("(POST /v1alpha2)  -")


@pytest.fixture
def terminal() -> Terminal:
    return Terminal(out=Console(file=io.StringIO(), width=120), err=Console(file=io.StringIO(), width=120))


@pytest.fixture
def a_state(tmp_path: Path) -> Callable[..., State]:
    def make(**changes: Any) -> State:
        plain: dict[str, Any] = dict.fromkeys(
            (
                *("endpoint", "api_key", "region", "aws_url", "requests_topic", "notifications_topic"),
                *(
                    "output_bucket",
                    "payload_bucket",
                    "tasks_table",
                    "unrouted_queue_url",
                    "validator_function",
                ),
            ),
            "-",
        )
        plain |= {"pid": 1, "started_at": 0, "runtimes": {}, "processes": {}, "logs": tmp_path}
        return State(**{**plain, "traces_url": "http://s", "otlp_endpoint": "http://s", **changes})

    return make


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[httpx.Response], None]:
    """Let the trace store give one answer to everything."""

    def give(answer: httpx.Response) -> None:
        def client(state: State) -> TraceClient:
            return TraceClient("http://s", transport=httpx.MockTransport(lambda _: answer))

        monkeypatch.setattr(trace_command, "client_of", client)

    return give


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_json_is_what_the_store_says(
    terminal: Terminal, a_state: Callable[..., State], answers: Callable[[httpx.Response], None]
) -> None:
    answers(httpx.Response(200, text=a_trace().model_dump_json()))
    trace_command.show("lighthouse", state=a_state(), terminal=terminal, wait=0, as_json=True)
    assert TraceView.model_validate(json.loads(said(terminal.out))) == a_trace()


def test_the_address_of_the_page_is_all_that_url_prints(
    terminal: Terminal, a_state: Callable[..., State], answers: Callable[[httpx.Response], None]
) -> None:
    answers(httpx.Response(200, text=a_trace().model_dump_json()))
    trace_command.show("lighthouse", state=a_state(), terminal=terminal, wait=0, url=True)
    assert said(terminal.out) == f"http://s/traces/{'a' * 32}\n"


def test_who_sends_spans_elsewhere_is_reminded(
    terminal: Terminal, a_state: Callable[..., State], answers: Callable[[httpx.Response], None]
) -> None:
    answers(httpx.Response(200, text=a_trace().model_dump_json()))
    trace_command.show("a", state=a_state(otlp_endpoint="http://jaeger:4318"), terminal=terminal, wait=0)
    assert "go to http://jaeger:4318" in said(terminal.err)


def test_a_task_without_a_trace_is_told_with_where_to_look(
    terminal: Terminal, a_state: Callable[..., State], answers: Callable[[httpx.Response], None]
) -> None:
    answers(httpx.Response(404))
    with pytest.raises(NoTraceError, match=r"no trace of 'a'; \./darkroom traces lists"):
        trace_command.show("a", state=a_state(), terminal=terminal, wait=0)


def test_a_store_that_does_not_answer_is_told_with_its_log(
    terminal: Terminal, a_state: Callable[..., State], answers: Callable[[httpx.Response], None]
) -> None:
    answers(httpx.Response(500))
    words = r"(?s)answered 500.*traces\.log"
    with pytest.raises(NoAnswerError, match=words):
        trace_command.show("a", state=a_state(), terminal=terminal, wait=0)
    with pytest.raises(NoAnswerError, match=words):
        trace_command.show_list(state=a_state(), terminal=terminal, limit=5)


def test_without_a_trace_store_that_is_said(terminal: Terminal, a_state: Callable[..., State]) -> None:
    with pytest.raises(NoTraceError, match="--no-traces"):
        trace_command.show("a", state=a_state(traces_url=None), terminal=terminal, wait=0)


def test_a_list_is_a_table_or_json_or_a_remark(
    terminal: Terminal, a_state: Callable[..., State], answers: Callable[[httpx.Response], None]
) -> None:
    one = TraceList(traces=[Summary(**a_trace().model_dump(include=set(Summary.model_fields)))])
    answers(httpx.Response(200, text=one.model_dump_json()))
    trace_command.show_list(state=a_state(), terminal=terminal, limit=5)
    assert "lighthouse" in said(terminal.out)
    trace_command.show_list(state=a_state(), terminal=terminal, limit=5, as_json=True)
    assert '"tasks": [' in said(terminal.out)
    answers(httpx.Response(200, json={"traces": []}))
    trace_command.show_list(state=a_state(), terminal=terminal, limit=5)
    assert "no traces yet" in said(terminal.err)
