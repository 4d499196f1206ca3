"""Runs a program's `main` and writes down when which of its functions ran.

    python -m tests.bench.traced FILE MODULE

Spans are of the agent's own functions (a coroutine's from its first step to its last, waiting included), of
HTTP requests to the runtime and of AWS calls; and of each step of the event loop that takes long, with the
name of what it ran. Functions are followed by `sys.monitoring`, so nothing has to be known about them.
"""

import asyncio
import atexit
import importlib
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

FOLLOWED = ("/queue_agent/", "/s3io/", "/tests/bench/sequential")
# Functions of libraries that say what is waited for: end of the path, name -> local variables that name it.
OUTSIDE = {
    ("botocore/client.py", "_make_api_call"): ("operation_name",),
    ("httpx/_client.py", "send"): ("request",),
    ("json/__init__.py", "dumps"): (),
    ("json/__init__.py", "loads"): (),
    ("base64.py", "b64decode"): (),
}
MIN_SPAN_NS = 200_000
MIN_STEP_NS = 1_000_000
TOOL = sys.monitoring.PROFILER_ID
EVENTS = sys.monitoring.events


class Tracer:
    """Collects spans: (kind, name, thread, begun_ns, ended_ns)."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, str, str, int, int]] = []
        self._open: dict[FrameType, tuple[str, int]] = {}
        self._names: dict[CodeType, Callable[[FrameType], str] | None] = {}

    def start(self) -> None:
        """Follow functions and the event loop's steps from now on."""
        sys.monitoring.use_tool_id(TOOL, "bench")
        sys.monitoring.register_callback(TOOL, EVENTS.PY_START, self._begun)
        sys.monitoring.register_callback(TOOL, EVENTS.PY_RETURN, self._returned)
        sys.monitoring.register_callback(TOOL, EVENTS.PY_UNWIND, self._unwound)
        sys.monitoring.set_events(TOOL, EVENTS.PY_START | EVENTS.PY_RETURN | EVENTS.PY_UNWIND)
        self._time_steps()

    def _begun(self, code: CodeType, offset: int) -> Any:
        del offset
        if code not in self._names:
            self._names[code] = _namer(code)
        name = self._names[code]
        if name is None:
            return sys.monitoring.DISABLE
        frame = sys._getframe(1)
        self._open[frame] = (name(frame), time.monotonic_ns())
        return None

    def _returned(self, code: CodeType, offset: int, value: object) -> Any:
        del offset, value
        if self._names.get(code) is None:
            return sys.monitoring.DISABLE
        self._close(sys._getframe(1))
        return None

    def _unwound(self, code: CodeType, offset: int, error: BaseException) -> None:
        del offset, error
        if self._names.get(code) is not None:
            self._close(sys._getframe(1))

    def _close(self, frame: FrameType) -> None:
        begun = self._open.pop(frame, None)
        now = time.monotonic_ns()
        if begun is not None and now - begun[1] >= MIN_SPAN_NS:
            self.spans.append(("call", begun[0], threading.current_thread().name, begun[1], now))

    def _time_steps(self) -> None:
        handles: Any = asyncio.Handle
        run = handles._run

        def timed(handle: asyncio.Handle) -> None:
            begun, cpu = time.monotonic_ns(), time.thread_time_ns()
            run(handle)
            now = time.monotonic_ns()
            if now - begun >= MIN_STEP_NS:
                busy = (time.thread_time_ns() - cpu) / 1e6
                self.spans.append(("step", f"{_of(handle)} ({busy:.1f} ms CPU)", "loop", begun, now))

        handles._run = timed


def _namer(code: CodeType) -> Callable[[FrameType], str] | None:
    path = code.co_filename.replace("\\", "/")
    for (end, function), told in OUTSIDE.items():
        if code.co_name == function and path.endswith(end):
            return lambda frame: " ".join((code.co_name, *(str(frame.f_locals[each]) for each in told)))
    if any(part in path for part in FOLLOWED) and not code.co_name.startswith("<"):
        module = Path(path).stem
        return lambda _: f"{module}.{code.co_qualname}"
    return None


def _of(handle: asyncio.Handle) -> str:
    callback = getattr(handle, "_callback", None)
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        coroutine = owner.get_coro()
        return f"task {getattr(coroutine, '__qualname__', coroutine)}"
    return getattr(callback, "__qualname__", repr(callback))


def main() -> None:
    """Run `MODULE.main` (or that of its `__main__`), and write the spans at its end."""
    out, module = Path(sys.argv[1]), sys.argv[2]
    sys.argv = [module]
    tracer = Tracer()
    atexit.register(lambda: out.write_text(json.dumps(tracer.spans)))
    program = importlib.import_module(module)
    if not hasattr(program, "main"):
        program = importlib.import_module(f"{module}.__main__")
    tracer.start()
    program.main()


if __name__ == "__main__":
    main()
