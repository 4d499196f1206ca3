"""The calls of SD Web UI's HTTP API that the adapter makes (`/sdapi/v1`)."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from queue_agent.errors import RuntimeLostError, RuntimeRefusedStartError
from queue_agent.runtime_http import RuntimeHttp, after_start, before_start
from queue_agent.runtime_lane import Answering, Lane
from queue_agent.sdwebui_faults import fault_of

ROOT = "/sdapi/v1"


class Asks(Protocol):
    """What the parts of the adapter need of the API: questions with a JSON answer."""

    async def ask(self, path: str) -> Any:
        """Ask; see `SdWebUiApi.ask`."""
        ...


@dataclass(frozen=True, slots=True)
class State:
    """What `/progress` says. It is the whole process's state, not that of one request."""

    progress: float
    jobs: int
    interrupted: bool

    @property
    def idle(self) -> bool:
        """Whether nothing runs: `progress` is 0 then, and also while a model loads."""
        return self.jobs == 0


class SdWebUiApi:
    """Questions, settings and runs of one SD Web UI."""

    def __init__(self, http: RuntimeHttp, lane: Lane) -> None:
        self._http = http
        self._lane = lane

    async def ask(self, path: str) -> Any:
        """GET a JSON answer.

        Raises:
            RuntimeRefusedStartError: not reachable, or anything but 200: no run has begun.
        """
        try:
            reply = await self._http.get(ROOT + path)
        except httpx.RequestError as exc:
            raise before_start(exc) from exc
        if reply.status != 200:
            raise RuntimeRefusedStartError(f"the runtime answered {reply.status} to GET {path}")
        try:
            return await reply.json()
        except RuntimeLostError as exc:
            raise RuntimeRefusedStartError(str(exc)) from exc

    async def options(self) -> dict[str, Any]:
        """Return all settings with their present values."""
        options = await self.ask("/options")
        if not isinstance(options, dict):
            raise RuntimeRefusedStartError("the runtime's settings are not an object")
        return options

    async def set_options(self, values: Mapping[str, Any], *, timeout: float) -> None:
        """Change settings for all requests to come; a checkpoint is loaded before it answers.

        Raises:
            TaskFailedError: there is no such checkpoint.
            RuntimeLostError: it broke over it.
            RuntimeRefusedStartError: not reachable.
        """
        try:
            reply = await self._http.post(ROOT + "/options", dict(values), timeout=timeout)
        except httpx.RequestError as exc:
            raise after_start(exc) from exc
        if reply.status != 200:
            raise fault_of(reply.status, await reply.said(), options=values)

    async def refresh_checkpoints(self, *, timeout: float) -> None:
        """Make it look again which checkpoints there are."""
        try:
            await self._http.post(ROOT + "/refresh-checkpoints", timeout=timeout)
        except httpx.RequestError as exc:
            raise before_start(exc) from exc

    async def state(self) -> State:
        """Return how far it is. Raises RuntimeRefusedStartError."""
        said = await self.ask("/progress?skip_current_image=true")
        state = said.get("state") if isinstance(said, dict) else None
        if not isinstance(state, dict):
            raise RuntimeRefusedStartError("the runtime's progress is not what was expected")
        progress, jobs = said.get("progress"), state.get("job_count")
        return State(
            progress=float(progress) if isinstance(progress, int | float) else 0.0,
            jobs=jobs if isinstance(jobs, int) else 0,
            interrupted=bool(state.get("interrupted")),
        )

    async def interrupt(self) -> None:
        """Ask it to stop what it runs. Raises `httpx.RequestError`."""
        await self._http.post(ROOT + "/interrupt")

    def start(self, path: str, body: bytes, *, timeout: float) -> AbstractAsyncContextManager[Answering]:
        """POST a run and wait for its answer's head, which comes with its end; never sent twice.

        Raises:
            RuntimeRefusedStartError: it never got the request.
            RuntimeLostError: the answer did not come.
        """
        return self._lane.posting(ROOT + path, body, timeout=timeout)
