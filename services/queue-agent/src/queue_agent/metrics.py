"""What the agent counts, in Prometheus' terms; the README has the table for operators, a test compares."""

import threading
import time
from collections.abc import Iterable
from itertools import chain
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from queue_agent.lately import BusyTime, Clock, WorstLately
from task_schema import TASK_TYPES, Status, TaskCode
from task_store import Task

#: Where the time of a task goes, in order.
Stage = Literal["receive", "accept", "prepare", "wait", "infer", "store", "commit", "notify", "delete"]

STAGES: tuple[Stage, ...] = (
    "receive",
    "accept",
    "prepare",
    "wait",
    "infer",
    "store",
    "commit",
    "notify",
    "delete",
)
#: Codes by which inferences are lost, and the words for why a runtime is restarted (`Gpu`).
LOST_BY = (TaskCode.ATTEMPTS_EXHAUSTED, TaskCode.OUT_OF_MEMORY)
RESTARTED_FOR = ("poisoned", "faults", "unstoppable", "warm-up")
KNOWN_TASK_TYPES = frozenset(chain.from_iterable(TASK_TYPES.values()))

_STAGE_BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    *(30, 60, 120, 300, 600, 900),
)
# A task may wait for a node to come up, or for days in a queue that nobody serves.
_AGE_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400)
_ATTEMPT_BUCKETS = (1, 2, 3, 5)


class _GpuCollector(Collector):
    """A counter that runs while it is looked at cannot be one that is only added to at the end."""

    def __init__(self, busy: BusyTime) -> None:
        self._busy = busy

    def collect(self) -> Iterable[Metric]:
        read = self._busy.read()
        yield CounterMetricFamily(
            "darkroom_gpu_busy_seconds", "Seconds in which the GPU worked for a task.", value=read.seconds
        )
        yield GaugeMetricFamily("darkroom_gpu_busy", "Whether the GPU works for a task now.", value=read.now)
        yield GaugeMetricFamily(
            "darkroom_gpu_busy_fraction",
            "Share of the last minute in which the GPU worked; rate() of the seconds says it for any span.",
            value=read.fraction,
        )

    # Tells the registry the names, so that a scrape may ask for some of them only.
    describe = collect


class Metrics:
    """The agent's metrics, in a registry of their own. Every method may be called from any thread.

    Args:
        runtime: name of the runtime that the agent serves.
        task_types: those that are counted by their names; what a bare message may call itself is "other", or
            anybody who can publish could make series without end.
        clock: monotonic seconds.
    """

    def __init__(
        self, runtime: str, *, task_types: Iterable[str] = KNOWN_TASK_TYPES, clock: Clock = time.monotonic
    ) -> None:
        # A process has one start; a series of start times for each series only doubles what is scraped.
        disable_created_metrics()  # type: ignore[no-untyped-call] # it has no annotations
        self.registry = CollectorRegistry()
        self._clock = clock
        self._task_types = frozenset(task_types)
        self.runtime = runtime
        self._busy = BusyTime(clock)
        self._lag = WorstLately(clock)
        self._make_task_metrics()
        self._make_fault_metrics()
        self._make_process_metrics()
        self._begin_series()

    def _begin_series(self) -> None:
        """Have the series that alarms look at from the start.

        Whoever takes differences misses the first value of a series (CloudWatch's agent does, ADR 11): of one
        that begins with its first event, that event.
        """
        for tasktype in (*self._task_types, "other"):
            ends = [(Status.SUCCEEDED, "none"), (Status.CANCELLED, TaskCode.CANCELLED.value)]
            ends += [(Status.FAILED, code.value) for code in TaskCode if code is not TaskCode.CANCELLED]
            for status, code in ends:
                self._tasks.labels(runtime=self.runtime, tasktype=tasktype, result=status.value, code=code)
        for lost in LOST_BY:
            self._lost.labels(code=lost.value)
        for why in RESTARTED_FOR:
            self._restarts.labels(why=why)

    def _make_task_metrics(self) -> None:
        self._tasks = Counter(
            "darkroom_tasks",
            "Tasks that ended here.",
            ("runtime", "tasktype", "result", "code"),
            registry=self.registry,
        )
        self._stages = Histogram(
            "darkroom_stage_seconds",
            "How long each stage took.",
            ("stage",),
            buckets=_STAGE_BUCKETS,
            registry=self.registry,
        )
        for stage in STAGES:
            self._stages.labels(stage=stage)
        self._age = Histogram(
            "darkroom_message_age_seconds",
            "Age of a message when its run started.",
            buckets=_AGE_BUCKETS,
            registry=self.registry,
        )
        self._attempts = Histogram(
            "darkroom_task_attempts",
            "Which attempt at its task each run was.",
            buckets=_ATTEMPT_BUCKETS,
            registry=self.registry,
        )
        self._in_flight = Gauge("darkroom_in_flight", "Messages in hand.", ("stage",), registry=self.registry)
        self._settled = self._counter("darkroom_messages_settled", "What became of messages.", "how")
        self._prefetch_returned = self._counter(
            "darkroom_prefetch_returned", "Messages received ahead and given back before their run."
        )

    def _make_fault_metrics(self) -> None:
        self._lock = threading.Lock()
        self._breaker_open = False
        self._lost = self._counter("darkroom_inferences_lost", "Inferences started and lost.", "code")
        self._breaker = self._gauge("darkroom_breaker_open", "Whether the circuit breaker is open.")
        self._breaker_opened = self._counter("darkroom_breaker_opened", "Openings of the circuit breaker.")
        self._ready = self._gauge("darkroom_runtime_ready", "Whether the runtime could take a task.")
        self._restarts = self._counter(
            "darkroom_runtime_restarts", "Restarts of the runtime that the agent asked for.", "why"
        )
        self._aws_retries = self._counter("darkroom_aws_retries", "AWS calls made again by the agent.")

    def _make_process_metrics(self) -> None:
        born = self._clock()
        self._gauge("darkroom_agent_up_seconds", "Age of the agent.").set_function(
            lambda: self._clock() - born
        )
        info = Gauge(
            "darkroom_agent_info",
            "1; joins the runtime's name to the rest.",
            ("runtime",),
            registry=self.registry,
        )
        info.labels(runtime=self.runtime).set(1)
        self._gauge(
            "darkroom_event_loop_lag_seconds",
            "How late the event loop woke up; the worst of the last minute.",
        ).set_function(self._lag.read)
        self.registry.register(_GpuCollector(self._busy))
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(name, meaning, registry=self.registry)

    def ended(self, task: Task) -> None:
        """Count a task that has ended here, run or not."""
        self.task_ended(task.status, task.error.code if task.error else None, task.tasktype)

    def task_ended(self, status: Status, code: TaskCode | None, tasktype: str) -> None:
        """Count a task that came to its end here; `code` says why it did not succeed."""
        known = tasktype if tasktype in self._task_types else "other"
        self._tasks.labels(
            runtime=self.runtime, tasktype=known, result=status.value, code=code.value if code else "none"
        ).inc()

    def observe(self, name: Stage, seconds: float) -> None:
        """Note how long a stage took."""
        self._stages.labels(stage=name).observe(max(0.0, seconds))

    def message_age(self, seconds: float) -> None:
        """Note how old a message was when its run started; clocks that are apart make no negative age."""
        self._age.observe(max(0.0, seconds))

    def attempts(self, number: int) -> None:
        """Note which attempt at its task a run is, from 1."""
        self._attempts.observe(number)

    def in_flight(self, stage: str, delta: int) -> None:
        """Add to the number of messages in a stage, or take away."""
        self._in_flight.labels(stage=stage).inc(delta)

    def gpu(self, busy: bool) -> None:
        """Note that the GPU works for a task from now on, or does not."""
        self._busy.set(busy)

    def inference_lost(self, code: TaskCode) -> None:
        """Count an inference that was started and lost."""
        self._lost.labels(code=code.value).inc()

    def message_settled(self, how: str) -> None:
        """Count a message by what became of it: a short word from the code, never from a message."""
        self._settled.labels(how=how).inc()

    def breaker(self, is_open: bool) -> None:
        """Note whether the circuit breaker is open; each opening counts once."""
        with self._lock:
            if is_open and not self._breaker_open:
                self._breaker_opened.inc()
            self._breaker_open = is_open
            self._breaker.set(is_open)

    def runtime_ready(self, ready: bool) -> None:
        """Note whether the runtime could take a task."""
        self._ready.set(ready)

    def runtime_restart(self, why: str) -> None:
        """Count a restart that was asked for; `why` is a short word from the code."""
        self._restarts.labels(why=why).inc()

    def aws_retry(self) -> None:
        """Count a call to AWS that is made again, after the SDK's own retries."""
        self._aws_retries.inc()

    def prefetch_returned(self) -> None:
        """Count a message that was received ahead and given back before its run."""
        self._prefetch_returned.inc()

    def loop_lag(self, seconds: float) -> None:
        """Note how late the event loop woke up."""
        self._lag.note(max(0.0, seconds))

    def render(self) -> bytes:
        """Return all of it in Prometheus' text format 0.0.4."""
        return generate_latest(self.registry)
