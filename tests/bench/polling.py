"""What becomes of one client that asks as fast as it can, and of those who submit meanwhile.

    ./pants run tests:program -- bench.polling

Starts a local system of its own. Ends with 1 where a submission was not accepted: asking has its own plan.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from local.clients import Clients
from local.home import Home
from tests.e2e.listening import listening
from tests.e2e.running import running
from tests.e2e.user import User, new_id, request, text_to_image

POLLERS = 16  # connections
POLL_SECONDS = 10.0
GAP = 0.15  # seconds from one submission's start to the next, at least: the plan allows 30 a second

JSON = {"content-type": "application/json"}


@dataclass
class Answers:
    """Statuses that the one who asks got, and those who submitted meanwhile."""

    asked: Counter[int] = field(default_factory=Counter)
    submitted: Counter[int] = field(default_factory=Counter)

    @property
    def good(self) -> bool:
        """Whether somebody asked, and all that was submitted meanwhile was accepted."""
        return bool(self.asked) and set(self.submitted) == {200}

    def table(self) -> str:
        """Return all of it as text."""
        lines = []
        for name, counts in (("GET without a pause", self.asked), ("POST meanwhile", self.submitted)):
            said = ", ".join(f"{status}: {count}" for status, count in sorted(counts.items())) or "none"
            lines.append(f"{name}: {said}")
        if not self.asked[429]:
            lines.append("(this machine cannot ask faster than the plan allows)")
        return "\n".join(lines)


def measure(seconds: float) -> Answers:
    """Start a system, and let one ask and another submit for so long."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        state = stack.enter_context(running(Home(Path(folder)), seconds_per_image=0, sketch=("--no-paint",)))
        aws = Clients(state.aws_url)
        http = stack.enter_context(httpx.Client(trust_env=False))
        told = stack.enter_context(listening(aws, state.notifications_topic))
        return flood(User(state, aws, http, told, told), seconds)


def flood(user: User, seconds: float) -> Answers:
    """Let one ask as fast as it can, and submit meanwhile."""
    answers = Answers()
    until = time.monotonic() + seconds
    path = f"v1alpha2/tasks/{new_id('nobody')}"
    lock = threading.Lock()

    def ask() -> None:
        while time.monotonic() < until:
            status = user.send("GET", path, patient=False).status_code
            with lock:
                answers.asked[status] += 1

    threads = [threading.Thread(target=ask, name="poller") for _ in range(POLLERS)]
    for thread in threads:
        thread.start()
    while time.monotonic() < until:
        body = request(new_id("flood"), text_to_image(1))
        answer = user.send("POST", "v1alpha2", body=json.dumps(body), headers=JSON, patient=False)
        answers.submitted[answer.status_code] += 1
        time.sleep(GAP)
    for thread in threads:
        thread.join()
    return answers


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="polling", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=POLL_SECONDS)
    answers = measure(parser.parse_args(arguments).seconds)
    print(answers.table())
    return 0 if answers.good else 1


if __name__ == "__main__":
    sys.exit(main())
