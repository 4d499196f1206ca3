from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.traces.spans import Link, Span, Value
from local.traces.store import Store

TRACE = "6923aabb" + "0" * 23 + "1"
BEGIN = 1_700_000_000_000_000_000  # nanoseconds
MS = 1_000_000

type MakeSpan = Callable[..., Span]


@pytest.fixture
def a_span() -> MakeSpan:
    """Make spans; ids are small numbers, times milliseconds after a fixed begin."""

    def make(
        number: int,
        start: float,
        end: float,
        *,
        parent: int | None = None,
        trace: int = 1,
        name: str = "",
        kind: str = "internal",
        service: str = "darkroom-queue-agent",
        error: bool = False,
        links: tuple[Link, ...] = (),
        **attributes: Value,
    ) -> Span:
        return Span(
            trace_id=f"{trace:032x}",
            span_id=f"{number:016x}",
            parent_id=None if parent is None else f"{parent:016x}",
            name=name or f"span {number}",
            service=service,
            kind=kind,
            start=BEGIN + round(start * MS),
            end=BEGIN + round(end * MS),
            error=error,
            attributes={key.replace("_", "."): value for key, value in attributes.items()},
            links=links,
        )

    return make


@pytest.fixture
def a_task(a_span: MakeSpan) -> Callable[..., list[Span]]:
    """Make the spans of a task as the system makes them, in a trace of its own."""

    def make(
        task: str = "lighthouse", *, trace: int = 1, later: float = 0.0, runtime: str = "sdruntime"
    ) -> list[Span]:
        validator, agent, sketch = "darkroom-validator", "darkroom-queue-agent", "sketch-sdwebui"
        said: dict[str, Value] = {"darkroom_task_id": task, "darkroom_runtime": runtime}
        rows: list[tuple[int, int, str, str, str, int, int, dict[str, Value]]] = [
            # Lambda's own segment, the parent of the first, never comes.
            (1, 999, "POST /v1alpha2", validator, "server", 0, 62, {"darkroom_outcome": "accepted"}),
            (2, 1, "parse", validator, "internal", 2, 9, {}),
            (3, 1, "record", validator, "internal", 9, 31, {}),
            (4, 1, "publish requests", validator, "producer", 32, 58, {"messaging_system": "aws.sns"}),
            (5, 4, f"process {runtime}", agent, "consumer", 118, 921, {"darkroom_outcome": "succeeded"}),
            (6, 5, "accept", agent, "internal", 119, 131, {}),
            (7, 5, "prepare", agent, "internal", 131, 204, {}),
            (8, 7, "fetch input", agent, "client", 133, 201, {}),
            (9, 5, "claim", agent, "client", 205, 226, {}),
            (10, 5, "infer", agent, "client", 205, 742, {"darkroom_gpu": True, "darkroom_steps": 16}),
            (11, 10, "switch model", agent, "client", 206, 287, {"darkroom_model": "v1-5.safetensors"}),
            (12, 10, "POST /sdapi/v1/txt2img", sketch, "server", 290, 738, {}),
            (13, 5, "decode", agent, "internal", 742, 771, {}),
            (14, 5, "store", agent, "client", 772, 845, {}),
            (15, 5, "commit", agent, "client", 846, 874, {}),
            (16, 5, "publish notifications", agent, "producer", 875, 901, {}),
            (17, 5, "settle", agent, "client", 902, 920, {}),
        ]
        return [
            a_span(
                *(number, later + start, later + end),
                parent=parent,
                trace=trace,
                name=name,
                kind=kind,
                service=service,
                **({} if service == sketch else said),
                **more,
            )
            for number, parent, name, service, kind, start, end, more in rows
        ]

    return make


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "traces.db")
    yield made
    made.close()
