"""Around the API: what is counted of a request, and what is said where nobody can say more."""

from collections.abc import Callable

from lambda_api.guard import Answer, Guard, Handler, Seen
from lambda_api.ports import Log, Meter
from status.errors import UnavailableError
from status.traced import span_name
from task_store import TableUnavailableError
from telemetry.segments import Segments

# What is counted of each outcome.
_COUNTED = {
    "shown": "Shown",
    "unchanged": "Unchanged",
    "listed": "Listed",
    "cancelled": "Cancelled",
    "cancel_requested": "CancelRequested",
}


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
        unavailable=(UnavailableError, TableUnavailableError),
        apology="nobody knows just now; send the same request again in a moment",
    )
    return guard.around(answer)


def _count(meter: Meter, seen: Seen) -> None:
    outcome = seen.get("outcome")
    if outcome == "refused":
        meter.count("Refused", code=seen["code"])
    else:
        meter.count(_COUNTED.get(str(outcome), "Unavailable"))
