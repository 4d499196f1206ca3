"""How long and how much of everything the agent allows."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Times in seconds, sizes in bytes, and numbers of things.

    Attributes:
        visibility: for which a message is hidden after each beat; also the length of a lease.
        beat: between two beats.
        receive_wait: of a long poll.
        receive_leftover: how long a long poll may still bring something after the stop: a message that it
            brought later would stay hidden for nothing. Longer than the poll, which ends by then.
        inference: longest run of a task type that `inference_by_type` does not name.
        inference_by_type: longest run by task type.
        shutdown_grace: from SIGTERM to SIGKILL.
        max_attempts: inferences that may be lost to infrastructure.
        trouble_pause: first pause after trouble that is not a task's own; it doubles while that goes on.
        guess: in which a run of a kind that has never run before may end: the next message is received all
            the same so long, and held for twice that.
        prefetch: messages that may be in hand besides those whose tasks run or ran.
        slow_preparing: after which a message whose inputs are still on their way holds up no other.
        hold: for which a message waits for the GPU where no end of the running task is in sight.
        deliveries: results that may wait to be stored before the GPU has to wait.
        delivery_bytes: what these may hold together.
        tail: after the runtime was free again until its whole answer is there.
        in_hand: messages at most, whatever they wait for.
    """

    visibility: int = 60
    beat: float = 20
    receive_wait: int = 1
    receive_leftover: float = 1.3
    inference: float = 900
    inference_by_type: Mapping[str, float] = field(default_factory=dict)
    shutdown_grace: float = 25
    max_attempts: int = 3
    trouble_pause: float = 2
    guess: float = 1
    prefetch: int = 1
    slow_preparing: float = 2
    hold: float = 20
    deliveries: int = 4
    delivery_bytes: int = 64 * 1024 * 1024
    tail: float = 120
    in_hand: int = 32

    def inference_of(self, tasktype: str) -> float:
        """Return the longest run of a task type."""
        return self.inference_by_type.get(tasktype, self.inference)
