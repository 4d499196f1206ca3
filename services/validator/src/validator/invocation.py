"""Around the API: a span, a log line and a count for each request, and an answer whatever happens."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from task_schema import Fault, Refusal, RequestCode
from task_store import TableUnavailableError
from telemetry.context import read_xray_header
from telemetry.failures import cause_of, where
from telemetry.segments import Segments, Span
from validator.bodies import MEDIA_TYPE
from validator.errors import EndingError, UnavailableError
from validator.ports import Meter
from validator.traced import became, span_name

RETRY_AFTER = 2  # seconds

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

    Logged are ids, codes and outcomes; of exceptions their types and places. Their messages may quote the
    request, and the request is the user's.

    Args:
        answer: answers an event, in the span that it is given.
        log: gets a line for each request.
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
            except (UnavailableError, TableUnavailableError, EndingError) as exc:
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
    match seen.get("outcome"):
        case "accepted" | "republished":
            meter.count("Accepted", runtime=seen["runtime"])
        case "repeated":
            meter.count("Repeated", runtime=seen["runtime"])
        case "refused":
            # The first of its faults, which names the status too: so the sum is that of the requests.
            meter.count("Refused", code=seen["code"])
        case _:
            meter.count("Unavailable")
    meter.flush()


def _unavailable() -> dict[str, Any]:
    fault = Fault(
        code=RequestCode.UNAVAILABLE,
        message="the task was not accepted; send the same request again in a moment",
    )
    return {
        "statusCode": fault.code.http_status,
        "headers": {"Content-Type": MEDIA_TYPE, "Retry-After": str(RETRY_AFTER)},
        "body": Refusal(error=fault, errors=[fault]).model_dump_json(),
        "isBase64Encoded": False,
    }
