"""How long after its start an agent asks its queue for work: as a process here, and as a container.

    build-support/image/build            (with --local-base where no base image can be pulled)
    python -m tests.bench.agent_start --container build-support/image/agent

in the root of the repository. Each start has a runtime that is ready and an AWS that answers at once.
Measured is from the start of the command to the first ReceiveMessage, the median of `--runs` that take turns.
The process is the baseline: what the container takes longer is the engine's, and what its image lacks. Ends
with 1 where the container takes more than `LIMIT` seconds.
"""

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local.ministack import client_environment
from tests.bench.stage import Sketch, end, environment

LIMIT = 2.0  # seconds
RUNS = 7
PATIENCE = 60.0  # seconds until a start has failed
RECEIVE = "AmazonSQS.ReceiveMessage"


class Queue(ThreadingHTTPServer):
    """An AWS whose queues are empty: it notes when it is first asked for a message."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked = threading.Event()
        self.asked_at = 0.0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: Queue
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        now = time.monotonic()
        if self.headers.get("X-Amz-Target") == RECEIVE and not self.server.asked.is_set():
            self.server.asked_at = now
            self.server.asked.set()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b"{}"
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Say nothing: the agent asks many times."""


@contextmanager
def _served() -> Iterator[Queue]:
    with Queue() as queue:
        threading.Thread(target=queue.serve_forever, args=(0.05,), daemon=True).start()
        yield queue
        queue.shutdown()


def settings(queue: Queue, sketch: Sketch, folder: str) -> dict[str, str]:
    """Return the environment of an agent of that queue and runtime."""
    return {
        **client_environment(queue.url),
        "RUNTIME_NAME": "sdruntime",
        "RUNTIME_TYPE": sketch.kind,
        "RUNTIME_URL": sketch.url,
        "QUEUE_URL": f"{queue.url}/000000000000/sdruntime",
        "TASKS_TABLE": "tasks",
        "NOTIFICATIONS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:notifications",
        "OUTPUT_BUCKET": "outputs",
        "PAYLOAD_BUCKET": "payloads",
        "STATE_DIR": folder,
    }


def seconds(command: Sequence[str], sketch: Sketch, env: Mapping[str, str]) -> float:
    """Start an agent, and return the seconds until it asks for work.

    Raises:
        RuntimeError: it ended, or did not ask.
    """
    with _served() as queue, tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        process = subprocess.Popen(
            command, env={**env, **settings(queue, sketch, folder)}, stdout=subprocess.DEVNULL
        )
        try:
            while not queue.asked.wait(0.05):
                if process.poll() is not None or time.monotonic() - began > PATIENCE:
                    raise RuntimeError(f"{shlex.join(command)} did not ask its queue: {process.returncode}")
            return queue.asked_at - began
        finally:
            end(process)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="agent_start", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--container", help="the command that runs the agent's image")
    parser.add_argument("--runs", type=int, default=RUNS)
    options = parser.parse_args(argv)
    ways = {"process": ([sys.executable, "-m", "queue_agent"], environment())}
    if options.container:
        ways["container"] = (shlex.split(options.container), dict(os.environ))
    took: dict[str, list[float]] = {name: [] for name in ways}
    with Sketch("sdwebui", seconds_per_image=0, picture_bytes=1000) as sketch:
        for _ in range(options.runs):
            for name, (command, env) in ways.items():
                took[name].append(seconds(command, sketch, env))
    medians = {name: statistics.median(each) for name, each in took.items()}
    for name, median in medians.items():
        ratio = median / medians["process"]
        spread = f"{min(took[name]):.2f} to {max(took[name]):.2f}"
        print(f"{name:<10} {median:>6.2f} s to its first message ({spread}), {ratio:.2f} times the process")
    return int(medians.get("container", 0.0) > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
