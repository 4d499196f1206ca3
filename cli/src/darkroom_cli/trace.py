"""What became of a task, step by step: the trace store's answers in the terminal."""

import webbrowser

from darkroom_cli.errors import NoAnswerError, NoTraceError
from darkroom_cli.terminal import Terminal
from darkroom_cli.trace_drawing import draw_list, draw_trace
from local.state import State
from local.traces.client import TraceClient
from local.traces.errors import UnreachableError
from local.traces.models import TraceList


def show(
    trace_or_task: str,
    *,
    state: State,
    terminal: Terminal,
    wait: float,
    as_json: bool = False,
    url: bool = False,
    browser: bool = False,
) -> None:
    """Show one trace, by its own id or by that of its task.

    Args:
        trace_or_task: a task's id, or a trace's in hex or as X-Ray writes it.
        state: of the system that is up.
        terminal: where it is drawn.
        wait: seconds that it may take until the trace is complete.
        as_json: print what the store says instead.
        url: print the page's address instead.
        browser: open the page too.

    Raises:
        NoTraceError: there is none.
        NoAnswerError: the trace store does not answer.
    """
    client = client_of(state)
    try:
        with terminal.waiting("waiting for the trace"):
            trace = client.wait(trace_or_task, timeout=wait)
    except UnreachableError as exc:
        raise NoAnswerError(f"{exc}\n  log: {state.logs / 'traces.log'}") from exc
    if trace is None:
        there_are = "./darkroom traces lists the last ones"
        raise NoTraceError(f"there is no trace of {trace_or_task!r}; {there_are}{_elsewhere(state)}")
    page = client.page(trace.trace_id)
    if browser:
        webbrowser.open(page)
    if url:
        terminal.say(page)
    elif as_json:
        terminal.say(trace.model_dump_json(indent=2))
    else:
        draw_trace(terminal.out, trace, page=page)
        if elsewhere := _elsewhere(state):
            terminal.remark(elsewhere.removeprefix("; "))


def show_list(
    *,
    state: State,
    terminal: Terminal,
    limit: int,
    runtime: str | None = None,
    error: bool = False,
    as_json: bool = False,
) -> None:
    """List the last traces, newest first.

    Raises:
        NoTraceError: there is no trace store.
        NoAnswerError: the trace store does not answer.
    """
    client = client_of(state)
    try:
        traces = client.traces(limit=limit, runtime=runtime, error=error)
    except UnreachableError as exc:
        raise NoAnswerError(f"{exc}\n  log: {state.logs / 'traces.log'}") from exc
    if as_json:
        terminal.say(TraceList(traces=traces).model_dump_json(indent=2))
        return
    if not traces:
        terminal.remark("no traces yet" if not (runtime or error) else "no such traces")
        return
    draw_list(terminal.out, traces)
    terminal.remark(f"./darkroom trace TASK shows one; all of them, live: {client.url}/")


def client_of(state: State) -> TraceClient:
    """Return a client of the system's trace store.

    Raises:
        NoTraceError: the system was started without one.
    """
    if state.traces_url is None:
        raise NoTraceError("nothing is traced: the local system was started with --no-traces")
    return TraceClient(state.traces_url)


def _elsewhere(state: State) -> str:
    if state.otlp_endpoint == state.traces_url:
        return ""
    return f"; spans of agents and runtimes go to {state.otlp_endpoint}"
