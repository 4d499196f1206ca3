"""What goes wrong: one trouble after the other, picked by a seed, until told to stop."""

import asyncio
import math
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from local.keeper import Keeper
from ministack_testing import RemoteProxy, Rule
from tests.chaos.orders import COMFY
from tests.chaos.stage import Stage, send

AWS_SERVICES = ("s3", "sns", "sqs", "dynamodb")
LONGEST_FAILURE = 5.0  # seconds that a service fails
LONGEST_FREEZE = 4.0  # seconds that a runtime does not answer
MOST_WORKERS = 2  # of a function that are killed at once
PUBLISH_DELAY = 1500.0  # ms between record and publish while workers are killed
# What a runtime does wrong without the task being at fault: the task has to succeed all the same.
SD_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "cut_connection"},
    {"kind": "http_500"},
    {"kind": "oom"},
    {"kind": "cuda_error"},
    {"kind": "interrupted"},
    {"kind": "wrong_model"},
    {"kind": "garbage_json"},
    {"kind": "slow", "seconds": 2.0},
    {"kind": "slow_headers", "seconds": 1.0},
    {"kind": "restart", "seconds": 0.5},
    {"kind": "hang", "seconds": 3.0},
)
COMFY_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "cut_connection"},
    {"kind": "oom"},
    {"kind": "cuda_error"},
    {"kind": "interrupted"},
    {"kind": "garbage_json"},
    {"kind": "slow", "seconds": 2.0},
    {"kind": "slow_headers", "seconds": 1.0},
    {"kind": "restart", "seconds": 0.5},
    {"kind": "history_late", "seconds": 1.0},
    {"kind": "deaf_websocket"},
    {"kind": "cut_websocket"},
    {"kind": "hang", "seconds": 3.0},
)

type Act = Callable[[], Awaitable[None]]


class Trouble:
    """Makes trouble on a stage; `made` counts it by kind.

    Args:
        stage: where.
        seed: of what happens when.
        every: mean seconds between two troubles.
        rest: seconds for which a process is let alone after it was killed: it has to get somewhere.
    """

    def __init__(self, stage: Stage, *, seed: int, every: float, rest: float) -> None:
        self.made: Counter[str] = Counter()
        self._stage = stage
        self._random = random.Random(seed)
        self._every = every
        self._rest = rest
        self._touched: dict[str, float] = {}  # when which process was killed last
        self._acts: dict[str, tuple[int, Act]] = {
            "agent killed": (8, self._kill_agent),
            "agent told to end": (5, self._end_agent),
            "runtime killed": (4, self._kill_runtime),
            "runtime frozen": (3, self._freeze_runtime),
            "runtime's fault": (8, self._runtime_fault),
            "service failing": (8, self._failing_service),
            "function's service failing": (4, self._failing_for_functions),
            "function killed": (2, self._kill_functions),
            "function killed before it published": (2, self._kill_before_publish),
            "message delivered twice": (4, self._deliver_twice),
            "message received by a stranger": (3, self._receive),
        }
        self._going_on: set[asyncio.Task[None]] = set()

    async def make(self, until: asyncio.Event, *, seconds: float) -> None:
        """Make trouble until told to stop or for so long; afterwards everything works again.

        Not until all is done: on a slow machine nothing might ever get done.
        """
        deadline = time.monotonic() + seconds
        while not until.is_set() and time.monotonic() < deadline:
            names = list(self._acts)
            [name] = self._random.choices(names, [self._acts[each][0] for each in names])
            self.made[name] += 1
            self._start(self._acts[name][1]())
            try:
                async with asyncio.timeout(self._random.expovariate(1 / self._every)):
                    await until.wait()
            except TimeoutError:
                continue
        await asyncio.gather(*self._going_on)
        self._calm()

    def _start(self, act: Awaitable[None]) -> None:
        async def run() -> None:
            await act

        task = asyncio.create_task(run())
        self._going_on.add(task)
        task.add_done_callback(self._going_on.discard)

    def _calm(self) -> None:
        self._stage.agent_proxy.use([])
        self._stage.lambda_proxy.use([])
        for pod in self._stage.pods:
            send(pod.sketch.pid, signal.SIGCONT)

    def _keeper(self, which: str) -> Keeper | None:
        """Return the agent or the sketch of a pod, one that has had time to get somewhere; None: none has."""
        rested = [pod for pod in self._stage.pods if self._rested(f"{which} {pod.name}")]
        if not rested:
            return None
        pod = self._random.choice(rested)
        self._touched[f"{which} {pod.name}"] = time.monotonic()
        return pod.agent if which == "agent" else pod.sketch

    def _rested(self, name: str) -> bool:
        return time.monotonic() - self._touched.get(name, -math.inf) >= self._rest

    def _signal(self, which: str, number: signal.Signals) -> None:
        keeper = self._keeper(which)
        if keeper is not None and send(keeper.pid, number):
            self.made[f"  {which} {number.name}"] += 1

    async def _kill_agent(self) -> None:
        self._signal("agent", signal.SIGKILL)

    async def _end_agent(self) -> None:
        self._signal("agent", signal.SIGTERM)

    async def _kill_runtime(self) -> None:
        self._signal("sketch", signal.SIGKILL)

    async def _freeze_runtime(self) -> None:
        keeper = self._keeper("sketch")
        pid = keeper.pid if keeper is not None else None
        send(pid, signal.SIGSTOP)
        await asyncio.sleep(self._random.uniform(0.5, LONGEST_FREEZE))
        send(pid, signal.SIGKILL if self._random.random() < 0.3 else signal.SIGCONT)

    async def _runtime_fault(self) -> None:
        pod = self._random.choice(self._stage.pods)
        fault = self._random.choice(COMFY_FAULTS if pod.runtime.name == COMFY else SD_FAULTS)
        self.made[f"  {pod.runtime.type} {fault['kind']}"] += 1
        async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
            try:
                await http.post(f"{pod.url}/_sketch/faults", json=[fault])
            except httpx.HTTPError:
                return  # it is down already

    async def _failing_service(self) -> None:
        await self._fail(self._stage.agent_proxy, self._random.choice(AWS_SERVICES))

    async def _failing_for_functions(self) -> None:
        await self._fail(self._stage.lambda_proxy, self._random.choice(("dynamodb", "sns")))

    async def _fail(self, proxy: RemoteProxy, service: str) -> None:
        seconds = self._random.uniform(0.5, LONGEST_FAILURE)
        ways = {
            "refuses all": Rule(service=service, status=500, seconds=seconds),
            "refuses some": Rule(
                service=service, status=503, code="SlowDown", probability=0.4, seconds=seconds
            ),
            "loses answers": Rule(service=service, cut="response", probability=0.4, seconds=seconds),
            "cuts answers": Rule(
                service=service,
                cut="response",
                after_bytes=self._random.randrange(1, 400),
                probability=0.4,
                seconds=seconds,
            ),
            "cuts requests": Rule(
                service=service,
                cut="request",
                after_bytes=self._random.randrange(0, 1500),
                probability=0.4,
                seconds=seconds,
            ),
            "is slow": Rule(service=service, delay_ms=400, seconds=seconds),
        }
        way = self._random.choice(list(ways))
        self.made[f"  {service} {way}"] += 1
        await asyncio.to_thread(lambda: proxy.use([*proxy.rules(), ways[way]]))
        await asyncio.sleep(seconds)

    async def _kill_functions(self) -> None:
        # Not all of them: each has to be started again, which takes seconds of the machine.
        workers = self._stage.workers()
        if workers and self._rested("functions"):
            self._touched["functions"] = time.monotonic()
            for pid in self._random.sample(workers, min(MOST_WORKERS, len(workers))):
                send(pid, signal.SIGKILL)

    async def _kill_before_publish(self) -> None:
        """Hold calls of SNS back, so that whoever publishes now is killed after it has recorded."""
        if not self._rested("functions"):
            return
        self._touched["functions"] = time.monotonic()
        proxy = self._stage.lambda_proxy
        rule = Rule(service="sns", delay_ms=2 * PUBLISH_DELAY, seconds=1.0)
        before = proxy.stats()["calls"].get("sns.Publish", 0)
        await asyncio.to_thread(lambda: proxy.use([*proxy.rules(), rule]))
        for _ in range(20):
            await asyncio.sleep(0.05)
            if proxy.stats()["calls"].get("sns.Publish", 0) > before:
                break
        for pid in self._stage.workers():
            send(pid, signal.SIGKILL)

    async def _deliver_twice(self) -> None:
        """Put a second copy of a waiting message into its queue, as SQS may deliver it twice."""
        await asyncio.to_thread(self._take, copy=True)

    async def _receive(self) -> None:
        await asyncio.to_thread(self._take, copy=False)

    def _take(self, *, copy: bool) -> None:
        """Receive a message as a stranger would and let it go at once; its receipt count is one more."""
        sqs = self._stage.clients.client("sqs")
        url = self._random.choice(list(self._stage.stack.queues.values()))
        try:
            answer = sqs.receive_message(
                QueueUrl=url, VisibilityTimeout=1, MessageAttributeNames=["All"], MaxNumberOfMessages=1
            )
            for message in answer.get("Messages", []):
                # A bare message has no submission: a copy of it would be another task.
                if copy and '"submission"' in message["Body"]:
                    self.made["  copies"] += 1
                    sqs.send_message(
                        QueueUrl=url,
                        MessageBody=message["Body"],
                        MessageAttributes={
                            name: {"DataType": value["DataType"], "StringValue": value["StringValue"]}
                            for name, value in message.get("MessageAttributes", {}).items()
                        },
                    )
                sqs.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
        except (ClientError, BotoCoreError):
            return  # an agent has it by now
