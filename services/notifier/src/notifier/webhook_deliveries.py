"""The function of the webhooks: all of a batch at once, each by itself (DESIGN 4.3)."""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from notifier.errors import NoTimeError, UnavailableError, UnreadableWebhookError
from notifier.letters import Letter
from notifier.ports import Clock, Log, Meter, Queues
from notifier.traced import Tracing, answered, delivering, traceparent_of
from notifier.webhook_messages import Webhook, unreadable
from notifier.webhook_ports import Callbacks, Invocation, Outbox, Poster, Rows, Signers
from notifier.webhook_schedule import Schedule, retry_after
from notifier.webhook_sending import Answer
from notifier.webhook_signing import Signer
from task_store import TableUnavailableError
from telemetry import names
from telemetry.failures import cause_of, where
from telemetry.segments import Span

WEBHOOKS = "Webhooks"
TRIES = "WebhookTries"
FAILURES = "WebhookFailures"

DELIVERED = "delivered"
GONE = "gone"
RETRIED = "retried"
EXHAUSTED = "exhausted"
REFUSED = "refused"
UNADDRESSED = "unaddressed"
UNREADABLE = "unreadable"
WAITING = "waiting"
SENT_ANEW = "sent_anew"
NO_TIME = "no_time"

_LOST = (EXHAUSTED, REFUSED, UNADDRESSED, UNREADABLE)

#: Calls of AWS at once.
AWS_THREADS = 32
#: What an attempt and handing it on may take, in ms: with less time left none is begun.
RESERVE = 20_000
#: With so little time left, in ms, what is not done is given up, so that what is done is told.
MARGIN = 3_000
#: Where AWS fails, a message comes again after 2, 4, 8 seconds and so on, at most after so many. Fifty times,
#: after which a queue gives up, are then ten hours.
MAX_HIDDEN = 15 * 60
# From this receipt on it is sent anew instead, as long as that works: a queue counts receipts from one again.
_SENT_ANEW_FROM = 6
# Look-ups of names at once. One that hangs holds its thread for longer than an attempt may take.
_LOOK_UP_THREADS = 128

# Returns how long the invocation may still take, in ms.
type Left = Callable[[], float]


class Deliveries:
    """Handles the events of SQS event sources with `ReportBatchItemFailures`.

    What a receiver does never makes a message come again by itself: it is sent to the queue of tries to come.
    Only what could not be handed on, or not in time, comes again; its receiver may get the same event twice,
    with the same id. What was delivered never comes again because of others.
    """

    def __init__(
        self,
        *,
        store: Rows,
        callbacks: Callbacks,
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
        self._callbacks = callbacks
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

    def __call__(self, event: Mapping[str, Any], context: Invocation | None) -> dict[str, Any]:
        """Try each webhook once; return those messages that have to come again."""
        left = _endless if context is None else context.get_remaining_time_in_millis
        try:
            failed = self._runner.run(self._all(event["Records"], left))
        finally:
            self._meter.flush()
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    async def _all(self, records: Sequence[Mapping[str, Any]], left: Left) -> list[str]:
        asyncio.get_running_loop().set_default_executor(self._look_ups)
        tries = [asyncio.create_task(self._one(record, left)) for record in records]
        if tries:
            seconds = (left() - MARGIN) / 1000
            await asyncio.wait(tries, timeout=None if math.isinf(seconds) else max(0.0, seconds))
        late = [each for each in tries if each.cancel()]
        done = await asyncio.gather(*tries, return_exceptions=True)
        if late:
            self._meter.count(FAILURES, len(late))
            self._log.error("webhooks", extra={"outcome": NO_TIME, "messages": len(late)})
        for failure in done:
            if isinstance(failure, Exception):
                self._log.error(
                    "webhooks", extra={"outcome": "failed", **cause_of(failure), "where": where(failure)}
                )
        return [record["messageId"] for record, good in zip(records, done, strict=True) if good is not True]

    async def _one(self, record: Mapping[str, Any], left: Left) -> bool:
        """Bring one message to an end; false where it has to come again."""
        seen: dict[str, object] = {"message_id": record["messageId"]}
        try:
            letter = Letter.read(record)
        except Exception as exc:  # noqa: BLE001 - one bad message must not keep the others from being sent
            self._meter.count(FAILURES)
            self._log.error("webhook", extra={**seen, "outcome": "failed", **cause_of(exc)})
            return False
        seen["queue"] = letter.queue
        with self._tracing.letter(letter, "webhooks") as span:
            seen.update(span.log_fields)
            outcome = await self._outcome(letter, seen, span, left)
        if outcome is None or outcome == SENT_ANEW:
            self._meter.count(FAILURES)
            return outcome is not None
        if outcome != WAITING:
            self._meter.count(WEBHOOKS, outcome=outcome)
            tell = self._log.error if outcome in _LOST else self._log.info
            tell("webhook", extra={**seen, "outcome": outcome})
        return True

    async def _outcome(self, letter: Letter, seen: dict[str, object], span: Span, left: Left) -> str | None:
        """Return what became of a message; None where it has to come again."""
        anew = False
        try:
            outcome = await self._handled(letter, seen, span, left)
        except NoTimeError as exc:
            told: dict[str, object] = {"outcome": NO_TIME, **cause_of(exc)}
        except (UnavailableError, TableUnavailableError) as exc:
            told = {"outcome": "unavailable", **cause_of(exc)}
            anew = letter.receive_count >= _SENT_ANEW_FROM and await self._sent_anew(letter)
        except Exception as exc:  # noqa: BLE001 - one bad message must not keep the others from being sent
            told = {"outcome": "failed", **cause_of(exc), "where": where(exc)}
        else:
            span.set(names.OUTCOME, outcome)
            return outcome
        if not anew:
            seconds = min(MAX_HIDDEN, 2 ** min(letter.receive_count, 10))
            await self._aside(self._queues.hide, letter.queue_arn, letter.receipt_handle, seconds)
        self._log.error("webhook", extra={**seen, **told, "anew": anew})
        span.set(names.OUTCOME, str(told["outcome"]))
        span.fail(str(told["error"]))
        return SENT_ANEW if anew else None

    async def _sent_anew(self, letter: Letter) -> bool:
        """Send a message to the queue of tries to come, with no try taken from it; false where that fails."""
        try:
            webhook = Webhook.of(letter)
            await self._aside(self._outbox.later, webhook.body, webhook.attributes(), MAX_HIDDEN)
        except (UnavailableError, UnreadableWebhookError):
            return False
        return True

    async def _handled(self, letter: Letter, seen: dict[str, object], span: Span, left: Left) -> str:
        try:
            webhook = Webhook.of(letter)
        except UnreadableWebhookError:
            await self._aside(self._outbox.dead, letter.body, unreadable(letter))
            return UNREADABLE
        seen |= {"task": webhook.task_id, "submission": webhook.submission, "try": webhook.number}
        seen["event_id"] = webhook.event_id
        span.update({names.TASK_ID: webhook.task_id, names.SUBMISSION: webhook.submission})
        span.set(names.ATTEMPT, webhook.number)
        early = (webhook.due - self._clock()) / 1000
        if early > 0:
            await self._aside(self._outbox.later, webhook.body, webhook.attributes(), early)
            return WAITING
        addressed = await self._addressed(webhook)
        if addressed is None:
            await self._aside(self._outbox.dead, webhook.body, webhook.dead(UNADDRESSED))
            return UNADDRESSED
        signer = await self._aside(self._signers.current)
        if left() < RESERVE:
            raise NoTimeError("too little time is left for an attempt")
        answer = await self._tried(addressed, signer, span)
        seen |= {"status": answer.status, "error": answer.error}
        return await self._after(addressed, answer)

    async def _addressed(self, webhook: Webhook) -> Webhook | None:
        """Return a webhook with its URL; None where nobody knows one."""
        if webhook.url is not None:
            return webhook
        task = await self._aside(self._store.get, webhook.task_id)
        if task is not None and task.submission == webhook.submission:
            url = task.callback_url
        else:
            # The row has gone to another task; whoever took it has kept the URL before.
            url = await self._aside(self._callbacks.kept, webhook.submission)
        return None if url is None else webhook.to(url)

    async def _tried(self, webhook: Webhook, signer: Signer, span: Span) -> Answer:
        body = webhook.body.encode()
        url = webhook.url or ""
        headers = signer.headers(webhook.event_id, body, seconds=self._clock() // 1000)
        with delivering(span, url, webhook.number) as attempt:
            if (traceparent := traceparent_of(attempt)) is not None:
                headers["traceparent"] = traceparent
            answer = await self._poster.post(url, headers, body)
            good = answer.is_success or answer.is_gone
            answered(attempt, answer.status, kind=answer.kind, error=answer.error, good=good)
        self._meter.count(TRIES, answer=answer.kind)
        return answer

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


def _endless() -> float:
    return math.inf
