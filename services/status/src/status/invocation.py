"""Around the API: a span, a log line and a count for each request, and an answer whatever happens."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from status.errors import UnavailableError
from status.ports import Meter
from status.traced import became, span_name
from task_schema import Fault, Refusal, RequestCode
from task_store import TableUnavailableError
from telemetry.context import read_xray_header
from telemetry.failures import cause_of, where
from telemetry.segments import Segments, Span

RETRY_AFTER = 2  # seconds

# What is counted of each outcome.
_COUNTED = {
    "shown": "Shown",
    "unchanged": "Unchanged",
    "listed": "Listed",
    "cancelled": "Cancelled",
    "cancel_requested": "CancelRequested",
}

type Answer = Callable[[Mapping[str, Any], Any, dict[str, Any], Span], dict[str, Any]]


class Log(Protocol):
    """A structured logger: a constant message with fields."""

    def info(self, msg: object, /, *, extra: Mapping[str, object]) -> None:
        """Write a line of the usual kind."""

    def error(self, msg: object, /, *, extra: Mapping[str, object]) -> None:
        """Write a line that somebody should look at."""


def guarded(
    answer: Answer,
    *,
    log: Log,
    meter: Meter,
    segments: Segments,
    trace_header: Callable[[], str | None],
) -> Callable[[Mapping[str, Any], Any], dict[str, Any]]:
    """Return the Lambda handler: `answer`, whose exceptions become 503, with a line in the log.

    Args:
        answer: answers an event, in the span that it is given.
        log: gets a line for each request: ids, codes and outcomes; of exceptions types and places.
        meter: gets a count for each request.
        segments: makes the span of each request.
        trace_header: returns Lambda's X-Ray header of the request at hand.
    """

    def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        seen: dict[str, Any] = {"request_id": getattr(context, "aws_request_id", None)}
        write = log.info
        name, known = span_name(event)
        parent = read_xray_header(trace_header())
        with segments.span(name, parent, kind="server", attributes=known) as span:
            try:
                answered = answer(event, context, seen, span)
            except (UnavailableError, TableUnavailableError) as exc:
                write, answered = log.error, _unavailable()
                seen.update(outcome="unavailable", **cause_of(exc))
            except Exception as exc:  # noqa: BLE001 - the last door before API Gateway's own 502
                write, answered = log.error, _unavailable()
                seen.update(outcome="failed", **cause_of(exc), where=where(exc))
            status = answered["statusCode"]
            span.update(became(seen, status))
            if status >= 400:
                span.fail(seen.get("error") or seen.get("code", "refused"), fault=status >= 500)
        write("request", extra={**span.log_fields, **seen, "status": status})
        _count(meter, seen)
        return answered

    return handle


def _count(meter: Meter, seen: Mapping[str, Any]) -> None:
    outcome = seen.get("outcome")
    if outcome == "refused":
        meter.count("Refused", code=seen["code"])
    else:
        meter.count(_COUNTED.get(str(outcome), "Unavailable"))
    meter.flush()


def _unavailable() -> dict[str, Any]:
    message = "nobody knows just now; send the same request again in a moment"
    fault = Fault(code=RequestCode.UNAVAILABLE, message=message)
    return {
        "statusCode": fault.code.http_status,
        "headers": {"Content-Type": "application/json", "Retry-After": str(RETRY_AFTER)},
        "body": Refusal(error=fault, errors=[fault]).model_dump_json(),
        "isBase64Encoded": False,
    }
