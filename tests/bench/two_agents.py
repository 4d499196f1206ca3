"""How long two agents with a GPU each take for ten tasks of one queue, and who ran what when.

    python -m tests.bench.two_agents

in the root of the repository. No agent may hoard: one that holds a message which the other, idle, could run
makes all of it take longer. It is measured from the start of the first run to the end of the last; ideal is
half of the tasks one after the other without a pause. Both agents are up before the tasks come. Ends with 1
where it takes more than `LIMIT` times the ideal, or a task ran twice.
"""

import argparse
import math
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from ministack_testing import Rule, ministack_url, proxy_process
from tests.bench.busy import Run
from tests.bench.cloud import Cloud, UnsettledError
from tests.bench.stage import AGENT, Program, Sketch, orders, temporary_folder

LIMIT = 1.05
AGENTS = 2
TASKS = 10
SECONDS = 3.0
DELAY_MS = 20.0
PICTURE_BYTES = 400_000
POLL_SECONDS = 0.2
START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Makespan:
    """Who ran what: the runs of each agent's GPU in their order. `ideal` in seconds."""

    runs: Sequence[Sequence[Run]]
    ideal: float

    @property
    def seconds(self) -> float:
        """From the first start to the last end."""
        everything = [run for each in self.runs for run in each]
        begun, ended = min(run.begun_ns for run in everything), max(run.ended_ns for run in everything)
        return (ended - begun) / 1e9

    @property
    def ratio(self) -> float:
        """How many times the ideal it took."""
        return self.seconds / self.ideal

    @property
    def repeated(self) -> int:
        """How many runs were not a task's first."""
        names = [run.name for each in self.runs for run in each]
        return len(names) - len(set(names))

    def __str__(self) -> str:
        begun = min(run.begun_ns for each in self.runs for run in each)
        lines = [f"{'agent':<6} {'from s':>7} {'to s':>7}  task"]
        for number, runs in enumerate(self.runs, 1):
            for run in runs:
                times = ((at - begun) / 1e9 for at in (run.begun_ns, run.ended_ns))
                lines.append(f"{number:<6} {' '.join(f'{at:>7.3f}' for at in times)}  {run.name}")
        says = f"makespan {self.seconds:.2f} s, ideal {self.ideal:.2f} s: {self.ratio:.3f} times"
        return "\n".join((*lines, f"{says} (at most {LIMIT}); {self.repeated} runs too many"))


def measure(url: str, *, tasks: int, seconds: float, delay_ms: float, agents: int = AGENTS) -> Makespan:
    """Let agents work off a queue of the emulator at `url` together.

    Raises:
        UnsettledError: not every task succeeded at its first attempt and was told.
    """
    with ExitStack() as stack:
        proxy = stack.enter_context(proxy_process(url, rules=[Rule(delay_ms=delay_ms)]))
        folder = stack.enter_context(temporary_folder())
        cloud = Cloud(url)
        sketches = [
            stack.enter_context(Sketch("sdwebui", seconds_per_image=seconds, picture_bytes=PICTURE_BYTES))
            for _ in range(agents)
        ]
        programs = []
        for number, sketch in enumerate(sketches):
            own = folder / str(number)
            own.mkdir()
            programs.append(stack.enter_context(Program(AGENT, cloud, sketch, aws=proxy.url, folder=own)))
        for program in programs:
            program.wait_started(START_SECONDS)
        todo = orders("sdwebui", uuid.uuid4().hex[:6], tasks)
        cloud.fill(todo)
        ideal = math.ceil(tasks / agents) * seconds
        deadline = time.monotonic() + 3 * ideal + START_SECONDS
        while sum(len(sketch.runs()) for sketch in sketches) < tasks:
            for program in programs:
                program.check_alive()
            if time.monotonic() > deadline:
                raise UnsettledError(f"not {tasks} runs within {deadline:g} s")
            time.sleep(POLL_SECONDS)
        cloud.settle([each.id for each in todo])
        return Makespan([sketch.runs() for sketch in sketches], ideal)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="two_agents", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=TASKS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of an image")
    parser.add_argument("--delay-ms", type=float, default=DELAY_MS, help="of each AWS call")
    options = parser.parse_args(argv)
    with ministack_url() as url:
        makespan = measure(url, tasks=options.tasks, seconds=options.seconds, delay_ms=options.delay_ms)
    print(makespan)
    return int(makespan.ratio > LIMIT or makespan.repeated > 0)


if __name__ == "__main__":
    sys.exit(main())
