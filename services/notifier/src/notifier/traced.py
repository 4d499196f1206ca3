"""The spans of the notifier (DESIGN 6): ids and codes, nothing of what a user wrote."""

from collections.abc import Callable
from urllib.parse import urlsplit

from notifier.letters import Letter
from task_store import Task
from telemetry import names
from telemetry.context import read_xray_header
from telemetry.segments import Segments, Span, Value

SERVER_ADDRESS = "server.address"  # the semantic conventions' name of a host
STATUS_CLASS = "darkroom.status.class"  # 2xx, 4xx and so on

_THEIR_FAULTS = ("none", "5xx")  # of a receiver; all else is asked for wrongly

_PUBLISH = {
    names.MESSAGING_SYSTEM: names.SNS,
    names.MESSAGING_OPERATION: "publish",
    names.MESSAGING_OPERATION_TYPE: "send",
    names.MESSAGING_DESTINATION: "notifications",
}


class Tracing:
    """Makes a span for each letter and each swept task, in the trace of its request.

    Args:
        segments: makes and sends spans.
        trace_header: returns Lambda's X-Ray header of the invocation at hand. A task whose request left no
            trace starts one, if that invocation is sampled: so one rule decides for all.
    """

    def __init__(self, segments: Segments, trace_header: Callable[[], str | None]) -> None:
        self._segments = segments
        self._trace_header = trace_header

    def letter(self, letter: Letter, kind: str) -> Span:
        """Return the span for a letter of a kind; its parent is the one that published it."""
        name = f"process {kind}"
        attributes: dict[str, Value] = {
            names.MESSAGING_SYSTEM: names.SQS,
            names.MESSAGING_OPERATION: "process",
            names.MESSAGING_OPERATION_TYPE: "process",
            names.MESSAGING_DESTINATION: letter.queue,
            names.MESSAGING_MESSAGE_ID: letter.message_id,
            names.MESSAGING_BODY_SIZE: len(letter.body.encode(errors="replace")),
            names.RUNTIME: letter.runtime,
        }
        if letter.context is not None:
            return self._segments.span(name, letter.context, kind="consumer", attributes=attributes)
        return self._segments.root(name, kind="consumer", attributes=attributes, sampled=self._sampled())

    def swept(self, task: Task) -> Span:
        """Return the span for a task that the sweeper ends or tells.

        A row names its trace, and no span in it: this one is in the trace, with no parent.
        """
        sampled = task.trace_id is not None or self._sampled()
        attributes = of_task(task)
        return self._segments.root("sweep", attributes=attributes, sampled=sampled, trace_id=task.trace_id)

    def _sampled(self) -> bool:
        invocation = read_xray_header(self._trace_header())
        return invocation is None or invocation.sampled


def publishing(span: Span) -> Span:
    """Return the span for publishing a notification; `traceparent_of` it goes with the notification."""
    return span.child("publish notifications", kind="producer", attributes=_PUBLISH)


def delivering(span: Span, url: str, number: int) -> Span:
    """Return the span for one try at a webhook; of the URL it has the host alone.

    Args:
        span: of the message.
        url: of the receiver; path and query may be secrets.
        number: of the try, from 1.
    """
    attributes: dict[str, Value] = {
        names.HTTP_METHOD: "POST",
        names.ATTEMPT: number,
        SERVER_ADDRESS: _host(url),
    }
    return span.child("deliver webhook", kind="client", attributes=attributes)


def answered(attempt: Span, status: int | None, *, kind: str, error: str | None, good: bool) -> None:
    """Say in the span of a try what came of it.

    Args:
        attempt: the span.
        status: that the receiver answered, None where it did not.
        kind: class of the status, or a word for why there is none.
        error: the type of what went wrong where there was no answer.
        good: nothing went wrong.
    """
    attempt.update({names.HTTP_STATUS: status, STATUS_CLASS: kind})
    if not good:
        attempt.fail(error or str(status), fault=kind in _THEIR_FAULTS)


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def traceparent_of(span: Span) -> str | None:
    """Return what a message takes along."""
    return None if span.context is None else span.context.traceparent


def of_task(task: Task) -> dict[str, Value]:
    """Return what a span says of a task."""
    return {
        names.TASK_ID: task.id,
        names.SUBMISSION: task.submission,
        names.RUNTIME: task.runtime,
        names.TASK_TYPE: task.tasktype,
        names.ATTEMPT: task.attempts,
    }
