"""The admin routes that both sketches have: `/_sketch/faults`, `stats`, `runs`, `restart`."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from local.sketch.errors import BadFaultError
from local.sketch.faults import FaultPlan
from local.sketch.stats import Stats

PREFIX = "/_sketch/"

TOLD: dict[str, Callable[[FaultPlan, Stats], Any]] = {
    "faults": lambda faults, _: {"planned": faults.pending()},
    "stats": lambda _, stats: stats.as_json(),
    "runs": lambda _, stats: [asdict(run) for run in stats.runs],
}


@dataclass(frozen=True, slots=True)
class AdminAnswer:
    """Status and JSON body; `restart` asks the server to simulate a restart now."""

    status: int
    body: bytes
    restart: bool = False


def answer_admin(method: str, path: str, body: bytes, faults: FaultPlan, stats: Stats) -> AdminAnswer:
    """Answer an admin request.

    `POST /_sketch/faults` takes one fault or a list of them (`local.sketch.faults`), GET lists and DELETE
    forgets the planned ones. `GET /_sketch/stats` tells what happened, `GET /_sketch/runs` when
    to the nanosecond (`RunTimes`). `POST /_sketch/restart` loses all that
    is in memory.
    """
    match method, path.removeprefix(PREFIX):
        case "POST", "faults":
            return _plan(body, faults)
        case "DELETE", "faults":
            faults.clear()
            return _json(200, {"planned": []})
        case "GET", what if what in TOLD:
            return _json(200, TOLD[what](faults, stats))
        case "POST", "restart":
            return AdminAnswer(200, b"{}", restart=True)
        case _:
            return _json(404, {"detail": "Not Found"})


def _plan(body: bytes, faults: FaultPlan) -> AdminAnswer:
    try:
        said = json.loads(body)
        faults.add(*(said if isinstance(said, list) else [said]))
    except (ValueError, TypeError, AttributeError, BadFaultError) as error:
        return _json(400, {"detail": str(error)})
    return _json(200, {"planned": faults.pending()})


def _json(status: int, value: Any) -> AdminAnswer:
    return AdminAnswer(status, json.dumps(value).encode())
