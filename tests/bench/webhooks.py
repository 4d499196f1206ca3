"""How soon webhooks are delivered while one receiver in ten hangs.

    ./pants run tests:program -- bench.webhooks --tasks 1000

Starts a local system of its own whose runtimes answer at once, submits tasks that each name one of ten
receivers, one of which never answers, and counts from the end of each task to the arrival of its webhook at
those that do. Some webhooks come before, uncounted, because the functions have to start. Ends with 1 where a
webhook did not come, came twice, or came later than `LIMIT` seconds after its task's end.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from local.clients import Clients
from local.home import Home
from tests.e2e.listening import listening
from tests.e2e.receiving import HANG, Receiver, receiving
from tests.e2e.running import running
from tests.e2e.user import COMFY, DYNAMIC, STATIC, Json, User, new_id, request, workflow

LIMIT = 15.0  # seconds from the end of a task to its webhook
TASKS = 1000
RECEIVERS = 10
WARM_UP = 30  # webhooks before: the functions' first starts are not what is measured
WIDTH = 6  # requests at once
PATIENCE = 180.0  # seconds without any webhook until we give up
LOOK = 0.5  # seconds
CONTENT = {"prompt": "a lighthouse at dusk", "steps": 16, "width": 512, "height": 512, "seed": 1}
RUNTIMES = (STATIC, DYNAMIC, COMFY)


@dataclass
class Measures:
    """Seconds from the end of each task to its webhook, and what was wrong."""

    submitted: int = 0
    waits: list[float] = field(default_factory=list)
    tried_in_vain: int = 0
    took: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def within(self) -> float:
        """The share that came in time."""
        return sum(wait <= LIMIT for wait in self.waits) / max(1, len(self.waits))

    @property
    def good(self) -> bool:
        """Whether all came, once and in time."""
        return bool(self.waits) and not self.faults and self.within == 1.0

    def table(self) -> str:
        """Return all of it as text."""
        waits = sorted(self.waits) or [0.0]
        cuts = statistics.quantiles(waits, n=100, method="inclusive") if len(waits) > 1 else waits * 99
        lines = [
            f"{self.submitted} tasks in {self.took:.0f} s",
            f"one receiver in {RECEIVERS} hangs: {self.tried_in_vain} tries at it",
            f"to the others: {len(self.waits)} webhooks, within {LIMIT:g} s of the end: {self.within:.1%}",
            f"seconds: p50 {cuts[49]:.2f}, p95 {cuts[94]:.2f}, p99 {cuts[98]:.2f}, at most {waits[-1]:.2f}",
        ]
        return "\n".join([*lines, *(f"WRONG: {fault}" for fault in self.faults[:8])])


def measure(tasks: int) -> Measures:
    """Start a system and receivers, submit tasks, and return what was measured."""
    measures = Measures(submitted=tasks)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        state = stack.enter_context(running(Home(Path(folder)), seconds_per_image=0, sketch=("--no-paint",)))
        clients = Clients(state.aws_url)
        http = stack.enter_context(httpx.Client(trust_env=False))
        told = stack.enter_context(listening(clients, state.notifications_topic))
        # Nothing that is published to the topic of requests is looked at: one ear is enough.
        user = User(state, clients, http, told, told)
        warm = stack.enter_context(receiving())
        wait_for([warm], len(submit(user, [warm], WARM_UP)))
        receivers = [stack.enter_context(receiving(HANG))]
        receivers += [stack.enter_context(receiving()) for _ in range(RECEIVERS - 1)]
        began = time.monotonic()
        sent = submit(user, receivers, tasks)
        expected = {task_id for task_id, receiver in sent.items() if receiver is not receivers[0]}
        wait_for(receivers[1:], len(expected))
        measures.took = time.monotonic() - began
        measures.tried_in_vain = len(receivers[0].got)
        judge(user, receivers[1:], expected, measures)
    return measures


def submit(user: User, receivers: Sequence[Receiver], tasks: int) -> dict[str, Receiver]:
    """Submit tasks as fast as the API takes them; return each one's receiver."""
    sent = {new_id("bench"): receivers[number % len(receivers)] for number in range(tasks)}

    def one(numbered: tuple[int, tuple[str, Receiver]]) -> None:
        number, (task_id, receiver) = numbered
        user.submit(_request(task_id, receiver.url, RUNTIMES[number % len(RUNTIMES)]))

    with ThreadPoolExecutor(WIDTH) as pool:
        list(pool.map(one, enumerate(sent.items())))
    return sent


def _request(task_id: str, url: str, runtime: str) -> Json:
    if runtime == COMFY:
        body = request(task_id, workflow(1), runtime=runtime, tasktype="pipeline")
    else:
        body = request(task_id, CONTENT, runtime=runtime)
    body["task"]["metadata"]["callback_url"] = url
    return body


def wait_for(receivers: Sequence[Receiver], count: int) -> None:
    """Wait until so many webhooks have come, or none has for long."""
    seen, since = -1, time.monotonic()
    while (came := sum(len(receiver.got) for receiver in receivers)) < count:
        if came != seen:
            seen, since = came, time.monotonic()
        if time.monotonic() - since > PATIENCE:
            return
        time.sleep(LOOK)


def judge(user: User, receivers: Sequence[Receiver], expected: set[str], measures: Measures) -> None:
    """Count from the end of each task to its webhook."""
    came: Counter[str] = Counter()
    for got in (got for receiver in receivers for got in receiver.got):
        task_id = json.loads(got.body)["id"]
        came[task_id] += 1
        row = user.row(task_id)
        if row is None or row.finished_at is None:
            measures.faults.append(f"{task_id}: told, and has not ended")
        else:
            measures.waits.append((got.at - row.finished_at) / 1000)
    measures.faults += [f"{task_id}: no webhook" for task_id in sorted(expected - came.keys())]
    measures.faults += [f"{task_id}: {count} webhooks" for task_id, count in came.items() if count > 1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="webhooks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=TASKS)
    measures = measure(parser.parse_args(arguments).tasks)
    print(measures.table())
    return 0 if measures.good else 1


if __name__ == "__main__":
    sys.exit(main())
