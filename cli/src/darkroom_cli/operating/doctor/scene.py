"""All that `doctor` has seen of a deployment at one moment, as plain data: checks look at nothing else.

What is None was not looked at, or could not be: `blind` says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from task_schema import RuntimeSpec
from task_store import Task

type Json = dict[str, Any]


@dataclass(frozen=True)
class Blind:
    """What could not be looked at, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class ApiAnswer:
    """What the API answered to a harmless question; `status` is None where nothing came: `error` says why."""

    status: int | None
    error: str = ""


@dataclass(frozen=True)
class Function:
    """A Lambda function: Lambda's word for its state, and the concurrency that it is held to, if any."""

    name: str
    state: str = "Active"
    update: str = "Successful"
    reserved: int | None = None


@dataclass(frozen=True)
class Queue:
    """Numbers of a queue; `age` of its oldest message is in seconds, None where nobody measures it."""

    visible: int
    in_flight: int
    age: float | None = None


@dataclass(frozen=True)
class Subscription:
    """How a runtime's queue hangs on the topic: the values of `runtime` that its filter lets through."""

    runtimes: tuple[str, ...]
    confirmed: bool = True


@dataclass(frozen=True)
class Letters:
    """How many messages lie in a queue of what could not be delivered or dealt with."""

    kind: str  # dead-letters, undelivered, unrouted, webhook-dead-letters
    where: str
    count: int


@dataclass(frozen=True)
class Quota:
    """A quota of the account, in vCPUs."""

    name: str
    code: str
    value: float
    spot: bool


@dataclass(frozen=True)
class Agent:
    """One queue agent: whether it takes tasks, and its own reasons where it does not.

    `alive` is False where nothing answers; `runtime_answers` is None where that cannot be asked from here.
    """

    name: str
    alive: bool
    ready: bool
    reasons: tuple[str, ...] = ()
    runtime_answers: bool | None = None


@dataclass(frozen=True)
class Workload:
    """What Kubernetes has of one runtime, as its API tells it; None is "there is none"."""

    deployment: Json | None
    scaled_object: Json | None
    autoscaler: Json | None
    node_pool: Json | None
    node_class: Json | None
    pods: tuple[Json, ...] = ()
    claims: tuple[Json, ...] = ()
    nodes: tuple[Json, ...] = ()
    events: tuple[Json, ...] = ()


@dataclass(frozen=True)
class Platform:
    """Deployments of what scales: None is "there is none"."""

    keda: Json | None
    karpenter: Json | None


@dataclass(frozen=True)
class Lane:
    """One runtime, with its queue and what works on it."""

    spec: RuntimeSpec
    queue: Queue | None = None
    subscription: Subscription | None = None
    subscribed: bool | None = None
    workload: Workload | None = None
    agents: tuple[Agent, ...] = ()

    @property
    def name(self) -> str:
        """Its runtime's name."""
        return self.spec.name

    @property
    def waiting(self) -> bool:
        """Whether messages wait in its queue."""
        return self.queue is not None and self.queue.visible > 0

    @property
    def busy(self) -> bool:
        """Whether messages wait or are in hand."""
        return self.queue is not None and self.queue.visible + self.queue.in_flight > 0


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A deployment at one moment; `now` is in ms since the epoch."""

    now: int
    stack: str
    stack_status: str
    api: ApiAnswer
    lanes: tuple[Lane, ...]
    known: tuple[str, ...]
    asked: str | None = None
    task: Task | None = None
    functions: tuple[Function, ...] = ()
    letters: tuple[Letters, ...] = ()
    quotas: tuple[Quota, ...] = ()
    spot_role: bool | None = None
    platform: Platform | None = None
    blind: tuple[Blind, ...] = ()
    local: bool = False


@dataclass(frozen=True)
class Condition:
    """A condition of a Kubernetes object; `status` is True, False or Unknown, as text."""

    status: str = "Unknown"
    reason: str = ""
    message: str = ""

    @property
    def said(self) -> str:
        """Reason and message in one line."""
        return ": ".join(part for part in (self.reason, self.message) if part) or f"it is {self.status}"


def condition(thing: Mapping[str, Any] | None, kind: str) -> Condition | None:
    """Return a condition of an object, None where it has none of that kind."""
    for one in ((thing or {}).get("status") or {}).get("conditions") or ():
        if one.get("type") == kind:
            return Condition(one.get("status", "Unknown"), one.get("reason", ""), one.get("message", ""))
    return None


def name_of(thing: Mapping[str, Any]) -> str:
    """Return an object's name."""
    return str((thing.get("metadata") or {}).get("name", "?"))
