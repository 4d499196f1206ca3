"""The function of a queue: each message by itself, those that failed come again (DESIGN 2)."""

from collections.abc import Mapping
from typing import Any, Protocol

from notifier.errors import LaterError, UnavailableError
from notifier.failures import cause_of, where
from notifier.letters import Letter
from notifier.ports import Log, Meter, Queues
from notifier.undertaker import UNREADABLE
from task_store import TableUnavailableError

#: What one letter may take at most, in ms; with less time left none is begun.
RESERVE = 15_000
MAX_BACK_OFF = 120  # seconds

LETTERS = "DeadLetters"
KEPT_UNREADABLE = "UnreadableKept"


class Settles(Protocol):
    """Who settles a letter."""

    def settle(self, letter: Letter, seen: dict[str, object]) -> str:
        """See `Undertaker`."""


class Letterbox:
    """Handles the events of an SQS event source with `ReportBatchItemFailures`."""

    def __init__(self, *, settles: Settles, queues: Queues, meter: Meter, log: Log) -> None:
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
        letter = None
        try:
            letter = Letter.read(record)
            seen["queue"] = letter.queue
            outcome = self._settles.settle(letter, seen)
        except LaterError as exc:
            self._put_off(letter, exc.seconds)
            self._log.info(
                "letter", extra={**seen, "outcome": "later", "seconds": exc.seconds, "why": str(exc)}
            )
            return False
        except (UnavailableError, TableUnavailableError) as exc:
            return self._failed(letter, {**seen, "outcome": "unavailable", **cause_of(exc)})
        except Exception as exc:  # noqa: BLE001 - one bad message must not keep the others from being settled
            return self._failed(letter, {**seen, "outcome": "failed", **cause_of(exc), "where": where(exc)})
        self._meter.count(LETTERS, queue=letter.queue, reason=outcome)
        if outcome == UNREADABLE:
            self._meter.count(KEPT_UNREADABLE, queue=letter.queue)
        self._log.info("letter", extra={**seen, "outcome": outcome})
        return True

    def _failed(self, letter: Letter | None, told: dict[str, object]) -> bool:
        self._put_off(letter, min(MAX_BACK_OFF, 2 ** min(letter.receive_count, 10)) if letter else 0)
        self._log.error("letter", extra=told)
        return False

    def _put_off(self, letter: Letter | None, seconds: int) -> None:
        if letter is not None:
            self._queues.hide(letter.queue_arn, letter.receipt_handle, seconds)
