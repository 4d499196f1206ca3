"""What a running system has written down about itself, for other commands and for tests."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from local.errors import NotUpError
from local.home import Home
from local.lock import holder


class RuntimeState(BaseModel):
    """One runtime: what it is, where it answers, the queue in front of it, and its agent's health server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str
    url: str
    sketch: bool
    queue_url: str
    health_url: str


class State(BaseModel):
    """A system that is ready. `endpoint` ends in `/`; the API version is appended to it.

    `traces_url` is the trace store: OTLP over HTTP, reading API, page; None where there is none.
    `otlp_endpoint` is where agents and sketches send their spans, which may be elsewhere. `console_url` is
    the console's address with the token that opens it; None where there is none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pid: int
    started_at: int
    endpoint: str
    api_key: str
    region: str
    aws_url: str
    requests_topic: str
    notifications_topic: str
    output_bucket: str
    payload_bucket: str
    tasks_table: str
    unrouted_queue_url: str
    validator_function: str
    traces_url: str | None = None
    otlp_endpoint: str | None = None
    console_url: str | None = None
    runtimes: dict[str, RuntimeState]
    processes: dict[str, int]
    logs: Path

    def save(self, home: Home) -> None:
        """Write it, readable by the user alone (it has the API key), all or nothing."""
        draft = home.state_file.with_suffix(".tmp")
        draft.touch(mode=0o600)
        draft.write_text(self.model_dump_json(indent=2) + "\n")
        draft.replace(home.state_file)


def read_state(home: Home) -> State:
    """Return the state of the system that runs in a home.

    Raises:
        NotUpError: none runs, or it is not ready yet.
    """
    if holder(home) is None:
        raise NotUpError("the local system is not up; start it with: ./darkroom up")
    try:
        return State.model_validate_json(home.state_file.read_bytes())
    except (FileNotFoundError, ValidationError) as exc:
        raise NotUpError("the local system is starting or ending; try again in a moment") from exc
