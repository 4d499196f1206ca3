"""Chaos: users, agents, runtimes, and everything that can go wrong with them; then a verdict.

    ./pants run tests:program -- chaos.play --tasks 2000

Ends by itself, exit code 1 where a promise was broken. The same seed makes the same orders and the same
troubles, though not at the same instants.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from local.clients import Clients
from local.home import Home
from tests.chaos.orders import COMFY, DYNAMIC, STATIC, Orders
from tests.chaos.stage import Plan, Stage
from tests.chaos.submitting import Users
from tests.chaos.trouble import Trouble
from tests.chaos.verdict import Evidence, Judge, Verdict
from tests.chaos.witness import Gpus, History, history_of
from tests.e2e.listening import Ear, listening
from tests.e2e.running import environment

QUEUE_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
EAR_PREFIX = "e2e-"  # of queues that only listen
SETTLE_SECONDS = 2.0  # that nothing must change any more
PODS = {STATIC: 2, DYNAMIC: 1, COMFY: 2}


@dataclass(frozen=True)
class Script:
    """How much chaos.

    Attributes:
        tasks: how many orders.
        rate: orders per second.
        trouble_every: mean seconds between two troubles.
        trouble_seconds: after which there is no more trouble at the latest.
        rest: seconds for which a process is let alone after it was killed.
        patience: seconds that everything may take to end once there is no more trouble.
        seed: of everything.
        permanent: share of the orders that must fail.
        plan: see `tests.chaos.stage`.
        sweeper: whether the system ends tasks that nobody published (DESIGN 4.2).
    """

    tasks: int
    rate: float
    trouble_every: float
    trouble_seconds: float
    patience: float
    rest: float = 6.0
    seed: int = 1
    permanent: float = 0.01
    plan: Plan = field(default_factory=lambda: Plan(pods=PODS))
    sweeper: bool = False


SHORT = Script(
    tasks=60,
    rate=3.0,
    trouble_every=0.6,
    trouble_seconds=22.0,
    patience=60.0,
    permanent=0.08,
    plan=Plan(pods={STATIC: 1, DYNAMIC: 1, COMFY: 1}, seconds_per_image=0.2),
)


async def play(script: Script, home: Home, environ: Mapping[str, str]) -> Verdict:
    """Play a script to its end, and judge."""
    with ExitStack() as exits:
        async with Stage(home, environ, script.plan, seed=script.seed) as stage:
            history = exits.enter_context(history_of(stage.clients, stage.stack.tasks_table))
            ear = exits.enter_context(listening(stage.clients, stage.stack.notifications_topic))
            try:
                return await _play(script, stage, history, ear)
            finally:
                exits.close()  # while the emulator still answers


async def _play(script: Script, stage: Stage, history: History, ear: Ear) -> Verdict:
    gpus = Gpus(stage.pods)
    looking = asyncio.create_task(gpus.watch())
    maker = Orders(
        script.seed,
        stage.links,
        run=f"s{script.seed}",
        permanent=script.permanent,
        # Something has to end what no runtime gets: the notifier, where it is deployed.
        unrouted=len(stage.functions()) > 1,
    )
    orders = list(maker.make(script.tasks))
    users = Users(stage, history, rate=script.rate, seed=script.seed)
    trouble = Trouble(stage, seed=script.seed, every=script.trouble_every, rest=script.rest)
    enough = asyncio.Event()
    begun = time.monotonic()
    making = asyncio.create_task(trouble.make(enough, seconds=script.trouble_seconds))
    await users.submit(orders)
    enough.set()
    await making
    calm = time.monotonic()
    await _settled(stage, history, users, ear, script.patience)
    drained = time.monotonic()
    looking.cancel()
    await gpus.look()
    history.catch_up()
    evidence = Evidence(
        orders=orders,
        books=users.books,
        submissions=history.submissions(),
        told=ear.all(lambda _: True),
        runs=gpus.runs(),
        left_in_queues=await asyncio.to_thread(left_in_queues, stage.clients),
    )
    verdict = await asyncio.to_thread(Judge(stage, evidence, sweeper=script.sweeper).judge)
    verdict.counts |= {
        "seconds of chaos": f"{calm - begun:.0f}",
        "seconds until all was over": f"{drained - calm:.0f}",
        "runtimes restarted by file": str(len(stage.restarts)),
        **{f"trouble: {name}": str(count) for name, count in sorted(trouble.made.items())},
    }
    return verdict


async def _settled(stage: Stage, history: History, users: Users, ear: Ear, patience: float) -> None:
    """Wait until nothing is left to do, or for as long as that may take."""
    quiet_since: float | None = None
    deadline = time.monotonic() + patience
    accepted = {order.number for order in users.books.accepted}
    while time.monotonic() < deadline:
        heard = {(told.json.get("context") or {}).get("order") for told in ear.all(lambda _: True)}
        busy = accepted - heard or [
            writes[-1]
            for writes in history.submissions().values()
            if not writes[-1].finished and writes[-1].published_at is not None
        ]
        left = await asyncio.to_thread(left_in_queues, stage.clients)
        if busy or any(left.values()):
            quiet_since = None
        elif quiet_since is None:
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since >= SETTLE_SECONDS:
            return
        await asyncio.sleep(0.5)


def left_in_queues(clients: Clients) -> dict[str, int]:
    """Return how many messages each queue of the stack has, hidden ones among them, dead letters too."""
    sqs = clients.client("sqs")
    left = {}
    for url in sqs.list_queues().get("QueueUrls", []):
        name = url.rpartition("/")[2]
        if not name.startswith(EAR_PREFIX):
            answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(QUEUE_COUNTS))["Attributes"]
            left[name] = sum(int(answer[count]) for count in QUEUE_COUNTS)
    return left


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="chaos", description="Break everything but the promises.")
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=2.5, help="orders per second")
    parser.add_argument("--trouble-every", type=float, default=2.0, metavar="SECONDS")
    parser.add_argument("--trouble-seconds", type=float, default=1000.0, metavar="SECONDS")
    parser.add_argument("--patience", type=float, default=300.0, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument(
        "--short", action="store_true", help="what CI plays; other options but --seed have no say"
    )
    parser.add_argument("--sweeper", action="store_true", help="tasks that nobody published end, too")
    parser.add_argument("--home", type=Path, help="work here, and leave the logs")
    return parser.parse_args()


def main() -> int:
    """Play what the command line says; print the verdict."""
    options = arguments()
    if options.short:
        script = replace(SHORT, seed=options.seed)
    else:
        script = Script(
            tasks=options.tasks,
            rate=options.rate,
            trouble_every=options.trouble_every,
            trouble_seconds=options.trouble_seconds,
            patience=options.patience,
            seed=options.seed,
            sweeper=options.sweeper,
        )
    print(f"seed {script.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        home = Home((options.home or Path(folder)).absolute())
        environ = environment(os.environ, Path.cwd(), {}, ())
        verdict = asyncio.run(play(script, home, environ))
    print(verdict.table())
    return 0 if verdict.good else 1


if __name__ == "__main__":
    sys.exit(main())
