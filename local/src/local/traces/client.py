"""Asks a running trace store, for commands and tests."""

import time
from collections.abc import Callable, Mapping
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from local.traces.errors import UnreachableError
from local.traces.models import Summary, TraceList, TraceView

TIMEOUT = 10.0  # seconds for one answer
POLL_INTERVAL = 0.3  # seconds
# Agents and runtimes each send what they have once a second: what nothing else names may be on its way.
SETTLED_MS = 2_500
FRESH_MS = 15_000  # a task that was taken from its queue, and of which nothing came for so long, has ended


class TraceClient:
    """The reading API of the store at `url`.

    Args:
        url: such as `http://127.0.0.1:4318`, where it also has its page.
        transport: of httpx; tests give one that reaches an application without a network.
    """

    def __init__(self, url: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url.rstrip("/")
        self._transport = transport

    def page(self, trace_id: str) -> str:
        """Return the address of the page that shows a trace."""
        return f"{self.url}/traces/{quote(trace_id, safe='')}"

    def trace(self, trace_or_task: str) -> TraceView | None:
        """Return a trace by its own id or its task's; None where there is none.

        Raises:
            UnreachableError: no answer, or none of a trace store.
        """
        answer = self._get(f"/api/traces/{quote(trace_or_task, safe='')}", {})
        return None if answer is None else _read(TraceView, answer)

    def traces(
        self, *, limit: int = 20, runtime: str | None = None, error: bool = False, task: str | None = None
    ) -> list[Summary]:
        """Return the newest traces, newest first; of a runtime, with errors, or of a task.

        Raises:
            UnreachableError: no answer, or none of a trace store.
        """
        query = {"limit": str(limit), "runtime": runtime or "", "task": task or ""}
        answer = self._get("/api/traces", query | ({"error": "true"} if error else {}))
        return [] if answer is None else _read(TraceList, answer).traces

    def wait(
        self,
        trace_or_task: str,
        *,
        timeout: float,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> TraceView | None:
        """Return a trace once it is complete and settled, or as it is after `timeout` seconds.

        It is settled some seconds after its end: senders gather spans. One that lacks something is waited for
        no longer once it is old, unless its task may be under way: a span comes when it has ended.

        Raises:
            UnreachableError: no answer, or none of a trace store.
        """
        deadline = now() + timeout
        while True:
            found = self.trace(trace_or_task)
            if now() >= deadline or (found is not None and _is_over(found, now() * 1000)):
                return found
            sleep(POLL_INTERVAL)

    def _get(self, path: str, query: Mapping[str, str]) -> bytes | None:
        try:
            with httpx.Client(trust_env=False, timeout=TIMEOUT, transport=self._transport) as http:
                answer = http.get(f"{self.url}{path}", params=query)
        except httpx.HTTPError as exc:
            raise UnreachableError(f"the trace store at {self.url} does not answer: {exc}") from exc
        if answer.status_code == 404:
            return None
        if not answer.is_success:
            raise UnreachableError(f"the trace store at {self.url} answered {answer.status_code}")
        return answer.content


def _is_over(trace: TraceView, now: float) -> bool:
    age = now - trace.ended_at
    if trace.complete:
        return age > SETTLED_MS
    return age > FRESH_MS and any(span.kind == "consumer" for span in trace.spans)


def _read[Answer: BaseModel](model: type[Answer], content: bytes) -> Answer:
    try:
        return model.model_validate_json(content)
    except ValidationError as exc:
        raise UnreachableError("what answers is not a trace store of this version") from exc
