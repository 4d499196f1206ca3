"""What an agent tells of itself on `/metrics` (the queue agent's README has the table)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

TIMEOUT = 2.0  # seconds: an agent that takes longer hangs
MAX_BYTES = 4 * 1024 * 1024

_FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Reading:
    """One scrape. Counters count from the agent's start.

    Attributes:
        ready: its runtime could take a task.
        breaker_open: its circuit breaker is open.
        busy: the GPU works for a task now.
        busy_fraction: share of the last minute in which it did; None where the agent does not tell.
        busy_seconds: how long it has.
        up_seconds: age of the agent.
        ended: tasks that ended there.
        failed: those of them that failed.
    """

    ready: bool
    breaker_open: bool
    busy: bool
    busy_fraction: float | None
    busy_seconds: float | None
    up_seconds: float | None
    ended: float
    failed: float


class NoReadingError(Exception):
    """The agent does not answer, or what answers is none."""


async def scrape(http: httpx.AsyncClient, url: str) -> Reading:
    """Ask an agent.

    Raises:
        NoReadingError: in vain.
    """
    try:
        async with http.stream("GET", url, timeout=TIMEOUT) as answer:
            if answer.status_code != 200:
                raise NoReadingError(f"answered {answer.status_code}")
            text = bytearray()
            async for chunk in answer.aiter_bytes():
                text += chunk
                if len(text) > MAX_BYTES:
                    raise NoReadingError("answered without end")
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise NoReadingError(type(exc).__name__) from None
    return read(text.decode(errors="replace"))


def read(text: str) -> Reading:
    """Read Prometheus' text format.

    Raises:
        NoReadingError: it is something else, or not of an agent.
    """
    try:
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    except (ValueError, KeyError, IndexError, TypeError) as exc:  # the parser's own, of text that is none
        raise NoReadingError("answered something else than metrics") from exc
    values = {sample.name: sample.value for sample in samples if not sample.labels}
    if "darkroom_runtime_ready" not in values:
        raise NoReadingError("is no queue agent")
    return Reading(
        ready=values["darkroom_runtime_ready"] > 0,
        breaker_open=values.get("darkroom_breaker_open", 0) > 0,
        busy=values.get("darkroom_gpu_busy", 0) > 0,
        busy_fraction=_share(values.get("darkroom_gpu_busy_fraction")),
        busy_seconds=_finite(values.get("darkroom_gpu_busy_seconds_total")),
        up_seconds=_finite(values.get("darkroom_agent_up_seconds")),
        ended=_sum(samples, lambda _: True),
        failed=_sum(samples, lambda sample: sample.labels.get("result") == _FAILED),
    )


def _sum(samples: list[Sample], wanted: Callable[[Sample], bool]) -> float:
    counted = (sample for sample in samples if sample.name == "darkroom_tasks_total" and wanted(sample))
    return sum(sample.value for sample in counted if math.isfinite(sample.value))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _share(value: float | None) -> float | None:
    finite = _finite(value)
    return None if finite is None else min(1.0, max(0.0, finite))
