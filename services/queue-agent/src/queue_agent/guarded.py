"""An adapter, held to the errors of its port: what it raises besides is told, and becomes one of them.

Adapters come from other packages too (`queue_agent.runtimes`). Whatever one of them trips over, the agent
goes on, and the task in hand is treated as one whose inference was lost.
"""

import logging
from collections.abc import Mapping, Sequence

from queue_agent.errors import AgentError
from queue_agent.ports import Freed, InputLink, Job, Progress, Result, Runtime, unheard
from s3io.inputs import FetchedInput

log = logging.getLogger(__name__)


class AdapterError(AgentError):
    """An adapter raised what its port does not know."""


class GuardedRuntime:
    """A `Runtime` that raises nothing but `AgentError`; see the port for the rest.

    Args:
        runtime: the adapter.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @property
    def task_types(self) -> frozenset[str]:
        """The task types that it runs."""
        return self._runtime.task_types

    def links(self, job: Job) -> Sequence[InputLink]:
        """Find the links in a job's content; where it trips, the task is not one that it can run."""
        try:
            return self._runtime.links(job)
        except Exception as exc:
            raise _told("links", exc) from exc

    async def prepare(self, job: Job, inputs: Mapping[InputLink, FetchedInput]) -> Job:
        """Prepare a job."""
        try:
            return await self._runtime.prepare(job, inputs)
        except Exception as exc:
            raise _told("prepare", exc) from exc

    async def ready(self) -> bool:
        """Whether it could start a job now: not, where it cannot say."""
        try:
            return await self._runtime.ready()
        except Exception as exc:  # noqa: BLE001 - told; it is asked again in a moment
            _told("ready", exc)
            return False

    def has_loaded(self, job: Job) -> bool:
        """Whether the job could start without switching the model: perhaps, where it cannot say."""
        try:
            return self._runtime.has_loaded(job)
        except Exception as exc:  # noqa: BLE001 - told; the job keeps its place in the queue
            _told("has_loaded", exc)
            return True

    async def run(self, job: Job, progress: Progress, freed: Freed = unheard) -> Result:
        """Run a prepared job."""
        try:
            return await self._runtime.run(job, progress, freed)
        except Exception as exc:
            raise _told("run", exc) from exc

    async def interrupt(self, job: Job) -> bool:
        """Stop a job; False where it was not seen to stop."""
        try:
            return await self._runtime.interrupt(job)
        except Exception as exc:  # noqa: BLE001 - told; why the job had to stop stands, whether it listens or not
            _told("interrupt", exc)
            return False

    async def aclose(self) -> None:
        """Close connections."""
        await self._runtime.aclose()


def _told(what: str, exc: Exception) -> AgentError:
    """Return an error of the port's as it is; tell of any other, and return one that only names its type."""
    if isinstance(exc, AgentError):
        return exc
    log.error("the adapter was tripped up", extra={"action": "internal_error", "call": what}, exc_info=exc)
    return AdapterError(f"internal error ({type(exc).__name__})")
