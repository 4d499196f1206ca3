"""The simulation itself: events in the order of their times, and the queue in between."""

from collections.abc import Callable
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from planning.simulation.arrivals import Arrivals
from planning.simulation.fleet import Fleet, Node, Pod, lognormal
from planning.simulation.queue import Queue
from planning.simulation.result import Result, Sample
from planning.simulation.rules import SYNC_SECONDS, Hpa, Keda
from planning.simulation.settings import Service, Settings

#: Points of the series that are kept within the horizon.
SAMPLES = 720
#: Points are no nearer to each other than so many seconds: what one moment brings can take long to work off.
CLOSEST = 1.0

type Action = Callable[[], None]


def simulate(arrivals: Arrivals, settings: Settings) -> Result:
    """Let tasks arrive, and KEDA and the HPA scale the pods that work on them.

    It ends when the horizon is over, all tasks are done and what was started for them is gone again.
    """
    generator = np.random.default_rng([settings.seed, 1])
    return _Run(arrivals, settings, generator).run()


def service_times(service: Service, count: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw how long each task keeps its pod."""
    mean = service.seconds / service.gpu_busy
    if service.spread == "exponential":
        return generator.exponential(mean, count)
    if service.spread == "constant" or service.variation == 0:
        return np.full(count, mean)
    return lognormal(generator, mean, service.variation, count)


class _Run:
    def __init__(self, arrivals: Arrivals, settings: Settings, generator: np.random.Generator) -> None:
        self._settings = settings
        self._arrivals = arrivals
        services = service_times(settings.service, len(arrivals.times), generator)
        self._queue = Queue(arrivals.times, services)
        self._fleet = Fleet(settings.machines, generator)
        self._keda, self._hpa = Keda(settings.scaling), Hpa(settings.scaling)
        self._offset = float(generator.random()) * SYNC_SECONDS
        self._events: list[tuple[float, int, Action]] = []
        self._made = 0
        self._now = 0.0
        self._replicas = 0
        self._samples: list[Sample] = []
        self._interruptions = 0
        self._given_back = 0
        self._longest_queue = 0
        self._peak = (0, 0.0)

    def run(self) -> Result:
        settings = self._settings
        self._prepare(settings.scaling.minimum if settings.prepared is None else settings.prepared)
        self._at(0.0, self._poll)
        self._at(self._offset, self._sync)
        self._at(0.0, self._sample)
        while not self._over():
            at, _, action = heappop(self._events)
            self._queue.serve(at)
            self._now = at
            action()
        self._note()
        return self._result()

    def _over(self) -> bool:
        if self._now < self._settings.horizon:
            return False
        if self._now >= self._settings.horizon + self._settings.patience:
            return True
        fleet, queue = self._fleet, self._queue
        at_rest = self._replicas == self._settings.scaling.minimum == fleet.nodes == len(fleet.pods)
        done = queue.next == len(queue.arrivals) and not queue.returned and queue.in_flight(self._now) == 0
        return done and at_rest

    def _at(self, time: float, action: Action) -> None:
        self._made += 1
        heappush(self._events, (time, self._made, action))

    # What comes again and again.

    def _poll(self) -> None:
        self._scale(self._keda.decide(self._now, self._replicas, self._messages()))
        self._at(self._now + self._settings.scaling.polling, self._poll)

    def _sync(self) -> None:
        self._scale(self._hpa.decide(self._now, self._replicas, self._messages()))
        self._at(self._now + SYNC_SECONDS, self._sync)

    def _sample(self) -> None:
        self._note()
        self._at(self._now + max(CLOSEST, self._settings.horizon / SAMPLES), self._sample)

    def _note(self) -> None:
        fleet, queue = self._fleet, self._queue
        self._samples.append(
            Sample(
                at=self._now,
                waiting=max(self._peak[0], queue.waiting(self._now)),
                age=max(self._peak[1], queue.age(self._now)),
                wanted=self._replicas,
                ready=fleet.ready,
                nodes=fleet.nodes,
                dollars=fleet.count(self._now) / 3600 * self._settings.machines.price,
            )
        )
        self._peak = (0, 0.0)

    def _messages(self) -> int:
        waiting = self._queue.waiting(self._now)
        self._longest_queue = max(self._longest_queue, waiting)
        self._peak = max(self._peak[0], waiting), max(self._peak[1], self._queue.age(self._now))
        return waiting + (self._queue.in_flight(self._now) if self._settings.scaling.count_in_flight else 0)

    # Pods come and go.

    def _prepare(self, count: int) -> None:
        self._replicas = count
        for _ in range(count):
            pod = self._fleet.new_pod()
            self._watch(self._fleet.place_ready(pod))
            self._queue.join(pod.id, 0.0)

    def _scale(self, replicas: int) -> None:
        if replicas == self._replicas:
            return
        self._replicas = replicas
        missing = replicas - len(self._fleet.pods)
        for _ in range(missing):
            self._start()
        for pod in self._fleet.chosen_to_go(-missing) if missing < 0 else []:
            self._stop(pod)

    def _start(self) -> None:
        self._settle(self._fleet.new_pod())

    def _settle(self, pod: Pod) -> None:
        started = self._fleet.started_nodes
        placed = self._fleet.place(pod, self._now)
        if placed is None:
            return
        node, ready = placed
        if self._fleet.started_nodes > started:
            self._watch(node)
        self._at(ready, lambda: self._ready(pod))

    def _ready(self, pod: Pod) -> None:
        if not pod.leaving:
            pod.ready = self._now
            self._queue.join(pod.id, self._now)

    def _stop(self, pod: Pod) -> None:
        """End a pod as SIGTERM does: what runs is finished within the grace period, or given back."""
        del self._fleet.pods[pod.id]
        pod.leaving = True
        if pod.node is None:
            self._fleet.unplaced.remove(pod)
            return
        ended, task = self._now, None
        if pod.ready is not None:
            ended, task = self._queue.leave(pod.id, self._now, self._settings.machines.grace)
        node = pod.node
        self._at(ended, lambda: self._stopped(node, task))

    def _stopped(self, node: Node, task: int | None) -> None:
        if task is not None:
            self._given_back += 1
            self._queue.give_back(task, self._now)
        if node.ended:
            return
        if node.doomed:
            self._end(node)
            return
        self._fleet.vacate(node, self._now)
        if self._fleet.unplaced:
            self._settle(self._fleet.unplaced.popleft())
            return
        emptied = self._now
        self._at(emptied + self._settings.machines.keep_empty, lambda: self._expire(node, emptied))

    # Nodes go.

    def _watch(self, node: Node) -> None:
        life = self._fleet.spot_life()
        if life < float("inf"):
            self._at(self._now + life, lambda: self._interrupt(node))

    def _interrupt(self, node: Node) -> None:
        """EC2 takes a spot instance away: within two minutes its pod has ended, and another one is made."""
        if node.ended:
            return
        self._interruptions += 1
        node.doomed = True
        if node.pod is None:
            self._end(node)
        elif not node.pod.leaving:
            self._stop(node.pod)
            self._start()

    def _expire(self, node: Node, emptied: float) -> None:
        if not node.ended and node.empty_at == emptied:
            self._end(node)

    def _end(self, node: Node) -> None:
        self._fleet.end(node, self._now)
        if self._fleet.unplaced:
            self._settle(self._fleet.unplaced.popleft())

    def _result(self) -> Result:
        fleet, queue = self._fleet, self._queue
        done = ~np.isnan(queue.starts)
        done[done] = queue.starts[done] + queue.services[done] <= self._now
        return Result(
            settings=self._settings,
            label=self._arrivals.label,
            waits=queue.starts[done] - queue.arrivals[done],
            latencies=queue.starts[done] + queue.services[done] - queue.arrivals[done],
            busy_seconds=float(queue.services[done].sum()) * self._settings.service.gpu_busy,
            unfinished=int(len(done) - done.sum()),
            ended=self._now,
            node_seconds=fleet.count(self._now),
            started_nodes=fleet.started_nodes,
            started_pods=fleet.started_pods,
            interruptions=self._interruptions,
            given_back=self._given_back,
            longest_queue=self._longest_queue,
            samples=tuple(self._samples),
        )
