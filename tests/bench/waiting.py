"""What clients that wait cost those who submit.

    ./pants run tests:program -- bench.waiting --clients 50

Starts a local system of its own, and measures how long submitting takes, by turns with nobody waiting and
with so many clients that wait for tasks that do not end, as the client library waits. Then one client asks as
fast as it can: only it may be throttled. Ends with 1 where submitting takes longer than `LIMIT` times what it
takes alone (median and 95th percentile), or was throttled.

The emulator is one process for all services, so what waits disturbs it more than it would disturb AWS, where
submitting and asking meet in the table and in the account's concurrency only.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from darkroom_client import AsyncDarkroom
from local.clients import Clients
from local.home import Home
from tests.e2e.listening import listening
from tests.e2e.running import running
from tests.e2e.user import DYNAMIC, User, eventually, new_id, request, text_to_image

LIMIT = 1.1  # times what it takes alone
CLIENTS = 50
ROUNDS, EACH = 4, 40  # turns of each kind, requests in each
GAP = 0.15  # seconds from one request's start to the next, at least: the plan allows 30 a second
LONG_POLL = 20.0  # seconds for which an answer may be held back, also after its client has gone
ENDLESS = 3600.0  # seconds of the run that the clients' tasks wait behind
POLLERS, POLL_SECONDS = 16, 10.0  # connections of the one that asks as fast as it can

JSON = {"content-type": "application/json"}

type Times = list[float]


@dataclass
class Measures:
    """Seconds that each request to submit took, what refused it, and the answers to one who never pauses."""

    clients: int
    alone: Times = field(default_factory=list)
    beside: Times = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)
    asked: Counter[int] = field(default_factory=Counter)
    submitted: Counter[int] = field(default_factory=Counter)

    def ratios(self) -> tuple[float, float]:
        """Return how many times longer submitting takes beside those who wait: median, 95th percentile."""
        (low, high), (low_beside, high_beside) = _cuts(self.alone), _cuts(self.beside)
        return low_beside / low, high_beside / high

    @property
    def good(self) -> bool:
        """Whether it stays within its limits."""
        return max(self.ratios()) <= LIMIT and not self.refused and not self.submitted[429]

    def table(self) -> str:
        """Return all of it as text."""
        lines = [f"{'submitting':<28}{'p50 ms':>8}{'p95 ms':>8}"]
        for name, times in (("alone", self.alone), (f"beside {self.clients} that wait", self.beside)):
            low, high = _cuts(times)
            lines.append(f"{name:<28}{low * 1000:>8.1f}{high * 1000:>8.1f}")
        lines.append(f"{'times':<28}{self.ratios()[0]:>8.2f}{self.ratios()[1]:>8.2f}")
        answers = {
            "not accepted": self.refused,
            "GET without a pause": self.asked,
            "POST then": self.submitted,
        }
        for name, counts in answers.items():
            said = ", ".join(f"{status}: {count}" for status, count in sorted(counts.items())) or "none"
            lines.append(f"{name}: {said}")
        if not self.asked[429]:
            lines.append("(this machine cannot ask faster than the plan allows)")
        return "\n".join(lines)


def _cuts(times: Times) -> tuple[float, float]:
    cuts = statistics.quantiles(times, n=20, method="inclusive")
    return cuts[9], cuts[18]


def measure(clients: int, rounds: int, each: int) -> Measures:
    """Start a system, and measure by turns."""
    measures = Measures(clients)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        state = stack.enter_context(running(Home(Path(folder)), seconds_per_image=0, sketch=("--no-paint",)))
        aws = Clients(state.aws_url)
        http = stack.enter_context(httpx.Client(trust_env=False))
        told = stack.enter_context(listening(aws, state.notifications_topic))
        user = User(state, aws, http, told, told)
        tasks = endless(user, clients)
        submit(user, each, Counter())  # warm
        with waiting(user, tasks):
            time.sleep(LONG_POLL)  # so many functions start once
        for _ in range(rounds):
            time.sleep(LONG_POLL)
            measures.alone += submit(user, each, measures.refused)
            with waiting(user, tasks):
                time.sleep(LONG_POLL / 4)
                measures.beside += submit(user, each, measures.refused)
        time.sleep(LONG_POLL)
        flood(user, measures)
    return measures


def endless(user: User, count: int) -> list[str]:
    """Submit tasks that do not end while we measure; return their ids."""
    user.plan(DYNAMIC, {"kind": "slow", "seconds": ENDLESS})
    ids = [new_id("endless") for _ in range(count)]
    for task_id in ids:
        user.submit(request(task_id, text_to_image(1), runtime=DYNAMIC))
    eventually(lambda: user.running(DYNAMIC), what="the run that they wait behind")
    return ids


def submit(user: User, count: int, refused: Counter[int]) -> Times:
    """Submit tasks one after the other; return the seconds that each took, and count what was refused."""
    times = []
    for number in range(count):
        body = request(new_id("waiting"), text_to_image(number))
        began = time.monotonic()
        answer = user.post(body)
        times.append(time.monotonic() - began)
        if answer.status_code != 200:
            refused[answer.status_code] += 1
        time.sleep(max(0.0, GAP - times[-1]))
    return times


@contextmanager
def waiting(user: User, ids: Sequence[str]) -> Iterator[None]:
    """Let one client wait for each task meanwhile, in a thread."""
    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(_wait(user, task_id)) for task_id in ids]
    thread = threading.Thread(target=lambda: loop.run_until_complete(asyncio.wait(tasks)), name="waiting")
    thread.start()
    try:
        yield
        early = [task for task in tasks if task.done()]
        assert not early, f"{len(early)} clients did not go on waiting, such as {early[0]}"
    finally:
        for task in tasks:
            loop.call_soon_threadsafe(task.cancel)
        thread.join()
        loop.close()


async def _wait(user: User, task_id: str) -> None:
    async with AsyncDarkroom(user.state.endpoint, user.state.api_key) as client:
        await client.wait(task_id)


def flood(user: User, measures: Measures) -> None:
    """Let one ask as fast as it can, and submit meanwhile."""
    until = time.monotonic() + POLL_SECONDS
    path = f"v1alpha2/tasks/{new_id('nobody')}"
    lock = threading.Lock()

    def ask() -> None:
        while time.monotonic() < until:
            status = user.send("GET", path, patient=False).status_code
            with lock:
                measures.asked[status] += 1

    threads = [threading.Thread(target=ask, name="poller") for _ in range(POLLERS)]
    for thread in threads:
        thread.start()
    while time.monotonic() < until:
        body = request(new_id("flood"), text_to_image(1))
        answer = user.send("POST", "v1alpha2", body=json.dumps(body), headers=JSON, patient=False)
        measures.submitted[answer.status_code] += 1
        time.sleep(GAP)
    for thread in threads:
        thread.join()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="waiting", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--each", type=int, default=EACH, metavar="REQUESTS", help="requests in each turn")
    options = parser.parse_args(arguments)
    measures = measure(options.clients, options.rounds, options.each)
    print(measures.table())
    return 0 if measures.good else 1


if __name__ == "__main__":
    sys.exit(main())
