"""How busy a GPU was: the fraction, and the idle time between two runs."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Run:
    """One inference, from the whole request to the answer's first byte, in ns of CLOCK_MONOTONIC."""

    name: str
    begun_ns: int
    ended_ns: int

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended_ns - self.begun_ns) / 1e9


@dataclass(frozen=True, slots=True)
class Gap:
    """The time in which nothing ran between two inferences, in ns of CLOCK_MONOTONIC."""

    begun_ns: int
    ended_ns: int

    @property
    def ms(self) -> float:
        """How long it was, in milliseconds."""
        return (self.ended_ns - self.begun_ns) / 1e6


@dataclass(frozen=True, slots=True)
class Busy:
    """What the runs of one GPU say."""

    runs: Sequence[Run]
    gaps: Sequence[Gap]

    @property
    def fraction(self) -> float:
        """The runs together, over first start to last end; 0 to 1."""
        span = self.runs[-1].ended_ns - self.runs[0].begun_ns
        return sum(run.ended_ns - run.begun_ns for run in self.runs) / span if span else 1.0

    @property
    def idle_ms(self) -> float:
        """Mean idle time between two runs, in milliseconds; 0 where there is one run only."""
        return statistics.fmean(gap.ms for gap in self.gaps) if self.gaps else 0.0

    @property
    def median_ms(self) -> float:
        """Median idle time between two runs, in milliseconds; 0 where there is one run only."""
        return statistics.median(gap.ms for gap in self.gaps) if self.gaps else 0.0

    @property
    def worst_ms(self) -> float:
        """The longest idle time, in milliseconds."""
        return max((gap.ms for gap in self.gaps), default=0.0)

    @property
    def run_seconds(self) -> float:
        """Median of one run."""
        return statistics.median(run.seconds for run in self.runs)


def busy(runs: Iterable[Run]) -> Busy:
    """Say how busy one GPU was.

    A request that was received while another ran counts from that one's end: nothing is counted twice.

    Args:
        runs: at least one, of one GPU that runs one at a time.
    """
    clipped: list[Run] = []
    for run in sorted(runs, key=lambda run: run.ended_ns):
        free_ns = clipped[-1].ended_ns if clipped else run.begun_ns
        clipped.append(replace(run, begun_ns=min(max(run.begun_ns, free_ns), run.ended_ns)))
    gaps = [Gap(before.ended_ns, after.begun_ns) for before, after in pairwise(clipped)]
    return Busy(tuple(clipped), tuple(gaps))
