"""The process-wide state behind GET /sdapi/v1/progress, /interrupt and /skip."""

import time
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Progress:
    """What runs now. There is no job id: whoever asks sees the one job that holds the lock."""

    skipped: bool = False
    interrupted: bool = False
    stopping_generation: bool = False
    job: str = ""
    job_count: int = 0
    job_timestamp: str = "0"
    job_no: int = 0
    sampling_step: int = 0
    sampling_steps: int = 0
    _begun: float = field(default_factory=time.monotonic)

    def begin(self, job: str, count: int) -> None:
        """A job takes the lock: earlier interrupts are forgotten; the old `sampling_steps` stays a while."""
        self.skipped = self.interrupted = self.stopping_generation = False
        self.job, self.job_count, self.job_no, self.sampling_step = job, count, 0, 0
        self.job_timestamp = time.strftime("%Y%m%d%H%M%S", time.gmtime())
        self._begun = time.monotonic()

    def end(self) -> None:
        """The job is over. What interrupted it stays to be seen until the next one begins."""
        self.job, self.job_count, self.job_no, self.sampling_step = "", 0, 0, 0

    def fraction(self) -> float:
        """How much is done, 0..1: 0 only where nothing runs."""
        if self.job_count == 0:
            return 0.0
        done = 0.01 + self.job_no / self.job_count
        if self.sampling_steps > 0:
            done += self.sampling_step / self.sampling_steps / self.job_count
        return min(done, 1.0)

    def eta(self) -> float:
        """Seconds to go, by extrapolation."""
        fraction = self.fraction()
        spent = time.monotonic() - self._begun
        return spent / fraction - spent if fraction else 0.0

    def state(self) -> dict[str, Any]:
        """The `state` object of the answer."""
        return {
            "skipped": self.skipped,
            "interrupted": self.interrupted,
            "stopping_generation": self.stopping_generation,
            "job": self.job,
            "job_count": self.job_count,
            "job_timestamp": self.job_timestamp,
            "job_no": self.job_no,
            "sampling_step": self.sampling_step,
            "sampling_steps": self.sampling_steps,
        }
