"""What tracing costs the agent, and what a collector in trouble does to it, against no tracing.

    python -m tests.bench.tracing

runs the agent over the same tasks in the same run: without tracing, with a collector that takes everything,
and with ones that are slow, refuse, or are not there. No way may change what the GPU gets to do, and no task
may fail. Ends with 1 where one costs the agent more than two milliseconds of processor a task, or the GPU
more than a hundredth of its work.
"""

import argparse
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ministack_testing import ministack_url
from tests.bench.gpu_busy import HEAD, Bench, Cell, Measure, bench, row, wait_for_quiet
from tests.bench.stage import AGENT

# Short tasks, one after the other: what each costs is the largest share of it that there can be.
CELL = Cell(0.1, 0, 0.1)
TASKS = 300
MAX_CPU_MS = 2.0  # a task
MIN_BUSY = 0.99  # of what the GPU is without tracing; less than that one cannot tell from chance
SLOW_SECONDS = 4.0
OFF = "off"
WAYS = (OFF, "taken", "slow", "refused", "down")


class Collector(ThreadingHTTPServer):
    """Takes traces in one of several ways, and counts the requests and their bytes."""

    daemon_threads = True

    def __init__(self, way: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.way = way
        self.requests = 0
        self.size = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        self.rfile.read(size)
        self.server.requests += 1
        self.server.size += size
        if self.server.way == "slow":
            time.sleep(SLOW_SECONDS)
        self.send_response(503 if self.server.way == "refused" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its signature
        """Say nothing."""


@contextmanager
def collector(way: str) -> Iterator[Collector]:
    """Keep a collector up; one that is `down` has let go of its port."""
    server = Collector(way)
    if way == "down":
        server.server_close()
        yield server
        return
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


def measure(stage: Bench, way: str, *, cell: Cell, tasks: int) -> tuple[Measure, Collector]:
    """Run the agent over so many tasks with its traces taken in a way."""
    with collector(way) as server:
        settings = {} if way == OFF else {"OTEL_EXPORTER_OTLP_ENDPOINT": server.url}
        return stage.measure(cell, AGENT, tasks=tasks, settings=settings), server


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="tracing", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runtime", choices=("sdwebui", "comfyui"), default="sdwebui")
    parser.add_argument("--tasks", type=int, default=TASKS)
    parser.add_argument("--repeat", type=int, default=3, help="measure each way so many times, in turn")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="`off` is always measured")
    parser.add_argument("--wait-for-quiet", type=float, default=0, metavar="S", help="before each")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    options = arguments(argv)
    ways = [OFF, *(way for way in options.ways if way != OFF)]
    measured: dict[str, list[Measure]] = {way: [] for way in ways}
    with ministack_url() as url, bench(url, options.runtime) as stage:
        print(HEAD, flush=True)
        for way in ways * options.repeat:
            wait_for_quiet(options.wait_for_quiet)
            found, server = measure(stage, way, cell=CELL, tasks=options.tasks)
            measured[way].append(found)
            sent = (
                ""
                if way == OFF
                else f"  {server.requests} requests, {server.size / options.tasks:.0f} B a task"
            )
            print(row(CELL, way, found) + sent, flush=True)
    return summary(measured)


def times(one: float, other: float, *, digits: int = 2) -> str:
    """Return how many times a figure is another; a few short tasks may take no time that can be measured."""
    return f"{one / other:.{digits}f} times" if other else "nothing to compare with"


def summary(measured: dict[str, list[Measure]]) -> int:
    """Print how each way compares with no tracing; return 1 where one costs too much.

    Of several measurements the best counts: what else a machine does only ever takes away.
    """
    cpu = {way: min(each.cpu_ms for each in found) for way, found in measured.items()}
    busy = {way: max(each.busy.fraction for each in found) for way, found in measured.items()}
    for way in measured:
        if way != OFF:
            more = cpu[way] - cpu[OFF]
            print(
                f"{way:<8} {more:+.1f} ms of processor a task ({times(cpu[way], cpu[OFF])}), "
                f"busy {busy[way]:.2%} ({times(busy[way], busy[OFF], digits=4)})"
            )
    good = all(cpu[way] - cpu[OFF] <= MAX_CPU_MS and busy[way] >= MIN_BUSY * busy[OFF] for way in measured)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
