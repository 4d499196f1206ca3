"""How full the queues are: SQS's own approximation, which costs one call for each queue."""

import asyncio
import json
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from s3io.errors import SDK_ERRORS

log = logging.getLogger(__name__)

_WAITING = "ApproximateNumberOfMessages"
_IN_FLIGHT = "ApproximateNumberOfMessagesNotVisible"
_DELAYED = "ApproximateNumberOfMessagesDelayed"
_REDRIVE = "RedrivePolicy"

type MakeClient = Callable[[], Any]
#: Says how many letters were taken from a dead-letter queue, by its name, and are kept; None: nobody knows.
type Kept = Callable[[str], int | None]


@dataclass(frozen=True, slots=True)
class Depth:
    """Messages that wait, and those that somebody has in hand."""

    waiting: int
    in_flight: int


class Queues:
    """Asks queues by their URLs. What goes wrong is logged once, and answered with None.

    Args:
        make_client: of SQS, called when it is first needed.
        kept: of dead letters.
        threads: that wait for SQS; None: those of the event loop.
    """

    def __init__(
        self, make_client: MakeClient, kept: Kept = lambda _: None, *, threads: Executor | None = None
    ) -> None:
        self._make_client = make_client
        self._kept = kept
        self._threads = threads
        self._faults: dict[str, str] = {}
        self._dead_letters: dict[str, str] = {}

    async def depth(self, url: str) -> Depth | None:
        """Return how full a queue is; None where nobody tells."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._depth, url)

    async def dead_letters(self, url: str) -> int | None:
        """Return how many dead letters of a queue there are; None where nobody tells.

        They are in its dead-letter queue for a moment only, until the notifier has taken them. The queue is
        asked once which one that is.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._count_dead, url)

    def _count_dead(self, url: str) -> int | None:
        behind = self._dead_letters.get(url) or self._behind(url)
        found = None if behind is None else self._depth(behind)
        if behind is None or found is None:
            return None
        return found.waiting + found.in_flight + (self._kept(behind.rpartition("/")[2]) or 0)

    def _depth(self, url: str) -> Depth | None:
        told = self._ask(url, [_WAITING, _IN_FLIGHT, _DELAYED])
        try:
            return (
                None
                if told is None
                else Depth(int(told[_WAITING]) + int(told.get(_DELAYED, 0)), int(told[_IN_FLIGHT]))
            )
        except (KeyError, ValueError, TypeError):  # of an answer that was cut off the SDK makes an empty one
            return None

    def _behind(self, url: str) -> str | None:
        told = self._ask(url, [_REDRIVE])
        try:
            arn = json.loads(told[_REDRIVE])["deadLetterTargetArn"] if told else None
            if arn is None:
                return None
            found: str = self._make_client().get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        except (KeyError, ValueError, TypeError, AttributeError):
            return None
        except SDK_ERRORS as exc:
            self._note(url, exc)
            return None
        self._dead_letters[url] = found
        return found

    def _ask(self, url: str, names: list[str]) -> dict[str, str] | None:
        try:
            answer = self._make_client().get_queue_attributes(QueueUrl=url, AttributeNames=names)
        except SDK_ERRORS as exc:
            self._note(url, exc)
            return None
        self._faults.pop(url, None)
        told: dict[str, str] = answer.get("Attributes", {})
        return told

    def _note(self, url: str, error: Exception) -> None:
        if self._faults.get(url) != str(error):
            self._faults[url] = str(error)
            log.warning("the queue %s does not tell how full it is: %s", url.rpartition("/")[2], error)
