"""The function of the webhooks: all of a batch at once, each by itself (DESIGN 4.3)."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from notifier.errors import UnavailableError, UnreadableWebhookError
from notifier.letterbox import MAX_BACK_OFF
from notifier.letters import Letter
from notifier.ports import Clock, Log, Meter, Queues
from notifier.traced import Tracing, traceparent_of
from notifier.webhook_messages import Webhook, unreadable
from notifier.webhook_schedule import Schedule, retry_after
from notifier.webhook_sending import Answer
from notifier.webhook_signing import Signer
from task_store import TableUnavailableError, Task
from telemetry import names
from telemetry.failures import cause_of, where
from telemetry.segments import Span

WEBHOOKS = "Webhooks"

DELIVERED = "delivered"
GONE = "gone"
RETRIED = "retried"
EXHAUSTED = "exhausted"
REFUSED = "refused"
UNADDRESSED = "unaddressed"
UNREADABLE = "unreadable"
WAITING = "waiting"

_LOST = (EXHAUSTED, REFUSED, UNADDRESSED, UNREADABLE)

#: Calls of AWS at once.
AWS_THREADS = 32
# Look-ups of names at once. One that hangs holds its thread for longer than an attempt may take.
_LOOK_UP_THREADS = 128


class Rows(Protocol):
    """Where a task's row says what its webhook's address is."""

    def get(self, task_id: str) -> Task | None:
        """See `task_store.TaskStore`."""


class Signers(Protocol):
    """What signs now."""

    def current(self) -> Signer:
        """Return it.

        Raises:
            UnavailableError: nobody knows.
        """


class Poster(Protocol):
    """Makes attempts."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Make one; raises nothing."""


class Outbox(Protocol):
    """Where a webhook goes that was not delivered."""

    def later(self, body: str, attributes: Mapping[str, str], seconds: float) -> None:
        """Send it to the queue of tries to come, to be seen after so long, or after the longest that can be.

        Raises:
            UnavailableError: nobody knows whether it was sent.
        """

    def dead(self, body: str, attributes: Mapping[str, str]) -> None:
        """Send it to the dead letters.

        Raises:
            UnavailableError: nobody knows whether it was sent.
        """


class Deliveries:
    """Handles the events of SQS event sources with `ReportBatchItemFailures`.

    What a receiver does never makes a message come again by itself: it is sent to the queue of tries to come.
    Only what could not be handed on comes again; its receiver may get the same event twice, with the same id.
    """

    def __init__(
        self,
        *,
        store: Rows,
        signers: Signers,
        poster: Poster,
        outbox: Outbox,
        queues: Queues,
        schedule: Schedule,
        clock: Clock,
        meter: Meter,
        log: Log,
        tracing: Tracing,
    ) -> None:
        self._store = store
        self._signers = signers
        self._poster = poster
        self._outbox = outbox
        self._queues = queues
        self._schedule = schedule
        self._clock = clock
        self._meter = meter
        self._log = log
        self._tracing = tracing
        self._threads = ThreadPoolExecutor(AWS_THREADS, "aws")
        self._look_ups = ThreadPoolExecutor(_LOOK_UP_THREADS, "look-up")
        # One loop for all events: the end of a loop would wait for every look-up that hangs.
        self._runner = asyncio.Runner()

    def close(self) -> None:
        """End what was begun; a function is frozen instead."""
        self._runner.close()
        self._threads.shutdown(wait=False)
        self._look_ups.shutdown(wait=False)

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG002 - Lambda's
        """Try each webhook once; return those messages that have to come again."""
        try:
            failed = self._runner.run(self._all(event["Records"]))
        finally:
            self._meter.flush()
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    async def _all(self, records: list[Mapping[str, Any]]) -> list[str]:
        asyncio.get_running_loop().set_default_executor(self._look_ups)
        done = await asyncio.gather(*(self._one(record) for record in records))
        return [record["messageId"] for record, good in zip(records, done, strict=True) if not good]

    async def _one(self, record: Mapping[str, Any]) -> bool:
        """Bring one message to an end; false where it has to come again."""
        seen: dict[str, object] = {"message_id": record["messageId"]}
        try:
            letter = Letter.read(record)
        except Exception as exc:  # noqa: BLE001 - one bad message must not keep the others from being sent
            self._log.error("webhook", extra={**seen, "outcome": "failed", **cause_of(exc)})
            return False
        seen["queue"] = letter.queue
        with self._tracing.letter(letter, "webhooks") as span:
            seen.update(span.log_fields)
            outcome = await self._outcome(letter, seen, span)
        if outcome is None:
            return False
        if outcome != WAITING:
            self._meter.count(WEBHOOKS, outcome=outcome)
            tell = self._log.error if outcome in _LOST else self._log.info
            tell("webhook", extra={**seen, "outcome": outcome})
        return True

    async def _outcome(self, letter: Letter, seen: dict[str, object], span: Span) -> str | None:
        try:
            outcome = await self._handled(letter, seen, span)
        except (UnavailableError, TableUnavailableError) as exc:
            told: dict[str, object] = {"outcome": "unavailable", **cause_of(exc)}
        except Exception as exc:  # noqa: BLE001 - one bad message must not keep the others from being sent
            told = {"outcome": "failed", **cause_of(exc), "where": where(exc)}
        else:
            span.set(names.OUTCOME, outcome)
            return outcome
        seconds = min(MAX_BACK_OFF, 2 ** min(letter.receive_count, 10))
        await self._aside(self._queues.hide, letter.queue_arn, letter.receipt_handle, seconds)
        self._log.error("webhook", extra={**seen, **told})
        span.set(names.OUTCOME, str(told["outcome"]))
        span.fail(str(told["error"]))
        return None

    async def _handled(self, letter: Letter, seen: dict[str, object], span: Span) -> str:
        try:
            webhook = Webhook.of(letter)
        except UnreadableWebhookError:
            await self._aside(self._outbox.dead, letter.body, unreadable(letter))
            return UNREADABLE
        seen |= {"task": webhook.task_id, "submission": webhook.submission, "try": webhook.number}
        seen["event_id"] = webhook.event_id
        span.update({names.TASK_ID: webhook.task_id, names.SUBMISSION: webhook.submission})
        span.set(names.ATTEMPT, webhook.number)
        left = (webhook.due - self._clock()) / 1000
        if left > 0:
            await self._aside(self._outbox.later, webhook.body, webhook.attributes(), left)
            return WAITING
        addressed = await self._addressed(webhook)
        if addressed is None:
            await self._aside(self._outbox.dead, webhook.body, webhook.dead(UNADDRESSED))
            return UNADDRESSED
        answer = await self._tried(addressed, span)
        seen |= {"status": answer.status, "error": answer.error}
        span.set(names.HTTP_STATUS, answer.status)
        return await self._after(addressed, answer)

    async def _addressed(self, webhook: Webhook) -> Webhook | None:
        """Return a webhook with its URL; None where the row has gone to another task, or names none."""
        if webhook.url is not None:
            return webhook
        task = await self._aside(self._store.get, webhook.task_id)
        if task is None or task.submission != webhook.submission or task.callback_url is None:
            return None
        return webhook.to(task.callback_url)

    async def _tried(self, webhook: Webhook, span: Span) -> Answer:
        signer = await self._aside(self._signers.current)
        body = webhook.body.encode()
        headers = signer.headers(webhook.event_id, body, seconds=self._clock() // 1000)
        if (traceparent := traceparent_of(span)) is not None:
            headers["traceparent"] = traceparent
        return await self._poster.post(webhook.url or "", headers, body)

    async def _after(self, webhook: Webhook, answer: Answer) -> str:
        """Say what becomes of a webhook, and hand it on where it was not delivered."""
        if answer.is_success:
            return DELIVERED
        if answer.is_gone:
            return GONE
        now = self._clock()
        seconds = self._schedule.after(webhook.number, retry_after(answer.retry_after, now=now))
        if answer.refused or seconds is None:
            reason = REFUSED if answer.refused else EXHAUSTED
            await self._aside(self._outbox.dead, webhook.body, webhook.dead(reason))
            return reason
        due = webhook.again(now + int(seconds * 1000))
        await self._aside(self._outbox.later, due.body, due.attributes(), seconds)
        return RETRIED

    async def _aside[**P, T](self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a call of AWS, which blocks, in a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: call(*args, **kwargs))
