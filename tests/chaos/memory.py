"""Memory of one agent over many tasks: the resident set before, after and at most.

    ./pants run tests:program -- chaos.memory --small 10000 --large 200

The runtime answers at once, with a prepared picture of the size asked for. Exit code 1 where the agent has
used more than it may, or has kept growing.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path
from typing import Any

import psutil

from local.home import Home
from local.settings import Timing
from tests.chaos.orders import STATIC, Orders
from tests.chaos.play import left_in_queues
from tests.chaos.stage import Plan, Stage
from tests.e2e.running import environment

SMALL, LARGE = 20_000, 8_000_000  # bytes of a picture
MOST = 300.0  # MiB that an agent may ever use
GROWTH = 20.0  # MiB that it may have grown by, once it has warmed up
WARM = 0.1  # of the tasks, after which it has
SAMPLE_SECONDS = 0.2
BATCH = 10  # messages; what SQS takes at once
MIB = 1024 * 1024


@dataclass
class Memory:
    """Resident set of the agent in MiB, over the tasks that were done by then."""

    tasks: int
    picture: int
    samples: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def before(self) -> float:
        """Before its first task."""
        return self.samples[0][1]

    @property
    def warm(self) -> float:
        """After its first tasks."""
        return next(mib for done, mib in self.samples if done >= self.tasks * WARM)

    @property
    def after(self) -> float:
        """After its last task."""
        return self.samples[-1][1]

    @property
    def peak(self) -> float:
        """At most, as far as it was seen."""
        return max(mib for _, mib in self.samples)

    @property
    def good(self) -> bool:
        """Whether it stayed within its limits."""
        return self.peak <= MOST and self.after - self.warm <= GROWTH

    def __str__(self) -> str:
        """Say it in a line."""
        return (
            f"{self.tasks} tasks, pictures of {self.picture / 1e6:g} MB, {self.seconds:.0f} s:"
            f" {self.before:.0f} MiB before, {self.warm:.0f} after a tenth, {self.after:.0f} after all,"
            f" at most {self.peak:.0f}: {'good' if self.good else 'TOO MUCH'}"
        )


async def measure(tasks: int, picture: int, home: Home, environ: Mapping[str, str]) -> Memory:
    """Let one agent do so many tasks."""
    plan = Plan(
        pods={STATIC: 1},
        seconds_per_image=0.0,
        timing=Timing(),
        sketch=("--no-paint", "--picture-bytes", str(picture)),
        proxied=False,
    )
    memory = Memory(tasks, picture)
    async with Stage(home, environ, plan) as stage:
        pid = stage.pods[0].agent.pid
        assert pid is not None, "the agent runs"
        agent = psutil.Process(pid)
        await asyncio.sleep(SAMPLE_SECONDS)
        memory.samples.append((0, _mib(agent)))
        begun = time.monotonic()
        await asyncio.to_thread(_send, stage, tasks)
        looked = 0.0
        done = 0
        while done < tasks:
            if time.monotonic() - looked > 1.0:
                done = tasks - sum((await asyncio.to_thread(left_in_queues, stage.clients)).values())
                looked = time.monotonic()
            memory.samples.append((done, _mib(agent)))
            await asyncio.sleep(SAMPLE_SECONDS)
        memory.seconds = time.monotonic() - begun
        assert stage.pods[0].agent.pid == pid, "the agent has ended in between"
    return memory


def _mib(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / MIB


def _send(stage: Stage, tasks: int) -> None:
    sqs = stage.clients.client("sqs")
    for entries in batched(_entries(tasks), BATCH):
        sqs.send_message_batch(QueueUrl=stage.stack.queues[STATIC], Entries=list(entries))


def _entries(tasks: int) -> Iterator[dict[str, Any]]:
    orders = Orders(1, "", "m", permanent=0).make(sys.maxsize)
    for number in range(tasks):
        order = next(order for order in orders if order.kind == "text-to-image" and not order.again)
        content = {**order.content, "batch_size": 1}
        body = json.dumps({"metadata": order.metadata, "content": content})
        yield {"Id": str(number % BATCH), "MessageBody": body}


def main() -> int:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(prog="memory", description="Measure an agent's memory over many tasks.")
    parser.add_argument("--small", type=int, default=10_000, help=f"tasks with pictures of {SMALL} bytes")
    parser.add_argument("--large", type=int, default=200, help=f"tasks with pictures of {LARGE} bytes")
    options = parser.parse_args()
    environ = environment(os.environ, Path.cwd(), {}, ())
    good = True
    with tempfile.TemporaryDirectory(prefix="memory-", ignore_cleanup_errors=True) as folder:
        for tasks, picture in ((options.large, LARGE), (options.small, SMALL)):
            if tasks:
                memory = asyncio.run(measure(tasks, picture, Home(Path(folder)), environ))
                print(memory, flush=True)
                good = good and memory.good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
