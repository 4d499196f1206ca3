"""What the local system's agents and runtimes tell: in place of Kubernetes, each has a port here."""

import httpx

from darkroom_cli.operating.doctor.cluster_source import reasons_in
from darkroom_cli.operating.doctor.scene import Agent
from local.state import RuntimeState, State

TIMEOUT = 3.0  # seconds


class LocalSource:
    """Asks the processes of a system that is up."""

    def __init__(self, state: State) -> None:
        self._state = state

    def agents(self, runtime: str) -> tuple[Agent, ...]:
        """Return the agent of a runtime, none where it has none."""
        found = self._state.runtimes.get(runtime)
        return (_agent(runtime, found),) if found is not None else ()


def _agent(name: str, runtime: RuntimeState) -> Agent:
    answers = _answer(runtime.url) is not None
    ready = _answer(f"{runtime.health_url.rstrip('/')}/readyz")
    if ready is None:
        return Agent(f"agent-{name}", alive=False, ready=False, runtime_answers=answers)
    return Agent(
        f"agent-{name}",
        alive=True,
        ready=ready.is_success,
        reasons=reasons_in(ready.text),
        runtime_answers=answers,
    )


def _answer(url: str) -> httpx.Response | None:
    try:
        return httpx.get(url, timeout=TIMEOUT, trust_env=False)
    except httpx.RequestError:
        return None
