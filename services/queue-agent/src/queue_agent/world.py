"""What the agent's parts share: the ports, and what is made of them once."""

from dataclasses import dataclass

from queue_agent.aws import Persistence
from queue_agent.ending import Ending
from queue_agent.intake import Intake
from queue_agent.limits import Limits
from queue_agent.metrics import Metrics
from queue_agent.ports import Fetcher, Outputs, Queue, Runtime
from queue_agent.tasks import Tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the worker and the attempts work with.

    Attributes:
        queue: of the runtime.
        runtime: the adapter.
        tasks: the table.
        intake: decides what a message is worth.
        outputs: where files go.
        ending: commits and tells.
        fetcher: of inputs.
        limits: times, sizes and numbers.
        metrics: told what happens.
        persistently: repeats AWS calls while the GPU has made nothing yet.
        stubbornly: repeats those that what the GPU has made depends on, for minutes.
        trace_prompts: whether prompts may stand in spans.
    """

    queue: Queue
    runtime: Runtime
    tasks: Tasks
    intake: Intake
    outputs: Outputs
    ending: Ending
    fetcher: Fetcher
    limits: Limits
    metrics: Metrics
    persistently: Persistence
    stubbornly: Persistence
    trace_prompts: bool = False
