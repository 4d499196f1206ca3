"""How soon everybody hears of a task that has lost three inferences, with the times of a deployment.

    ./pants run tests:program -- chaos.lost

Kills the agent in each of three runs of one task. From the last on it counts until the API, a subscriber of
the topic and a receiver of webhooks say `attempts_exhausted`; ends with 1 where one of them says it later
than `LIMIT` seconds, or says anything else. Takes some four minutes.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx

from local.clients import Clients
from local.home import Home
from local.settings import Timing
from local.state import read_state
from task_schema import Status
from tests.e2e.listening import listening
from tests.e2e.receiving import Receiver, receiving
from tests.e2e.running import running
from tests.e2e.user import STATIC, User, new_id, request, text_to_image

LIMIT = 90.0  # seconds
INFERENCES = 3
RUN_SECONDS = 10.0  # long enough to be killed in, over before the next begins
PATIENCE = 300.0  # seconds
LOOK = 0.1  # seconds
WHO = ("status", "subscriber", "webhook")
CODE = "attempts_exhausted"


def measure(timing: Timing) -> dict[str, float]:
    """Let a task lose three inferences; return after how many seconds who said so."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        agent = timing.environment()
        state = stack.enter_context(running(Home(folder), seconds_per_image=0.1, agent=agent))
        clients = Clients(state.aws_url)
        http = stack.enter_context(httpx.Client(trust_env=False))
        told = stack.enter_context(listening(clients, state.notifications_topic))
        receiver = stack.enter_context(receiving())
        user = User(state, clients, http, told, told)
        task_id = lose(user, Home(folder), receiver)
        return said(user, task_id, receiver, since=time.monotonic())


def lose(user: User, home: Home, receiver: Receiver) -> str:
    """Submit a task, and kill its agent in each of its runs."""
    task_id = new_id("lost")
    user.plan(STATIC, {"kind": "slow", "seconds": RUN_SECONDS, "next": INFERENCES})
    body = request(task_id, text_to_image(1))
    body["task"]["metadata"]["callback_url"] = receiver.url
    user.submit(body)
    for attempt in range(1, INFERENCES + 1):
        until = time.monotonic() + PATIENCE
        while not _runs(user, task_id, attempt):
            assert time.monotonic() < until, f"run {attempt} has not begun"
            time.sleep(LOOK)
        os.kill(read_state(home).processes[f"agent-{STATIC}"], signal.SIGKILL)
        print(f"run {attempt} of {INFERENCES} is lost", flush=True)
    return task_id


def _runs(user: User, task_id: str, attempt: int) -> bool:
    row = user.row(task_id)
    return row is not None and row.status is Status.RUNNING and row.attempts == attempt


def said(user: User, task_id: str, receiver: Receiver, *, since: float) -> dict[str, float]:
    """Look until all three have said it; return the seconds since then."""

    def words() -> Mapping[str, Sequence[str]]:
        shown = user.send("GET", f"v1alpha2/tasks/{task_id}").json()
        heard = user.told.all(lambda heard: heard.id == task_id)
        return {
            "status": [shown["error"]["code"]] if shown["error"] else [],
            "subscriber": [each.json["error"]["code"] for each in heard],
            "webhook": [json.loads(got.body)["error"]["code"] for got in receiver.of(task_id)],
        }

    found: dict[str, float] = {}
    while len(found) < len(WHO) and time.monotonic() - since < PATIENCE:
        for who, codes in words().items():
            if who not in found and list(codes) == [CODE]:
                found[who] = time.monotonic() - since
        time.sleep(LOOK)
    return found


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="lost", description=(__doc__ or "").partition("\n")[0])
    usual = Timing()
    parser.add_argument("--visibility", type=int, default=usual.visibility_seconds, metavar="SECONDS")
    parser.add_argument("--beat", type=float, default=usual.beat_seconds, metavar="SECONDS")
    options = parser.parse_args()
    found = measure(Timing(visibility_seconds=options.visibility, beat_seconds=options.beat))
    for who in WHO:
        print(f"{who:<12}{f'{found[who]:.1f} s' if who in found else 'never said so'}")
    return 0 if len(found) == len(WHO) and max(found.values()) <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
