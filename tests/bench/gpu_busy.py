"""How busy the agent keeps its GPU, against a plain loop over the same adapters in the same run.

    python -m tests.bench.gpu_busy --quick

in the root of the repository starts an emulator, a proxy that delays each AWS call, a sketch runtime that
sleeps and answers with a prepared picture, and one after the other the agent and the baseline, on a queue
that is filled ahead. Busy is the time from the request wholly received by the runtime to its answer's first
byte, as the runtime measures it; all of it over first start to last end. Ends with 1 where a target does not
hold.
"""

import argparse
import json
import os
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import psutil

from ministack_testing import RemoteProxy, Rule, ministack_url, proxy_process
from tests.bench.busy import Busy, busy
from tests.bench.cloud import Cloud, UnsettledError
from tests.bench.gaps import Span, report
from tests.bench.stage import AGENT, BASELINE, Program, Sketch, orders, temporary_folder

MEGABYTE = 1_000_000
POLL_SECONDS = 0.5
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination: seconds of an image, ms that each AWS call takes longer, MB of a picture."""

    image_seconds: float
    delay_ms: float
    picture_mb: float

    @property
    def tasks(self) -> int:
        """Enough for a steady figure in about a minute."""
        return max(40, min(150, round(45 / self.image_seconds)))


TARGETS = {Cell(0.3, 20, 0.4): 0.98, Cell(1.5, 20, 0.4): 0.995, Cell(0.3, 60, 0.4): 0.97}
GRID = tuple(Cell(*each) for each in product((0.1, 0.3, 1.5), (0, 20, 60), (0.4, 2)))
PROGRAMS = {"agent": AGENT, "baseline": BASELINE}
TRACED = ("tests.bench.traced",)
QUIET = 0.2  # processors that others may take
QUIET_SECONDS = 3.0
BASELINE_SHARE = 3  # it is so regular that a third of the tasks say as much


@dataclass(frozen=True, slots=True)
class Measure:
    """What one program did with one cell; processor time and memory are the program's alone."""

    busy: Busy
    cpu_ms: float
    peak_mb: float
    calls: dict[str, float]
    strangers: float

    @property
    def calls_in_all(self) -> float:
        """AWS calls of one task."""
        return sum(self.calls.values())


class Bench:
    """An emulator with a delaying proxy in front, and one cell after the other."""

    def __init__(self, url: str, proxy: RemoteProxy, folder: Path, *, kind: str) -> None:
        self._url = url
        self._proxy = proxy
        self._folder = folder
        self._kind = kind

    def profile(self, cell: Cell, module: str, *, tasks: int) -> Iterator[str]:
        """Run a program with its functions followed; yield what happens between two runs."""
        out = self._folder / f"{uuid.uuid4().hex}.json"
        measure = self.measure(cell, (*TRACED, str(out), module), tasks=tasks)
        spans = [Span(*each) for each in json.loads(out.read_text())]
        yield row(cell, "traced", measure)
        yield from report(spans, measure.busy.gaps)

    def measure(
        self,
        cell: Cell,
        module: Sequence[str],
        *,
        tasks: int,
        settings: Mapping[str, str] | None = None,
    ) -> Measure:
        """Run one program, with settings of its own, over a queue filled with so many tasks.

        Raises:
            UnsettledError: not every task succeeded at its first attempt and was told.
        """
        cloud = Cloud(self._url)
        todo = orders(self._kind, uuid.uuid4().hex[:6], tasks)
        cloud.fill(todo)
        self._proxy.use([Rule(delay_ms=cell.delay_ms)] if cell.delay_ms else [])
        size = round(cell.picture_mb * MEGABYTE)
        with Sketch(self._kind, seconds_per_image=cell.image_seconds, picture_bytes=size) as sketch:
            self._proxy.forget_stats()
            with Program(
                module, cloud, sketch, aws=self._proxy.url, folder=self._folder, settings=settings
            ) as program:
                _wait(program, sketch, runs=1, seconds=START_SECONDS)
                first, cpu, load = len(sketch.runs()), program.cpu_seconds(), Load()
                _wait(program, sketch, runs=tasks, seconds=tasks * (cell.image_seconds + 2))
                strangers = load.strangers()
                cloud.settle([each.id for each in todo])
                cpu = program.cpu_seconds() - cpu
                calls: dict[str, int] = self._proxy.stats()["calls"]
                measured = Measure(
                    busy=busy(sketch.runs()),
                    cpu_ms=cpu * 1000 / max(1, tasks - first),
                    peak_mb=program.peak_mb(),
                    calls={name: count / tasks for name, count in calls.items()},
                    strangers=strangers,
                )
        cloud.empty()
        return measured


class Load:
    """How much of the machine's processors goes to processes that this one did not start, from now on."""

    def __init__(self) -> None:
        self._all, self._ours, self._at = self._now()

    def strangers(self) -> float:
        """Return how many processors they kept busy; a measurement with much above 0 is worth little."""
        everything, ours, at = self._now()
        return max(0.0, (everything - self._all - (ours - self._ours)) / (at - self._at))

    @staticmethod
    def _now() -> tuple[float, float, float]:
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        ours = 0.0
        me = psutil.Process()
        for process in (me, *me.children(recursive=True)):
            try:
                taken = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            ours += taken.user + taken.system
        return sum(times) - idle, ours, time.monotonic()


def _wait(program: Program, sketch: Sketch, *, runs: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while len(sketch.runs()) < runs:
        program.check_alive()
        if time.monotonic() > deadline:
            raise UnsettledError(f"not {runs} runs within {seconds:g} s:\n{program.log_tail()}")
        time.sleep(POLL_SECONDS)


@contextmanager
def bench(url: str, kind: str) -> Iterator[Bench]:
    """Keep a proxy in front of an emulator up."""
    with proxy_process(url) as proxy, temporary_folder() as folder:
        yield Bench(url, proxy, folder, kind=kind)


HEAD = (
    f"{'s/image':>7} {'AWS ms':>6} {'MB':>4} {'who':<8} {'busy':>7} {'run s':>6} {'idle ms':>8} "
    f"{'median':>7} {'worst':>6} {'CPU ms':>7} {'peak MB':>8} {'calls':>6} {'strangers':>9}"
)


def row(cell: Cell, who: str, measure: Measure) -> str:
    """Return a line of the table; times, processor and calls are of one task."""
    return (
        f"{cell.image_seconds:>7g} {cell.delay_ms:>6g} {cell.picture_mb:>4g} {who:<8} "
        f"{measure.busy.fraction:>7.2%} {measure.busy.run_seconds:>6.3f} {measure.busy.idle_ms:>8.1f} "
        f"{measure.busy.median_ms:>7.1f} {measure.busy.worst_ms:>6.0f} "
        f"{measure.cpu_ms:>7.1f} {measure.peak_mb:>8.0f} "
        f"{measure.calls_in_all:>6.1f} {measure.strangers:>9.2f}"
    )


def verdict(cell: Cell, agent: Measure, baseline: Measure | None) -> str:
    """Return how the agent compares, and whether the cell's target holds."""
    says = []
    if baseline is not None:
        times = agent.busy.fraction / baseline.busy.fraction
        less = baseline.busy.idle_ms / agent.busy.idle_ms if agent.busy.idle_ms else float("inf")
        says.append(f"{times:.2f} times as busy as the plain loop, {less:.0f} times less idle")
    if cell in TARGETS:
        says.append(f"target {TARGETS[cell]:.1%} {'holds' if holds(cell, agent) else 'DOES NOT HOLD'}")
    return "; ".join(says)


def holds(cell: Cell, agent: Measure) -> bool:
    """Whether the agent is as busy as the cell's target says, if there is one."""
    return agent.busy.fraction >= TARGETS.get(cell, 0)


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="gpu_busy",
        description=(__doc__ or "").partition("\n")[0],
        epilog="Columns: busy fraction; median of a run; mean, median and longest idle time between two "
        "runs; processor time of one task; peak memory; AWS calls of one task, those at the start and empty "
        "long polls included; how many processors other programs of this machine kept busy meanwhile.",
    )
    parser.add_argument("--runtime", choices=("sdwebui", "comfyui"), default="sdwebui")
    parser.add_argument("--quick", action="store_true", help="only the cells that have a target")
    parser.add_argument("--seconds", type=float, action="append", help="of an image; only these cells")
    parser.add_argument("--delay-ms", type=float, action="append", help="of an AWS call; only these cells")
    parser.add_argument("--picture-mb", type=float, action="append", help="only these cells")
    parser.add_argument("--tasks", type=int, help="of a cell, for the agent")
    parser.add_argument("--repeat", type=int, default=1, help="measure each cell so many times")
    parser.add_argument("--no-baseline", action="store_true", help="the agent alone")
    parser.add_argument(
        "--profile",
        nargs="?",
        const="agent",
        choices=sorted(PROGRAMS),
        help="tell where the time between runs goes, of the agent or of the baseline",
    )
    parser.add_argument(
        "--wait-for-quiet",
        type=float,
        default=0,
        metavar="S",
        help="at most so long, before each measurement",
    )
    parser.add_argument("--calls", action="store_true", help="list the AWS calls of a task")
    return parser.parse_args(argv)


def cells(options: argparse.Namespace) -> list[Cell]:
    """Return the cells that the command line asks for."""
    if options.quick:
        return list(TARGETS)
    asked = (options.seconds, options.delay_ms, options.picture_mb)
    if not any(asked):
        return list(GRID)
    standing = ((0.1, 0.3, 1.5), (0, 20, 60), (0.4, 2))
    return [
        Cell(*each) for each in product(*(mine or all_ for mine, all_ in zip(asked, standing, strict=True)))
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    options = arguments(argv)
    with ministack_url() as url, bench(url, options.runtime) as stage:
        print(f"load average {os.getloadavg()[0]:.2f}, {os.cpu_count()} processors")
        todo = [cell for cell in cells(options) for _ in range(options.repeat)]
        missed = [cell for cell in todo if not try_(stage, cell, options)]
    return 1 if missed else 0


def try_(stage: Bench, cell: Cell, options: argparse.Namespace) -> bool:
    """Measure one cell and print what comes out; return whether its target holds, if it has one."""
    tasks = options.tasks or cell.tasks
    wait_for_quiet(options.wait_for_quiet)
    print(HEAD, flush=True)
    if options.profile:
        (module,) = PROGRAMS[options.profile]
        print(*stage.profile(cell, module, tasks=tasks), sep="\n", flush=True)
        return True
    agent, baseline = stage.measure(cell, AGENT, tasks=tasks), None
    print(row(cell, "agent", agent), flush=True)
    if not options.no_baseline:
        wait_for_quiet(options.wait_for_quiet)
        baseline = stage.measure(cell, BASELINE, tasks=max(2, tasks // BASELINE_SHARE))
        print(row(cell, "baseline", baseline), flush=True)
    if said := verdict(cell, agent, baseline):
        print(f"{'':19} {said}", flush=True)
    if options.calls:
        print_calls(agent, baseline)
    return holds(cell, agent)


def wait_for_quiet(seconds: float) -> None:
    """Wait until other programs leave the machine alone, but at most so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        load = Load()
        time.sleep(QUIET_SECONDS)
        if load.strangers() < QUIET:
            return


def print_calls(agent: Measure, baseline: Measure | None) -> None:
    """Print how often a task calls what."""
    for name in sorted({*agent.calls, *(baseline.calls if baseline else ())}):
        other = f"{baseline.calls.get(name, 0):>8.2f}" if baseline else ""
        print(f"{'':19} {name:<36}{agent.calls.get(name, 0):>8.2f}{other}")


if __name__ == "__main__":
    sys.exit(main())
