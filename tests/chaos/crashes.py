"""The function that accepts tasks is killed at each step of a submission.

    ./pants run tests:program -- chaos.crashes

For each step twice: a client that sends its request again, as the client library does, must get one picture,
made once and told once. Of one that does not, nothing is left where nothing was recorded; what was published
runs; and what was recorded and never published is ended by the sweeper as `not_published`, and told.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from darkroom_client import Darkroom
from local.aftercare import set_function_environment
from local.home import Home
from local.settings import Timing
from ministack_testing import Rule
from task_store import DynamoTaskStore, Task
from tests.chaos.orders import STATIC
from tests.chaos.stage import Plan, Stage, send
from tests.e2e.listening import Ear, listening
from tests.e2e.receiving import outputs
from tests.e2e.running import environment
from tests.e2e.user import new_id, request, text_to_image

FUNCTION = "ValidatorFunction"  # in the command of each worker of it
PATIENCE = 90.0  # seconds
# Shorter than a client takes to send again: by then the task has ended, and only the client's key tells the
# request from a new one.
RUN_SECONDS = 0.3
PLAN = Plan(
    pods={STATIC: 1}, seconds_per_image=RUN_SECONDS, timing=Timing(visibility_seconds=6, beat_seconds=1.0)
)
# The sweeper of a deployment gives a client a quarter of an hour to send its request again.
IMPATIENT = {"QUIET_SECONDS": "0", "NOT_PUBLISHED_AFTER_SECONDS": "0"}


@dataclass(frozen=True)
class Step:
    """Where the function is killed: at this call of it, before the call has done anything, or after.

    Attributes:
        name: in words.
        call: "service.Operation".
        done: whether the call acts before the function dies.
        left: what a submission leaves that goes no further: "nothing", "row", or "message".
    """

    name: str
    call: str
    done: bool
    left: str

    @property
    def rule(self) -> Rule:
        """What holds the function at the call, until it is killed."""
        service, _, operation = self.call.partition(".")
        if self.done:
            return Rule(service=service, operation=operation, cut="response")
        return Rule(service=service, operation=operation, status=503)


STEPS = (
    Step("before the record", "dynamodb.PutItem", done=False, left="nothing"),
    Step("recorded", "dynamodb.PutItem", done=True, left="row"),
    Step("before the publish", "sns.Publish", done=False, left="row"),
    Step("published", "sns.Publish", done=True, left="message"),
    Step("before the mark", "dynamodb.UpdateItem", done=False, left="message"),
    Step("marked", "dynamodb.UpdateItem", done=True, left="message"),
)
# Between record and publish, and between publish and mark.
SHORT = (STEPS[2], STEPS[4])


@dataclass
class Crash:
    """One crash, and what came of its task."""

    step: Step
    again: bool
    task_id: str
    end: str = "no row"
    runs: int = 0
    submissions: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def wanted(self) -> str:
        """How it has to end."""
        if self.again or self.step.left == "message":
            return "succeeded"
        return "no row" if self.step.left == "nothing" else "failed (not_published)"

    @property
    def fault(self) -> str | None:
        """What should not have been."""
        if self.end != self.wanted:
            return f"it ended otherwise than as {self.wanted}"
        if self.told != ([] if self.wanted == "no row" else [self.wanted]):
            return "it was not told once"
        if self.runs != (self.wanted == "succeeded"):
            return "the GPU did not run it once" if self.runs else "the GPU did not run it"
        return None

    def __str__(self) -> str:
        """Say it in a line of a table."""
        client = "again" if self.again else "once"
        line = (
            f"{self.step.name:<20} {client:<6} {self.end:<24} runs {self.runs}"
            f"  submissions published {self.submissions}  told {len(self.told)}"
        )
        return line if self.fault is None else f"{line}  WRONG: {self.fault}, told {self.told}"


class Play:
    """One crash after the other; `told` and `published` hear the notifications and the requests."""

    def __init__(self, stage: Stage, told: Ear, published: Ear) -> None:
        self._stage = stage
        self._told = told
        self._published = published
        self._table = DynamoTaskStore(stage.clients.client("dynamodb"), stage.stack.tasks_table)
        self._known = 0  # runs of the GPU

    async def crash(self, step: Step, *, again: bool) -> Crash:
        """Submit a task, and kill the function at a step."""
        crash = Crash(step, again, new_id("crash"))
        proxy = self._stage.lambda_proxy
        proxy.forget_stats()
        proxy.use([step.rule])
        sending = asyncio.create_task(asyncio.to_thread(self._send, crash))
        try:
            async with asyncio.timeout(PATIENCE):
                while not proxy.stats()["cut" if step.done else "refused"].get(step.call):
                    await asyncio.sleep(0.01)
            self._kill()
        finally:
            proxy.use([])
            await sending
        return crash

    async def seen(self, crash: Crash) -> Crash:
        """Wait for what comes of it."""
        if crash.wanted != "no row":
            async with asyncio.timeout(PATIENCE):
                while not (row := await asyncio.to_thread(self._table.get, crash.task_id)) or (
                    not row.is_finished or not self._told.all(lambda heard: heard.id == crash.task_id)
                ):
                    await asyncio.sleep(0.1)
        row = await asyncio.to_thread(self._table.get, crash.task_id)
        if row is not None:
            crash.end = _end(row)
        crash.runs = await self._runs()
        words = [heard.json for heard in self._told.all(lambda heard: heard.id == crash.task_id)]
        crash.told = [
            said["status"] + (f" ({said['error']['code']})" if said.get("error") else "") for said in words
        ]
        bodies = self._published.all(lambda heard: f'"{crash.task_id}"' in heard.body)
        crash.submissions = len({heard.json["submission"] for heard in bodies})
        return crash

    async def sweep(self) -> None:
        """Run the sweeper now, as one that has waited long enough."""
        function = outputs(self._stage.clients)["SweeperFunctionName"]
        set_function_environment(self._stage.clients, function, IMPATIENT)
        client = self._stage.clients.client("lambda")
        answer = await asyncio.to_thread(lambda: client.invoke(FunctionName=function, Payload=b"{}"))
        assert "FunctionError" not in answer, answer["Payload"].read()

    def _send(self, crash: Crash) -> None:
        stage, content = self._stage, text_to_image(1, n_iter=1, prompt=crash.task_id)
        if crash.again:
            with Darkroom(stage.endpoint, stage.key) as client:
                client.submit(
                    content, id=crash.task_id, runtime=STATIC, tasktype="text-to-image", prefix="chaos"
                )
            return
        with httpx.Client(trust_env=False, timeout=PATIENCE) as http:
            answer = http.post(
                f"{stage.endpoint}v1alpha2",
                json=request(crash.task_id, content),
                headers={"x-api-key": stage.key},
            )
        assert answer.status_code >= 500, f"the function was killed, and answered {answer.text}"

    def _kill(self) -> None:
        for pid in self._stage.workers():
            if FUNCTION in _command(pid):
                send(pid, signal.SIGKILL)

    async def _runs(self) -> int:
        """Return how often the GPU has run since it was last asked."""
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http:
            jobs = (await http.get(f"{self._stage.pods[0].url}/_sketch/stats")).json()["jobs"]
        known, self._known = self._known, sum(job["kind"] != "load" for job in jobs)
        return self._known - known


def _command(pid: int) -> str:
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.NoSuchProcess:
        return ""  # killed before, and not yet buried


def _end(row: Task) -> str:
    code = f" ({row.error.code})" if row.error is not None else ""
    return f"{row.status}{code}"


async def play(steps: Sequence[Step], home: Home, environ: Mapping[str, str]) -> list[Crash]:
    """Crash at each of the steps, with and without a client that sends its request again."""
    async with Stage(home, environ, PLAN) as stage:
        with (
            listening(stage.clients, stage.stack.notifications_topic) as told,
            listening(stage.clients, stage.stack.requests_topic) as published,
        ):
            acts = Play(stage, told, published)
            crashes = []
            for step, again in ((step, again) for step in steps for again in (True, False)):
                crash = await acts.crash(step, again=again)
                crashes.append(crash if crash.wanted != "succeeded" else await acts.seen(crash))
            await acts.sweep()
            for crash in crashes:
                if crash.wanted != "succeeded":
                    await acts.seen(crash)
    return crashes


def main() -> int:
    """Play what the command line says; print the table."""
    parser = argparse.ArgumentParser(prog="crashes", description="Kill the accepting function at each step.")
    parser.add_argument("--short", action="store_true", help="what CI plays")
    parser.add_argument("--home", type=Path, help="work here, and leave the logs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="crashes-", ignore_cleanup_errors=True) as folder:
        environ = environment(os.environ, Path.cwd(), {}, ())
        home = Home((options.home or Path(folder)).absolute())
        crashes = asyncio.run(play(SHORT if options.short else STEPS, home, environ))
    print(*crashes, sep="\n")
    return 1 if any(crash.fault for crash in crashes) else 0


if __name__ == "__main__":
    sys.exit(main())
