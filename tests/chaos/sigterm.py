"""SIGTERM at random moments: how soon the agent ends, and what becomes of its task.

    ./pants run tests:program -- chaos.sigterm --moments 200

Each time: one task, a SIGTERM some time after it was submitted. The agent has to end with exit code 0 within
the grace period, and the task is either done, or back in its queue at once with no attempt counted. The agent
that comes after finishes it, as its first attempt.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx

from local.children import Child
from local.home import Home
from local.settings import Timing
from task_store import DynamoTaskStore, Task
from tests.chaos.orders import STATIC, Order, Orders
from tests.chaos.play import left_in_queues
from tests.chaos.stage import Plan, Stage
from tests.e2e.running import environment

GRACE = 1.2  # seconds; a run that begins just before the SIGTERM does not end within it, others do
RUN_SECONDS = 1.5
MOST_WAIT = 3.0  # seconds after the task was submitted: before, during and after its run
LATE = 1.0  # seconds that ending may take beyond the grace period
AT_ONCE = 1.0  # seconds from the end of an agent until what it gave back can be seen
PATIENCE = 60.0  # seconds
IDLE_LIMIT = 2.0  # seconds that an idle agent may take to end, on a machine that has time for it
PLAN = Plan(
    pods={STATIC: 1},
    seconds_per_image=RUN_SECONDS,
    # The emulator does not notice that the client of a long poll is gone: one that an agent has left behind
    # would take the next one's message. So polls are shorter than an agent takes to start.
    timing=Timing(
        visibility_seconds=20, beat_seconds=5.0, receive_wait_seconds=1, shutdown_grace_seconds=GRACE
    ),
    proxied=False,
)


@dataclass
class Moment:
    """What came of one SIGTERM; times in seconds."""

    after: float
    took: float
    code: int
    state: str
    fault: str | None = None


@dataclass
class Moments:
    """What came of all of them."""

    idle: list[Moment] = field(default_factory=list)
    busy: list[Moment] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """What should not have been."""
        return [f"{moment.fault} ({moment})" for moment in (*self.idle, *self.busy) if moment.fault]

    def table(self) -> str:
        """Return all of it as text."""
        lines = []
        for name, moments in (("idle", self.idle), ("with a task", self.busy)):
            took = [moment.took for moment in moments] or [0.0]
            lines.append(f"{name}: {len(moments)}, ended in {median(took):.2f} s, at most {max(took):.2f} s")
        states = sorted({moment.state for moment in self.busy})
        for state in states:
            of_it = [moment.took for moment in self.busy if moment.state == state]
            lines.append(
                f"  {state}: {len(of_it)}, ended in {median(of_it):.2f} s, at most {max(of_it):.2f} s"
            )
        lines += [f"WRONG: {fault}" for fault in self.faults]
        return "\n".join(lines)


class Play:
    """One agent after the other, each told to end."""

    def __init__(self, stage: Stage, *, seed: int) -> None:
        self._stage = stage
        self._random = random.Random(seed)
        self._orders = Orders(seed, stage.links, f"t{seed}", permanent=0).make(10_000)
        self._table = DynamoTaskStore(stage.clients.client("dynamodb"), stage.stack.tasks_table)
        self._pod = stage.pods[0]

    async def idle(self) -> Moment:
        """Tell an agent to end that has nothing to do."""
        agent = await self._agent()
        after = self._random.uniform(0.0, 1.0)
        await asyncio.sleep(after)
        took, code = await _end(agent)
        fault = None if code == 0 and took < IDLE_LIMIT else "an idle agent ended badly"
        return Moment(after, took, code, "idle", fault)

    async def busy(self) -> Moment:
        """Tell an agent to end that has a task, or is about to, or had one."""
        agent = await self._agent()
        order = await self._submit()
        after = self._random.uniform(0.0, MOST_WAIT)
        await asyncio.sleep(after)
        took, code = await _end(agent)
        row = await self._row(order)
        moment = Moment(after, took, code, str(row.status))
        moment.fault = await self._fault(moment, row)
        if not row.status.is_terminal:
            following = await self._agent()
            row = await self._ended(order)
            await _end(following)
            if moment.fault is None and (row.status != "succeeded" or row.attempts != 1):
                moment.fault = f"the next agent ended it as {row.status} with {row.attempts} attempts"
        return moment

    async def _fault(self, moment: Moment, row: Task) -> str | None:
        if moment.code != 0:
            return f"exit code {moment.code}"
        if moment.took > GRACE + LATE:
            return "it ended after the grace period"
        if row.status.is_terminal:
            return None if row.status == "succeeded" else f"the task is {row.status}"
        if row.attempts != 0 or row.status != "queued":
            return f"the task is {row.status} with {row.attempts} attempts"
        hidden = await self._hidden()
        return f"its message was hidden for {hidden:.1f} s" if hidden > AT_ONCE else None

    async def _hidden(self) -> float:
        """Return the seconds until the message that was given back can be seen."""
        begun = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            while await asyncio.to_thread(self._waiting) != (1, 0):
                await asyncio.sleep(0.05)
        return time.monotonic() - begun

    def _waiting(self) -> tuple[int, int]:
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        answer = self._stage.clients.client("sqs").get_queue_attributes(
            QueueUrl=self._stage.stack.queues[STATIC], AttributeNames=list(names)
        )["Attributes"]
        return int(answer[names[0]]), int(answer[names[1]])

    async def _agent(self) -> Child:
        """Start an agent and wait until it is ready to work."""
        spec = self._stage.agent_spec(self._pod.runtime, self._pod.name, self._pod.url)
        child = await Child.start(spec)
        url = f"http://127.0.0.1:{spec.env['HEALTH_PORT']}/readyz"
        async with httpx.AsyncClient(trust_env=False, timeout=2) as http, asyncio.timeout(PATIENCE):
            while not await _ready(http, url):
                await asyncio.sleep(0.05)
        return child

    async def _submit(self) -> Order:
        order = next(order for order in self._orders if order.kind == "text-to-image" and not order.again)
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http:
            answer = await http.post(
                f"{self._stage.endpoint}v1alpha2", json=order.request, headers={"x-api-key": self._stage.key}
            )
        answer.raise_for_status()
        return order

    async def _row(self, order: Order) -> Task:
        row = await asyncio.to_thread(self._table.get, order.id)
        assert row is not None, "the validator has recorded it"
        return row

    async def _ended(self, order: Order) -> Task:
        async with asyncio.timeout(PATIENCE):
            while not (row := await self._row(order)).is_finished:
                await asyncio.sleep(0.1)
        return row


async def _ready(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == 200
    except httpx.HTTPError:
        return False


async def _end(agent: Child) -> tuple[float, int]:
    begun = time.monotonic()
    os.kill(agent.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(PATIENCE):
            code = await agent.wait()
        return time.monotonic() - begun, code
    finally:
        await agent.stop(grace=0)


async def play(moments: int, idle: int, home: Home, environ: Mapping[str, str], *, seed: int) -> Moments:
    """Tell so many agents to end, some of them idle."""
    came = Moments()
    async with Stage(home, environ, PLAN, seed=seed) as stage:
        await stage.pods[0].agent.stop()  # this one is kept alive; ours are not
        acts = Play(stage, seed=seed)
        for _ in range(idle):
            came.idle.append(await acts.idle())
        for _ in range(moments):
            came.busy.append(await acts.busy())
        left = {name: count for name, count in left_in_queues(stage.clients).items() if count}
        assert not left, f"left in queues: {left}"
    return came


def main() -> int:
    """Play what the command line says."""
    parser = argparse.ArgumentParser(prog="sigterm", description="End agents at random moments.")
    parser.add_argument("--moments", type=int, default=200)
    parser.add_argument("--idle", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, help="work here, and leave the logs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sigterm-", ignore_cleanup_errors=True) as folder:
        environ = environment(os.environ, Path.cwd(), {}, ())
        home = Home((options.home or Path(folder)).absolute())
        came = asyncio.run(play(options.moments, options.idle, home, environ, seed=options.seed))
    print(came.table())
    return 1 if came.faults else 0


if __name__ == "__main__":
    sys.exit(main())
