"""How KEDA and the HPA decide about the number of pods.

Restated from their sources, not taken from memory; docs/operate/scaling.md says it in words.

KEDA 2.20.2: pkg/scaling/executor/scale_scaledobjects.go (0 to 1 and back), pkg/scaling/scale_handler.go (the
loop), pkg/scalers/aws_sqs_queue_scaler.go (the metric), apis/keda/v1alpha1/scaledobject_types.go (the HPA's
bounds).
Kubernetes, as of 2026 (1.33 and later): pkg/controller/podautoscaler/replica_calculator.go (tolerances,
`GetExternalPerPodMetricReplicas`) and horizontal.go (`reconcileAutoscaler`, stabilization, limits of rate).
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

#: The HPA leaves the number of pods alone while the metric is as near as this to what they are meant for.
TOLERANCE = 0.1
#: Seconds between two looks of the HPA (`--horizontal-pod-autoscaler-sync-period`, which EKS leaves alone).
SYNC_SECONDS = 15.0

type Select = Literal["Max", "Min", "Disabled"]


@dataclass(frozen=True, slots=True)
class Policy:
    """So many pods, or so many percent of them, may come or go within a time."""

    type: Literal["Pods", "Percent"]
    value: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Direction:
    """`behavior.scaleUp` or `behavior.scaleDown` of an HPA."""

    window: float
    policies: tuple[Policy, ...]
    select: Select = "Max"


#: What Kubernetes fills in where an HPA says nothing of scaling up.
DEFAULT_UP = Direction(0.0, (Policy("Pods", 4, 15), Policy("Percent", 100, 15)))


@dataclass(frozen=True, slots=True)
class ScaledObject:
    """What the rules are told. Names and defaults are those of the chart's `runtime.scaling`."""

    queue_length: int = 10
    minimum: int = 0
    maximum: int = 20
    polling: float = 5.0
    cooldown: float = 60.0
    count_in_flight: bool = True
    down: Direction = Direction(900.0, (Policy("Percent", 50, 60),))
    up: Direction = DEFAULT_UP


@dataclass(frozen=True, slots=True)
class _Stamped:
    at: float
    value: int


class Keda:
    """KEDA's own part: from nothing to the first pods, and back to nothing."""

    def __init__(self, scaled: ScaledObject) -> None:
        self._scaled = scaled
        self._last_active: float | None = None

    def decide(self, now: float, replicas: int, messages: int) -> int:
        """Return the number of pods after a look at the queue, which has so many messages."""
        scaled = self._scaled
        if messages > 0:  # activationQueueLength: 0
            self._last_active = now
            return max(1, scaled.minimum) if replicas == 0 else replicas
        if replicas > 0 and scaled.minimum == 0:
            cooled = self._last_active is None or self._last_active + scaled.cooldown < now
            return 0 if cooled else replicas
        return max(replicas, scaled.minimum)


class Hpa:
    """The HPA that KEDA makes: all between its least and its most pods."""

    def __init__(self, scaled: ScaledObject) -> None:
        self._scaled = scaled
        self._minimum = max(1, scaled.minimum)
        self._advice: deque[_Stamped] | None = None
        self._added: list[_Stamped] = []
        self._removed: list[_Stamped] = []

    def decide(self, now: float, replicas: int, messages: int) -> int:
        """Return the number of pods after a look at the queue, which has so many messages."""
        if self._advice is None:
            self._advice = deque([_Stamped(now, replicas)])
        if replicas == 0:
            return 0  # "ScalingDisabled": waking up is KEDA's
        if replicas > self._scaled.maximum:
            wanted = self._scaled.maximum
        elif replicas < self._minimum:
            wanted = self._minimum
        else:
            wanted = self._limited(
                now, replicas, self._stable(now, replicas, self._proposed(replicas, messages))
            )
        if wanted != replicas:
            self._remember(now, wanted - replicas)
        return wanted

    def _proposed(self, replicas: int, messages: int) -> int:
        """Pods that the metric asks for; as many as there are where the difference is small."""
        ratio = messages / (self._scaled.queue_length * replicas)
        if 1.0 - TOLERANCE <= ratio <= 1.0 + TOLERANCE:
            return replicas
        return math.ceil(messages / self._scaled.queue_length)

    def _stable(self, now: float, replicas: int, proposed: int) -> int:
        """Go no further up than the least, and no further down than the most, of what was proposed lately."""
        advice = self._advice if self._advice is not None else deque()
        up_since, down_since = now - self._scaled.up.window, now - self._scaled.down.window
        least = min([proposed, *(one.value for one in advice if one.at > up_since)])
        most = max([proposed, *(one.value for one in advice if one.at > down_since)])
        while advice and advice[0].at < min(up_since, down_since):
            advice.popleft()
        advice.append(_Stamped(now, proposed))
        return min(max(replicas, least), most)

    def _limited(self, now: float, replicas: int, wanted: int) -> int:
        """Keep to the limits of rate, and to the least and the most."""
        if wanted > replicas:
            limit = max(self._limit(now, replicas, self._scaled.up, sign=1), replicas)
            return min(wanted, limit, self._scaled.maximum)
        if wanted < replicas:
            limit = min(self._limit(now, replicas, self._scaled.down, sign=-1), replicas)
            return max(wanted, limit, self._minimum)
        return wanted

    def _limit(self, now: float, replicas: int, direction: Direction, *, sign: int) -> int:
        if direction.select == "Disabled":
            return replicas
        limits = []
        for policy in direction.policies:
            since = now - policy.seconds
            before = replicas - _changed(self._added, since) + _changed(self._removed, since)
            if policy.type == "Pods":
                limits.append(before + sign * policy.value)
            else:
                share = before * (1 + sign * policy.value / 100)
                limits.append(math.ceil(share) if sign > 0 else math.trunc(share))
        furthest = (direction.select == "Max") == (sign > 0)
        return max(limits) if furthest else min(limits)

    def _remember(self, now: float, change: int) -> None:
        """Note a change as the HPA does: in place of the last one that its own direction has no use for."""
        up = change > 0
        direction = self._scaled.up if up else self._scaled.down
        events = self._added if up else self._removed
        longest = max((policy.seconds for policy in direction.policies), default=0.0)
        outdated = [place for place, one in enumerate(events) if one.at < now - longest]
        if outdated:
            events[outdated[-1]] = _Stamped(now, abs(change))
        else:
            events.append(_Stamped(now, abs(change)))


def _changed(events: Sequence[_Stamped], since: float) -> int:
    return sum(one.value for one in events if one.at > since)
