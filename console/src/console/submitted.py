"""The requests that this console sent, so that a task's parameters are known before it has ended."""

import json
from collections import OrderedDict
from dataclasses import dataclass

from console.models import TaskRequest

MOST = 1000
MOST_BYTES = 32 * 1024 * 1024  # of JSON text; inline pictures make requests large


@dataclass
class _Sent:
    request: TaskRequest
    size: int
    before: str | None
    submission: str | None = None


class Submitted:
    """Remembers the last requests by the ids of their tasks.

    The API's answer to a request does not tell the submission: it is the first one that is seen under the id
    (`seen`), unless that is the one that was there before. So a task of somebody else's that takes the same
    id later is not shown with our request.
    """

    def __init__(self, *, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._sent: OrderedDict[str, _Sent] = OrderedDict()

    def keep(self, task_id: str, request: TaskRequest, *, before: str | None = None) -> None:
        """Remember a request that the API took; `before` is the submission known under its id until then."""
        kept = self._sent.get(task_id)
        if kept is not None and kept.request == request and (before is None or kept.submission != before):
            self._sent.move_to_end(task_id)
            return
        size = len(json.dumps(request))
        self._forget(task_id)
        if size > self._most_bytes:
            return
        self._sent[task_id] = _Sent(request, size, before)
        self._bytes += size
        while len(self._sent) > self._most or self._bytes > self._most_bytes:
            self._forget(next(iter(self._sent)))

    def seen(self, task_id: str, submission: str) -> None:
        """Say that a task was seen."""
        kept = self._sent.get(task_id)
        if kept is not None and kept.submission is None and submission != kept.before:
            kept.submission = submission

    def request(self, task_id: str, submission: str) -> TaskRequest | None:
        """Return the request of a task; None where it was not this console's, or is forgotten."""
        self.seen(task_id, submission)
        kept = self._sent.get(task_id)
        return kept.request if kept is not None and kept.submission == submission else None

    def _forget(self, task_id: str) -> None:
        kept = self._sent.pop(task_id, None)
        if kept is not None:
            self._bytes -= kept.size
