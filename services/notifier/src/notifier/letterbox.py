"""The function of a queue: each message by itself, those that failed come again (DESIGN 2)."""

from collections.abc import Mapping
from typing import Any, Protocol

from notifier.errors import LaterError, UnavailableError
from notifier.letters import Letter
from notifier.ports import Log, Meter, Queues
from notifier.traced import Tracing
from notifier.undertaker import UNREADABLE
from task_store import TableUnavailableError
from telemetry import names
from telemetry.failures import cause_of, where
from telemetry.segments import Span

#: What one letter may take at most, in ms; with less time left none is begun.
RESERVE = 15_000
MAX_BACK_OFF = 120  # seconds

LETTERS = "DeadLetters"
KEPT_UNREADABLE = "UnreadableKept"


class Settles(Protocol):
    """Who settles a letter."""

    def settle(self, letter: Letter, seen: dict[str, object], span: Span) -> str:
        """See `Undertaker`."""


class Letterbox:
    """Handles the events of an SQS event source with `ReportBatchItemFailures`.

    `kind` is that of its letters: a word for the names of spans.
    """

    def __init__(
        self, *, kind: str, settles: Settles, queues: Queues, meter: Meter, log: Log, tracing: Tracing
    ) -> None:
        self._kind = kind
        self._tracing = tracing
        self._settles = settles
        self._queues = queues
        self._meter = meter
        self._log = log

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Settle each message; return those that have to come again."""
        try:
            failed = [
                {"itemIdentifier": record["messageId"]}
                for record in event["Records"]
                if not self._settled(record, context)
            ]
        finally:
            self._meter.flush()
        return {"batchItemFailures": failed}

    def _settled(self, record: Mapping[str, Any], context: Any) -> bool:
        seen: dict[str, object] = {"message_id": record["messageId"]}
        if context is not None and context.get_remaining_time_in_millis() < RESERVE:
            self._log.info("letter", extra={**seen, "outcome": "no_time"})
            return False
        try:
            letter = Letter.read(record)
        except Exception as exc:  # noqa: BLE001 - one bad message must not keep the others from being settled
            self._log.error(
                "letter", extra={**seen, "outcome": "failed", **cause_of(exc), "where": where(exc)}
            )
            return False
        seen["queue"] = letter.queue
        with self._tracing.letter(letter, self._kind) as span:
            seen.update(span.log_fields)
            outcome = self._outcome(letter, seen, span)
        if outcome is None:
            return False
        self._meter.count(LETTERS, queue=letter.queue, reason=outcome)
        if outcome == UNREADABLE:
            self._meter.count(KEPT_UNREADABLE, queue=letter.queue)
        self._log.info("letter", extra={**seen, "outcome": outcome})
        return True

    def _outcome(self, letter: Letter, seen: dict[str, object], span: Span) -> str | None:
        """Settle a letter; return what became of it, None where it has to come again."""
        try:
            outcome = self._settles.settle(letter, seen, span)
        except LaterError as exc:
            self._queues.hide(letter.queue_arn, letter.receipt_handle, exc.seconds)
            told = {"outcome": "later", "seconds": exc.seconds, "why": str(exc)}
            self._log.info("letter", extra={**seen, **told})
            span.set(names.OUTCOME, "later")
            return None
        except (UnavailableError, TableUnavailableError) as exc:
            self._failed(letter, {**seen, "outcome": "unavailable", **cause_of(exc)}, span)
            return None
        except Exception as exc:  # noqa: BLE001 - one bad message must not keep the others from being settled
            told = {"outcome": "failed", **cause_of(exc), "where": where(exc)}
            self._failed(letter, {**seen, **told}, span)
            return None
        span.set(names.OUTCOME, outcome)
        return outcome

    def _failed(self, letter: Letter, told: dict[str, object], span: Span) -> None:
        seconds = min(MAX_BACK_OFF, 2 ** min(letter.receive_count, 10))
        self._queues.hide(letter.queue_arn, letter.receipt_handle, seconds)
        self._log.error("letter", extra=told)
        span.set(names.OUTCOME, str(told["outcome"]))
        span.fail(str(told["error"]))
