"""What clients that wait cost those who submit.

    ./pants run tests:program -- bench.waiting --clients 50

The functions that accept and that show tasks run as warm environments (`warm`), each a process that answers
one request at a time, against table, topic and queue in the emulator. Measures how long submitting takes, by
turns with nobody waiting and with so many clients that wait for tasks which do not end, as the client library
waits. Ends with 1 where submitting takes longer than `LIMIT` times what it takes alone (median and
95th percentile; the 99th is shown, and of too few requests to judge by).

Each environment of Lambda has a processor of its own, and so have the clients. Here those who wait, and the
function that they ask, take what the others leave of this machine's (`--share`: they compete for it). They
meet in the emulator, one process: more than AWS would show, where a table is no processor. Left out is what
both share there: the gateway, whose limits are thousands a second, and the account's executions at once,
which can be reserved (docs/operate/concurrency.md).
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import httpx
import psutil

import ministack_testing
from local.ministack import client_environment
from ministack_testing import ministack_url
from tests.bench.cloud import RUNTIME, Cloud
from tests.bench.stage import end, environment
from tests.e2e.user import STATIC_MODEL, new_id, request, text_to_image

LIMIT = 1.1  # times what it takes alone
CLIENTS = 50
ROUNDS, EACH = 10, 60  # turns of each kind, requests in each
GAP = 0.1  # seconds from one request's start to the next, at least
SETTLE = 1.0  # seconds between two turns
SUBMITTERS = 4  # warm environments
SPARE = 8  # of those that show tasks, besides one for each client
PERCENTILES, JUDGED = (50, 95, 99), 2

type Times = list[float]


@dataclass
class Measures:
    """What was measured.

    Attributes:
        clients: that wait.
        alone: seconds that each request to submit took while nobody waited, by turns.
        beside: the same while they waited.
        refused: statuses other than 200.
        waiting_cpu: processor seconds, in a second, of the functions that show tasks, while they waited.
        emulator_cpu: the same of the emulator, while nobody waited and while they waited.
    """

    clients: int
    alone: list[Times] = field(default_factory=list)
    beside: list[Times] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)
    waiting_cpu: Times = field(default_factory=list)
    emulator_cpu: tuple[Times, Times] = field(default_factory=lambda: ([], []))

    def ratios(self) -> list[float]:
        """Return how many times longer submitting takes beside those who wait, for each percentile."""
        return _times_longer(_flat(self.alone), _flat(self.beside))

    def noise(self) -> list[float]:
        """Return the same of every second turn with nobody waiting against the others: what says nothing."""
        return _times_longer(_flat(self.alone[::2]), _flat(self.alone[1::2]))

    @property
    def good(self) -> bool:
        """Whether something was measured, and stays within its limits."""
        measured = len(_flat(self.alone)) > 1 and len(_flat(self.beside)) > 1
        return measured and max(self.ratios()[:JUDGED]) <= LIMIT and not self.refused

    def table(self) -> str:
        """Return all of it as text."""
        lines = [f"{'submitting':<32}" + "".join(f"{f'p{each} ms':>8}" for each in PERCENTILES)]
        for name, turns in (("alone", self.alone), (f"beside {self.clients} that wait", self.beside)):
            lines.append(f"{name:<32}" + "".join(f"{cut * 1000:>8.1f}" for cut in _cuts(_flat(turns))))
        lines.append(f"{'times':<32}" + "".join(f"{each:>8.2f}" for each in self.ratios()))
        lines.append(
            f"{'alone, every second turn: times':<32}" + "".join(f"{each:>8.2f}" for each in self.noise())
        )
        if max(self.noise()[:JUDGED]) > LIMIT:
            lines.append("the machine by itself varies by more than what is judged: measure again")
        counted = sum(len(turn) for turn in self.alone + self.beside)
        said = ", ".join(f"{status}: {count}" for status, count in sorted(self.refused.items())) or "none"
        lines.append(f"{counted} requests; not accepted: {said}")
        if self.waiting_cpu:
            alone, beside = (statistics.fmean(each) * 1000 for each in self.emulator_cpu)
            function = statistics.fmean(self.waiting_cpu) * 1000 / self.clients
            lines.append(f"one client that waits: {function:.1f} ms of processor a second in its function,")
            lines.append(
                f"  {(beside - alone) / self.clients:.1f} ms in the emulator, for one look at the row"
            )
        return "\n".join(lines)


def _flat(turns: Sequence[Times]) -> Times:
    return [each for turn in turns for each in turn]


def _cuts(times: Times) -> list[float]:
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return [cuts[each - 1] for each in PERCENTILES]


def _times_longer(times: Times, others: Times) -> list[float]:
    if len(times) < 2 or len(others) < 2:
        return [1.0] * len(PERCENTILES)
    return [other / cut for cut, other in zip(_cuts(times), _cuts(others), strict=True)]


class Program:
    """A program of this folder, which says that it is ready."""

    def __init__(self, *command: str, settings: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env={**environment(), **(settings or {})},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline().split()
        assert said[:1] == ["ready"], f"{' '.join(command[:2])} did not start"
        self.url = said[-1]

    def cpu_seconds(self) -> float:
        """Return the processor time of it and its children."""
        return _cpu(psutil.Process(self._process.pid))

    def end(self) -> None:
        """End it."""
        assert self._process.poll() is None, "it ended before it was told to"
        end(self._process)
        assert self._process.returncode == 0, f"it ended with {self._process.returncode}"


class Bench:
    """A table, a topic and a queue behind it, and both functions in front of them."""

    def __init__(self, url: str, clients: int, stack: ExitStack, *, share: bool = False) -> None:
        self.clients = clients
        self._last = () if share else ("--last",)
        self._emulator = _started_last()
        self._settings = made_for_functions(url)
        submitting = self._start("validator", f"{SUBMITTERS}")
        stack.callback(submitting.end)
        self._http = stack.enter_context(httpx.Client(trust_env=False, timeout=60))
        self._submit_url = f"{submitting.url}/v1alpha2"
        self.showing = self._start_showing()
        stack.callback(self._end_showing)

    def _end_showing(self) -> None:
        self.showing.end()

    def _start(self, service: str, *arguments: str) -> Program:
        return Program("tests.bench.warm", service, *arguments, settings=self._settings[service])

    def _start_showing(self) -> Program:
        return self._start("status", f"{self.clients + SPARE}", *self._last)

    def submit(self, count: int, refused: Counter[int]) -> tuple[list[str], Times]:
        """Submit tasks one after the other; return their ids and the seconds that each took."""
        ids, times = [], []
        for number in range(count):
            ids.append(new_id("waiting"))
            body = request(ids[-1], text_to_image(number), runtime=RUNTIME)
            began = time.monotonic()
            answer = self._http.post(self._submit_url, json=body)
            times.append(time.monotonic() - began)
            if answer.status_code != 200:
                refused[answer.status_code] += 1
            time.sleep(max(0.0, GAP - times[-1]))
        return ids, times

    @contextmanager
    def waiting(self, ids: Sequence[str]) -> Iterator[None]:
        """Let one client wait for each task meanwhile; afterwards no request of theirs is under way."""
        waiters = Program("tests.bench.waiters", *self._last, f"{self.showing.url}/", *ids)
        try:
            yield
        finally:
            waiters.end()
            self._end_showing()
            self.showing = self._start_showing()

    def emulator_cpu(self) -> float:
        """Return the processor time of the emulator."""
        return _cpu(self._emulator)


def made_for_functions(url: str) -> dict[str, dict[str, str]]:
    """Make what the functions need in an emulator; return the environment of each."""
    cloud = Cloud(url)
    sns, sqs = (ministack_testing.client(service, url) for service in ("sns", "sqs"))
    asked = sqs.get_queue_attributes(QueueUrl=cloud.queue_url, AttributeNames=["QueueArn"])
    arn = asked["Attributes"]["QueueArn"]
    sns.subscribe(
        TopicArn=cloud.topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
    )
    common = {**client_environment(url), **cloud.settings(), "REQUESTS_TOPIC_ARN": cloud.topic}
    spec = {"name": RUNTIME, "type": "sdwebui", "model_filename": STATIC_MODEL}
    return {
        "validator": {**common, "RUNTIMES": json.dumps([spec])},
        "status": {**common, "RUNTIMES": json.dumps({RUNTIME: arn.rpartition(":")[2]})},
    }


def _started_last() -> psutil.Process:
    return max(psutil.Process().children(), key=lambda child: float(child.create_time()))


def _cpu(process: psutil.Process) -> float:
    seconds = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds += times.user + times.system
    return seconds


def measure(clients: int, rounds: int, each: int, *, share: bool = False) -> Measures:
    """Measure by turns."""
    measures = Measures(clients)
    with ExitStack() as stack:
        bench = Bench(stack.enter_context(ministack_url()), clients, stack, share=share)
        ids, _ = bench.submit(max(clients, each), measures.refused)  # warm, too
        for _ in range(rounds):
            time.sleep(SETTLE)
            measures.alone.append(_turn(bench, measures, each, measures.emulator_cpu[0]))
            with bench.waiting(ids[:clients]):
                time.sleep(SETTLE)
                began, cpu = time.monotonic(), bench.showing.cpu_seconds()
                measures.beside.append(_turn(bench, measures, each, measures.emulator_cpu[1]))
                spent = bench.showing.cpu_seconds() - cpu
                measures.waiting_cpu.append(spent / (time.monotonic() - began))
    return measures


def _turn(bench: Bench, measures: Measures, each: int, emulator: Times) -> Times:
    began, cpu = time.monotonic(), bench.emulator_cpu()
    _, times = bench.submit(each, measures.refused)
    emulator.append((bench.emulator_cpu() - cpu) / (time.monotonic() - began))
    return times


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="waiting", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--each", type=int, default=EACH, metavar="REQUESTS", help="requests in each turn")
    parser.add_argument(
        "--share", action="store_true", help="those who wait compete with those who submit for the processors"
    )
    options = parser.parse_args(arguments)
    measures = measure(options.clients, options.rounds, options.each, share=options.share)
    print(measures.table())
    return 0 if measures.good else 1


if __name__ == "__main__":
    sys.exit(main())
