"""Around an API: a span, a log line and a count for each request, and an answer whatever happens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lambda_api.events import MEDIA_TYPE
from lambda_api.ports import Log, Meter
from task_schema import Fault, Refusal, RequestCode
from telemetry import names
from telemetry.context import read_xray_header
from telemetry.failures import cause_of, where
from telemetry.segments import Segments, Span, Value

RETRY_AFTER = 2  # seconds

type Seen = Mapping[str, Any]
type Answer = Callable[[Mapping[str, Any], Any, dict[str, Any], Span], dict[str, Any]]
type Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Makes the Lambda handler of what answers events: exceptions become 503, with a line in the log.

    Logged are ids, codes and outcomes; of exceptions their types and places. Their messages may quote the
    request, and the request is the user's.

    Attributes:
        log: gets a line for each request.
        meter: counts.
        segments: makes the span of each request.
        trace_header: returns Lambda's X-Ray header of the request at hand.
        span_name: returns the name of an event's span, and what is known of it before it is read.
        count: counts a request by what was seen of it; `outcome` among that is `unavailable` or `failed`
            where there was no answer.
        unavailable: exceptions that say that a service gave no answer, unlike those that nobody expects.
        apology: message of the answer to both.
    """

    log: Log
    meter: Meter
    segments: Segments
    trace_header: Callable[[], str | None]
    span_name: Callable[[Any], tuple[str, dict[str, Value]]]
    count: Callable[[Meter, Seen], None]
    unavailable: tuple[type[Exception], ...]
    apology: str

    def around(self, answer: Answer) -> Handler:
        """Return the handler.

        Args:
            answer: answers an event, in the span that it is given, and notes what was seen of it.
        """

        def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
            seen: dict[str, Any] = {"request_id": getattr(context, "aws_request_id", None)}
            write = self.log.info
            name, known = self.span_name(event)
            parent = read_xray_header(self.trace_header())
            with self.segments.span(name, parent, kind="server", attributes=known) as span:
                try:
                    answered = answer(event, context, seen, span)
                except self.unavailable as exc:
                    write, answered = self.log.error, self._unavailable()
                    seen.update(outcome="unavailable", **cause_of(exc))
                except Exception as exc:  # noqa: BLE001 - the last door before API Gateway's own 502
                    write, answered = self.log.error, self._unavailable()
                    seen.update(outcome="failed", **cause_of(exc), where=where(exc))
                status = answered["statusCode"]
                span.update(_became(seen, status))
                if status >= 400:
                    span.fail(seen.get("error") or seen.get("code", "refused"), fault=status >= 500)
            write("request", extra={**span.log_fields, **seen, "status": status})
            self.count(self.meter, seen)
            self.meter.flush()
            return answered

        return handle

    def _unavailable(self) -> dict[str, Any]:
        fault = Fault(code=RequestCode.UNAVAILABLE, message=self.apology)
        return {
            "statusCode": fault.code.http_status,
            "headers": {"Content-Type": MEDIA_TYPE, "Retry-After": str(RETRY_AFTER)},
            "body": Refusal(error=fault, errors=[fault]).model_dump_json(),
            "isBase64Encoded": False,
        }


def _became(seen: Seen, status: int) -> dict[str, Value]:
    """Return what became of a request, from what was noted for its log line."""
    codes = seen.get("codes") or ()
    return {
        names.HTTP_STATUS: status,
        names.SUBMISSION: seen.get("submission"),
        names.OUTCOME: seen.get("outcome"),
        names.CODE: codes if len(codes) > 1 else seen.get("code"),
    }
