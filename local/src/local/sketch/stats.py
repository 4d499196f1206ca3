"""What a sketch runtime has seen and done, for tests and benchmarks (`GET /_sketch/stats`)."""

import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any


def now_ms() -> int:
    """Epoch milliseconds, UTC."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class JobRecord:
    """One job that reached the simulated GPU; times in epoch milliseconds."""

    name: str
    kind: str
    traceparent: str | None
    started_at: int = field(default_factory=now_ms)
    finished_at: int | None = None
    outcome: str = "running"

    def finish(self, outcome: str) -> None:
        """Close the record: succeeded, failed, interrupted or lost."""
        self.finished_at = now_ms()
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class RunTimes:
    """When a runtime was busy with one job, in ns of CLOCK_MONOTONIC, which all processes of a machine share.

    sdwebui: from the request wholly received to the answer's first byte, so that a job that waits for the GPU
    begins before the one before it ends. comfyui: from the prompt's start to its end.
    """

    name: str
    begun_ns: int
    ended_ns: int


class Stats:
    """Counters of requests, and one record for each job that took the GPU."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.jobs: list[JobRecord] = []
        self.runs: list[RunTimes] = []

    def start(self, name: str, kind: str, traceparent: str | None = None) -> JobRecord:
        """A job takes the GPU now."""
        record = JobRecord(name, kind, traceparent)
        self.jobs.append(record)
        return record

    def ran(self, name: str, *, begun_ns: int) -> None:
        """A job has ended now that began then."""
        self.runs.append(RunTimes(name, begun_ns, time.monotonic_ns()))

    @property
    def running(self) -> list[JobRecord]:
        """The jobs that hold the GPU now (at most one)."""
        return [job for job in self.jobs if job.finished_at is None]

    def busy(self) -> list[tuple[int, int]]:
        """The intervals in which the GPU worked, in epoch milliseconds; a running job's ends now."""
        return [(job.started_at, job.finished_at or now_ms()) for job in self.jobs]

    def as_json(self) -> dict[str, Any]:
        """All of it, for the admin route."""
        return {
            "requests": dict(self.requests),
            "running": [job.name for job in self.running],
            "busy": [list(interval) for interval in self.busy()],
            "jobs": [asdict(job) for job in self.jobs],
        }
