"""Around the API: what is counted of a request, and what is said where nobody can say more."""

from collections.abc import Callable

from lambda_api.guard import Answer, Guard, Handler, Seen
from lambda_api.ports import Log, Meter
from task_store import TableUnavailableError
from telemetry.segments import Segments
from validator.errors import EndingError, UnavailableError
from validator.traced import span_name


def guarded(
    answer: Answer,
    *,
    log: Log,
    meter: Meter,
    segments: Segments,
    trace_header: Callable[[], str | None],
) -> Handler:
    """Return the Lambda handler: `answer` with a `Guard` around it, whose parts the others are."""
    guard = Guard(
        log=log,
        meter=meter,
        segments=segments,
        trace_header=trace_header,
        span_name=span_name,
        count=_count,
        unavailable=(UnavailableError, TableUnavailableError, EndingError),
        apology="the task was not accepted; send the same request again in a moment",
    )
    return guard.around(answer)


def _count(meter: Meter, seen: Seen) -> None:
    match seen.get("outcome"):
        case "accepted" | "republished":
            meter.count("Accepted", runtime=seen["runtime"])
        case "repeated":
            meter.count("Repeated", runtime=seen["runtime"])
        case "upload":
            meter.count("UploadsGranted")
        case "refused":
            # The first of its faults, which names the status too: so the sum is that of the requests.
            meter.count("Refused", code=seen["code"])
        case _:
            meter.count("Unavailable")
