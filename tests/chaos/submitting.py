"""Users under chaos: they send again what was refused with 5xx, use ids twice, and publish to the topic."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import httpx

from tests.chaos.orders import Order
from tests.chaos.stage import Stage
from tests.chaos.witness import History

POST_TIMEOUT = 20.0  # seconds
PAUSE = 0.5  # seconds before something is sent again
WIDTH = 6  # users at once
PATIENCE = 300.0  # seconds that an order for a used id waits for that id, or an order to be accepted


@dataclass
class Books:
    """What became of the orders: `accepted` ones must be served, of `given_up` ones nobody knows."""

    accepted: list[Order] = field(default_factory=list)
    given_up: list[Order] = field(default_factory=list)
    refused: list[tuple[Order, str]] = field(default_factory=list)
    skipped: list[Order] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)


class Users:
    """Submit orders at a rate, several at once."""

    def __init__(self, stage: Stage, history: History, *, rate: float, seed: int) -> None:
        self.books = Books()
        self._stage = stage
        self._history = history
        self._rate = rate
        self._random = random.Random(seed)
        self._answered: set[str] = set()

    async def submit(self, orders: Iterable[Order]) -> None:
        """Submit all of them."""
        width = asyncio.Semaphore(WIDTH)
        async with (
            httpx.AsyncClient(trust_env=False, timeout=POST_TIMEOUT) as http,
            asyncio.TaskGroup() as group,
        ):
            for order in orders:
                await asyncio.sleep(self._random.expovariate(self._rate))
                if order.again:
                    group.create_task(self._when_free(http, order, width))
                else:
                    await width.acquire()
                    group.create_task(self._one(http, order, width))

    async def _when_free(self, http: httpx.AsyncClient, order: Order, width: asyncio.Semaphore) -> None:
        """Submit an order once the task that has its id has ended and was told; the API says so, too."""
        try:
            async with asyncio.timeout(PATIENCE):
                while order.id not in self._answered or not self._free(order.id):
                    await asyncio.sleep(PAUSE)
        except TimeoutError:
            self.books.skipped.append(order)
            return
        await width.acquire()
        await self._one(http, order, width)

    def _free(self, task_id: str) -> bool:
        row = self._history.latest(task_id)
        return row is not None and row.finished

    async def _one(self, http: httpx.AsyncClient, order: Order, width: asyncio.Semaphore) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await (self._publish(order) if order.bare else self._post(http, order))
        except TimeoutError:
            self.books.given_up.append(order)
        finally:
            width.release()
            self._answered.add(order.id)

    async def _publish(self, order: Order) -> None:
        """Publish straight to the topic: the guide's users do, and it is not this that is put to the test."""
        sns = self._stage.clients.client("sns")
        await asyncio.to_thread(
            sns.publish,
            TopicArn=self._stage.stack.requests_topic,
            Message=order.message,
            MessageAttributes={"runtime": {"DataType": "String", "StringValue": order.runtime}},
        )
        self.books.accepted.append(order)
        self.books.answers["published"] += 1

    async def _post(self, http: httpx.AsyncClient, order: Order) -> None:
        while True:
            status, text = await self._answer(http, order)
            self.books.answers[str(status or "no answer")] += 1
            if status == 200:
                self.books.accepted.append(order)
                return
            if status and status < 500 and status != 429:
                self.books.refused.append((order, text))
                return
            if not order.patient and status != 429:
                self.books.given_up.append(order)
                return
            await asyncio.sleep(PAUSE)

    async def _answer(self, http: httpx.AsyncClient, order: Order) -> tuple[int | None, str]:
        try:
            answer = await http.post(
                f"{self._stage.endpoint}v1alpha2", json=order.request, headers={"x-api-key": self._stage.key}
            )
        except httpx.HTTPError as exc:
            return None, str(exc)
        return answer.status_code, answer.text
