"""Cancels at random moments: before a task has started, while it runs, when it has ended.

    ./pants run tests:program -- chaos.cancels --moments 100

Each time three tasks are submitted to one runtime: one that is in the way, the one that is cancelled some
time later, and the next. What the API called cancelled must not have reached the GPU; what ran must be
interrupted within a renewal of its lease, or must not have begun; the next must succeed as its first attempt;
each must end once and be told once.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from local.home import Home
from local.settings import Timing
from task_store import DynamoTaskStore, Task
from tests.chaos.orders import STATIC
from tests.chaos.play import left_in_queues
from tests.chaos.stage import Plan, Stage
from tests.chaos.witness import History, Write, history_of
from tests.e2e.listening import Ear, Heard, listening
from tests.e2e.running import environment
from tests.e2e.user import new_id, request, text_to_image

BEAT = 0.5  # seconds from one renewal of a lease to the next
LATE = 1.0  # seconds that an interruption may take beyond that: the runtime ends its step first
IMAGE_SECONDS = 0.3
# Images. A run that nobody interrupts takes more than twice as long as an interruption may: 3.6 s.
IN_THE_WAY, CANCELLED, NEXT = 2, 12, 1
ENOUGH = 10  # moments, of which one at least has to come in the middle of the run
MOST_WAIT = (IN_THE_WAY + CANCELLED + 1) * IMAGE_SECONDS  # seconds: before, during and after its run
PATIENCE = 60.0  # seconds
# What the GPU saw of the three where one was stopped.
INTERRUPTED, AT_ITS_END = {"succeeded": 2, "interrupted": 1}, {"succeeded": 3}
PLAN = Plan(
    pods={STATIC: 1},
    seconds_per_image=IMAGE_SECONDS,
    timing=Timing(visibility_seconds=6, beat_seconds=BEAT),
    proxied=False,
)

type Json = dict[str, Any]


@dataclass
class Moment:
    """What came of one cancel.

    Attributes:
        after: seconds after the task was submitted.
        answer: HTTP status and what the API said that the task is.
        end: status and attempts of the task.
        gpu: outcomes of all that the GPU was given meanwhile.
        took: seconds from the answer until the run was interrupted.
        ran_on: seconds from the answer until the end of a run that was not.
        fault: what should not have been.
    """

    after: float
    answer: str
    end: str = ""
    gpu: tuple[str, ...] = ()
    took: float | None = None
    ran_on: float | None = None
    fault: str | None = None


@dataclass
class Moments:
    """What came of all of them."""

    all: list[Moment] = field(default_factory=list)
    tasks: int = 0
    faults: list[str] = field(default_factory=list)

    def judged(self, moment: Moment) -> None:
        """Add one."""
        self.all.append(moment)
        if moment.fault is not None:
            self.faults.append(f"{moment.fault} ({moment})")

    def table(self) -> str:
        """Return all of it as text."""
        ways = Counter(f"{moment.answer}, ended as {moment.end}" for moment in self.all)
        took = [moment.took for moment in self.all if moment.took is not None] or [0.0]
        lines = [f"{len(self.all)} cancels, {self.tasks} tasks that ended once and were told once"]
        lines += [f"  {way}: {count}" for way, count in sorted(ways.items())]
        lines.append(f"interrupted in {median(took):.2f} s, at most {max(took):.2f} s (a beat is {BEAT:g} s)")
        ran_on = [moment.ran_on for moment in self.all if moment.ran_on] or [0.0]
        lines.append(f"of those that were done first, at most {max(ran_on):.2f} s were left")
        lines += [f"WRONG: {fault}" for fault in self.faults]
        return "\n".join(lines)


class Play:
    """One cancel after the other.

    Args:
        stage: with one pod.
        seed: of the moments.
        limit: seconds within which a run has to be interrupted; None: sooner than it ends by itself.
    """

    def __init__(self, stage: Stage, *, seed: int, limit: float | None) -> None:
        self.ids: list[str] = []
        self._stage = stage
        self._random = random.Random(seed)
        self._limit = limit
        self._table = DynamoTaskStore(stage.clients.client("dynamodb"), stage.stack.tasks_table)
        self._http = httpx.AsyncClient(
            trust_env=False, timeout=PATIENCE, headers={"x-api-key": stage.key}, base_url=stage.endpoint
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def moment(self) -> Moment:
        """Submit three tasks, and cancel the second some time later."""
        known = len(await self._jobs())
        await self._submit(IN_THE_WAY)
        began = time.monotonic()
        task_id = await self._submit(CANCELLED)
        following = await self._submit(NEXT)
        after = self._random.uniform(0.0, MOST_WAIT)
        await asyncio.sleep(max(0.0, began + after - time.monotonic()))
        answer = await self._http.delete(f"v1alpha2/tasks/{task_id}")
        answered = time.time()
        said = answer.json().get("status", "ended")
        row, after_it = await self._ended(task_id), await self._ended(following)
        jobs = await self._settled_jobs(known)
        moment = Moment(
            after=after,
            answer=f"{answer.status_code} {said}",
            end=f"{row.status}, {row.attempts} attempts",
            gpu=tuple(job["outcome"] for job in jobs),
        )
        if (stopped := _stopped(jobs)) is not None:
            left = max(0.0, stopped["finished_at"] / 1000 - answered)
            if row.status == "cancelled":
                moment.took = left
            else:
                moment.ran_on = left
        moment.fault = self._fault(moment, row, after_it)
        return moment

    def _fault(self, moment: Moment, row: Task, after_it: Task) -> str | None:
        if (after_it.status, after_it.attempts) != ("succeeded", 1):
            return f"the next task is {after_it.status} with {after_it.attempts} attempts"
        status, _, said = moment.answer.partition(" ")
        runs = Counter(moment.gpu)
        if (status, said) == ("202", "cancelled"):
            good = (row.status, row.attempts) == ("cancelled", 0) and runs == {"succeeded": 2}
            return None if good else "the GPU saw what was cancelled before"
        if row.status == "succeeded" and runs == {"succeeded": 3}:
            # It had ended, or was faster than the renewal: then it had no more than that left to do.
            longer = self._limit is not None and (moment.ran_on or 0.0) > self._limit
            return "it ran on past the renewal" if longer else None
        unbegun = (row.status, row.attempts) == ("cancelled", 0) and runs == {"succeeded": 2}
        if unbegun and (status, said) == ("202", "running"):
            return None  # it was claimed, and its cancel was met before its turn came
        if status == "409" or row.status != "cancelled" or runs not in (INTERRUPTED, AT_ITS_END):
            return "it was not interrupted"
        # The last image may be done when the interrupt comes; a whole run takes longer than that.
        limit = BEAT + IMAGE_SECONDS if runs == AT_ITS_END and self._limit is not None else self._limit
        late = limit is not None and (moment.took or 0.0) > limit
        return "it was interrupted late" if late else None

    async def _submit(self, images: int) -> str:
        task_id = new_id("cancel")
        self.ids.append(task_id)
        content = text_to_image(len(self.ids), n_iter=images)
        answer = await self._http.post("v1alpha2", json=request(task_id, content))
        answer.raise_for_status()
        return task_id

    async def _ended(self, task_id: str) -> Task:
        async with asyncio.timeout(PATIENCE):
            while (row := await asyncio.to_thread(self._table.get, task_id)) is None or not row.is_finished:
                await asyncio.sleep(0.05)
        return row

    async def _settled_jobs(self, known: int) -> list[Json]:
        """Return the jobs since, once none runs and no message is left that could begin one."""
        async with asyncio.timeout(PATIENCE):
            while any((await asyncio.to_thread(left_in_queues, self._stage.clients)).values()):
                await asyncio.sleep(0.05)
            jobs = await self._jobs()
            while any(job["finished_at"] is None for job in jobs):
                await asyncio.sleep(0.05)
                jobs = await self._jobs()
        return jobs[known:]

    async def _jobs(self) -> list[Json]:
        answer = await self._http.get(f"{self._stage.pods[0].url}/_sketch/stats")
        return [job for job in answer.json()["jobs"] if job["kind"] != "load"]


def _stopped(jobs: list[Json]) -> Json | None:
    """Return the run of the cancelled task, which is the second of three."""
    interrupted = [job for job in jobs if job["outcome"] == "interrupted"]
    return interrupted[0] if interrupted else jobs[1] if len(jobs) == 3 else None


def judge_ends(ids: list[str], writes: Mapping[str, list[Write]], notifications: list[Heard]) -> list[str]:
    """Say of which tasks there is not exactly one end, and exactly one word of it."""
    faults = []
    ends = {each[0].id: {(one.status, one.event_id) for one in each if one.ended} for each in writes.values()}
    heard: dict[str, list[Heard]] = {}
    for one in notifications:
        heard.setdefault(one.id, []).append(one)
    for task_id in ids:
        told = [(one.json["status"], one.attributes["event_id"]) for one in heard.get(task_id, [])]
        if len(ends.get(task_id, set())) != 1 or told != list(ends[task_id]):
            faults.append(f"{task_id} ended as {ends.get(task_id)} and was told {told}")
    return faults


async def play(
    moments: int, home: Home, environ: Mapping[str, str], *, seed: int, limit: float | None = BEAT + LATE
) -> Moments:
    """Cancel so many tasks."""
    came = Moments()
    async with Stage(home, environ, PLAN, seed=seed) as stage:
        with (
            history_of(stage.clients, stage.stack.tasks_table) as history,
            listening(stage.clients, stage.stack.notifications_topic) as ear,
        ):
            acts = Play(stage, seed=seed, limit=limit)
            try:
                for _ in range(moments):
                    came.judged(await acts.moment())
            finally:
                await acts.close()
            await _quiet(ear, history, len(acts.ids))
        came.tasks = len(acts.ids)
        if moments >= ENOUGH and not any(one.took is not None for one in came.all):
            came.faults.append(f"no run of {moments} was interrupted")
        came.faults += judge_ends(acts.ids, history.submissions(), ear.all(lambda _: True))
    return came


async def _quiet(ear: Ear, history: History, tasks: int) -> None:
    """Wait until all were heard of; what comes twice has come by then, too."""
    async with asyncio.timeout(PATIENCE):
        while len({heard.id for heard in ear.all(lambda _: True)}) < tasks:
            await asyncio.sleep(0.1)
    await asyncio.to_thread(history.catch_up)


def main() -> int:
    """Play what the command line says."""
    parser = argparse.ArgumentParser(prog="cancels", description="Cancel tasks at random moments.")
    parser.add_argument("--moments", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, help="work here, and leave the logs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cancels-", ignore_cleanup_errors=True) as folder:
        environ = environment(os.environ, Path.cwd(), {}, ())
        home = Home((options.home or Path(folder)).absolute())
        came = asyncio.run(play(options.moments, home, environ, seed=options.seed))
    print(came.table())
    return 1 if came.faults else 0


if __name__ == "__main__":
    sys.exit(main())
