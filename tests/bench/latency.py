"""How long a text-to-image task takes from POST to notification where the runtime itself takes no time.

`python -m tests.bench.latency [--tasks 30]` in the root of the repository starts a local system of its own,
whose runtimes answer at once with a picture that they have prepared, sends tasks one after the other, and in
between measures a bare round trip from SNS to SQS, which no task can beat. Ends with 1 where the median is
`LIMIT` seconds or more.
"""

import argparse
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import httpx

from local.clients import Clients
from local.home import Home
from tests.e2e.listening import Ear, listening
from tests.e2e.running import running
from tests.e2e.user import User, new_id, request

LIMIT = 1.0  # seconds
TASKS = 30
WARM_UP = 3
CONTENT = {"prompt": "a lighthouse at dusk", "steps": 16, "width": 512, "height": 512, "seed": 1}
PARTS = ("POST", "until it starts", "run and store", "tell", "POST to notification", "bare SNS to SQS")


class Measures:
    """Milliseconds of each part, by name."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {part: [] for part in PARTS}

    def add(self, part: str, seconds: float) -> None:
        """Add one measure."""
        self._values[part].append(seconds * 1000)

    def median(self, part: str) -> float:
        """Return the median."""
        return statistics.median(self._values[part])

    def print(self) -> None:
        """Print a line for each part."""
        print(f"{'milliseconds':<22}{'p50':>8}{'p95':>8}{'max':>8}")
        for part, values in self._values.items():
            high = statistics.quantiles(values, n=20, method="inclusive")[-1]
            print(f"{part:<22}{statistics.median(values):>8.0f}{high:>8.0f}{max(values):>8.0f}")


def measure(tasks: int) -> Measures:
    """Start a system, send tasks, and return what was measured."""
    measures = Measures()
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Home(Path(folder)), seconds_per_image=0, sketch=("--no-paint",)) as state,
    ):
        clients = Clients(state.aws_url)
        own = clients.client("sns").create_topic(Name="bare")["TopicArn"]
        with (
            httpx.Client(trust_env=False) as http,
            listening(clients, state.notifications_topic) as told,
            listening(clients, state.requests_topic) as published,
            listening(clients, own) as bare,
        ):
            user = User(state, clients, http, told, published)
            for number in range(WARM_UP + tasks):
                measured = measures if number >= WARM_UP else Measures()
                send_task(user, measured)
                send_bare(user, own, bare, measured)
    return measures


def send_task(user: User, measures: Measures) -> None:
    """Send a task, wait for its notification, and add what it took."""
    task_id = new_id("latency")
    started = time.monotonic()
    user.submit(request(task_id, CONTENT))
    posted = time.monotonic()
    heard = user.hears(task_id)
    assert heard.json["result"], heard.json
    row = user.settled_row(task_id)
    assert row.started_at is not None
    assert row.finished_at is not None
    assert row.notified_at is not None
    measures.add("POST", posted - started)
    measures.add("until it starts", (row.started_at - row.created_at) / 1000)
    measures.add("run and store", (row.finished_at - row.started_at) / 1000)
    measures.add("tell", (row.notified_at - row.finished_at) / 1000)
    measures.add("POST to notification", heard.at - started)


def send_bare(user: User, topic: str, ear: Ear, measures: Measures) -> None:
    """Publish to a topic, wait until it is heard, and add what that took."""
    text = uuid.uuid4().hex
    started = time.monotonic()
    user.publish(text, {"kind": "bare"}, topic=topic)
    heard = ear.wait(lambda heard: heard.body == text, what=text)
    measures.add("bare SNS to SQS", heard.at - started)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=TASKS)
    measures = measure(parser.parse_args(arguments).tasks)
    measures.print()
    total, bare = (measures.median(part) for part in ("POST to notification", "bare SNS to SQS"))
    print(f"a task takes {total / bare:.1f} times as long as a bare round trip from SNS to SQS")
    return int(total >= LIMIT * 1000)


if __name__ == "__main__":
    sys.exit(main())
