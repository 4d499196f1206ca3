"""Dead letters that the notifier took from their queue and keeps in the payload bucket, for `redrive`."""

import logging
import threading
from collections.abc import Callable
from typing import Any

from s3io.errors import SDK_ERRORS

log = logging.getLogger(__name__)

FOLDER = "dead-letters"  # and below it one for each queue
EVERY = 15.0  # seconds from one count to the next
MOST = 1000  # that are counted, in one call; more of them are as bad


class Letters:
    """Counts them. Usable from any thread; what goes wrong is logged once.

    Args:
        make_client: of S3, called when it is first needed.
        bucket: the payload bucket.
        clock: seconds.
    """

    def __init__(self, make_client: Callable[[], Any], bucket: str, clock: Callable[[], float]) -> None:
        self._make_client = make_client
        self._bucket = bucket
        self._clock = clock
        self._lock = threading.Lock()
        self._counted: dict[str, tuple[float, int | None]] = {}
        self._fault: str | None = None

    def count(self, queue: str) -> int | None:
        """Return how many are kept of a dead-letter queue, by its name; None where nobody tells."""
        now = self._clock()
        with self._lock:
            at, number = self._counted.get(queue, (None, None))
        if at is None or not 0 <= now - at < EVERY:
            number = self._count(queue)
            with self._lock:
                self._counted[queue] = now, number
        return number

    def _count(self, queue: str) -> int | None:
        try:
            listed = self._make_client().list_objects_v2(
                Bucket=self._bucket, Prefix=f"{FOLDER}/{queue}/", MaxKeys=MOST
            )
            return len(listed.get("Contents", ()))
        except SDK_ERRORS as exc:
            if self._fault != str(exc):
                self._fault = str(exc)
                log.warning("dead letters that are kept cannot be counted: %s", exc)
            return None
