import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from queue_agent.lately import LATELY, BusyTime
from queue_agent.metrics import STAGES, Metrics
from queue_agent.testing import FakeClock
from task_schema import Status, TaskCode

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def metrics(clock: FakeClock) -> Metrics:
    return Metrics("sdruntime", clock=clock)


def families(metrics: Metrics) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(metrics.render().decode())}


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def use_all(metrics: Metrics) -> None:
    """Give every metric a series, so that its labels are seen."""
    metrics.task_ended(Status.SUCCEEDED, None, "text-to-image")
    metrics.in_flight("infer", 1)
    metrics.message_settled("delete")
    metrics.inference_lost(TaskCode.OUT_OF_MEMORY)
    metrics.runtime_restart("poisoned")


def documented() -> dict[str, set[str]]:
    rows = re.findall(r"^\| `(darkroom_\w+)` \|([^|]*)\|", README.read_text(), re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def exposed(metrics: Metrics) -> Iterator[tuple[str, set[str]]]:
    for family in families(metrics).values():
        if family.name.startswith("darkroom_"):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            yield name, {label for sample in family.samples for label in sample.labels} - {"le"}


def test_the_readme_lists_every_metric_with_its_labels_and_no_other(metrics: Metrics) -> None:
    use_all(metrics)
    assert dict(exposed(metrics)) == documented()


def test_the_readme_lists_every_stage(metrics: Metrics) -> None:
    (row,) = [
        line for line in README.read_text().splitlines() if line.startswith("| `darkroom_stage_seconds`")
    ]
    assert set(STAGES) <= set(re.findall(r"`(\w+)`", row))


def test_nothing_but_what_is_told_is_exposed(metrics: Metrics) -> None:
    use_all(metrics)
    others = {name for name in families(metrics) if not name.startswith("darkroom_")}
    assert "process_resident_memory_bytes" in others
    assert {name for name in others if not name.startswith("process_")} == {"python_info"}
    assert not [line for line in metrics.render().decode().splitlines() if "_created" in line]


def test_every_metric_has_a_help_text(metrics: Metrics) -> None:
    assert [family.name for family in families(metrics).values() if not family.documentation] == []


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (Status.SUCCEEDED, None, "none"),
        (Status.FAILED, TaskCode.TIMEOUT, "timeout"),
        (Status.CANCELLED, TaskCode.CANCELLED, "cancelled"),
    ],
)
def test_tasks_are_counted_by_result_and_code(
    metrics: Metrics, status: Status, code: TaskCode | None, words: str
) -> None:
    metrics.task_ended(status, code, "pipeline")
    metrics.task_ended(status, code, "pipeline")
    labels = {"runtime": "sdruntime", "tasktype": "pipeline", "result": status.value, "code": words}
    assert value(metrics, "darkroom_tasks_total", **labels) == 2


@given(st.lists(st.text(max_size=40), min_size=1, max_size=30))
@settings(deadline=None, max_examples=25)
def test_what_messages_call_their_type_makes_one_series_at_most(names: list[str]) -> None:
    metrics = Metrics("r")
    before = len(families(metrics)["darkroom_tasks"].samples)
    for name in names:
        metrics.task_ended(Status.FAILED, TaskCode.UNSUPPORTED_TASKTYPE, f"x-{name}")
    labels = {"runtime": "r", "tasktype": "other", "result": "failed", "code": "unsupported_tasktype"}
    assert value(metrics, "darkroom_tasks_total", **labels) == len(names)
    assert len(families(metrics)["darkroom_tasks"].samples) == before


def test_what_alarms_look_at_is_there_before_it_happens() -> None:
    metrics = Metrics("r", task_types={"pipeline"})
    failed = {"runtime": "r", "tasktype": "pipeline", "result": "failed"}
    assert [
        value(metrics, "darkroom_tasks_total", **failed, code=code) for code in ("internal", "timeout")
    ] == [
        0,
        0,
    ]
    assert value(metrics, "darkroom_inferences_lost_total", code="out_of_memory") == 0
    assert value(metrics, "darkroom_runtime_restarts_total", why="poisoned") == 0
    assert len(families(metrics)["darkroom_tasks"].samples) == 2 * (len(TaskCode) + 1)


def test_a_custom_runtimes_types_are_counted_by_their_names() -> None:
    metrics = Metrics("r", task_types={"text-to-video"})
    metrics.task_ended(Status.SUCCEEDED, None, "text-to-video")
    labels = {"runtime": "r", "tasktype": "text-to-video", "result": "succeeded", "code": "none"}
    assert value(metrics, "darkroom_tasks_total", **labels) == 1


def test_buckets_tell_five_milliseconds_and_a_quarter_of_an_hour_apart(metrics: Metrics) -> None:
    for seconds in (0.004, 0.3, 899):
        metrics.observe("infer", seconds)
    counts = [
        value(metrics, "darkroom_stage_seconds_bucket", stage="infer", le=le)
        for le in ("0.005", "0.5", "600.0", "900.0")
    ]
    assert counts == [1, 2, 2, 3]


def test_clocks_that_are_apart_make_no_negative_figures(metrics: Metrics) -> None:
    metrics.message_age(-5)
    metrics.observe("wait", -1)
    metrics.loop_lag(-0.1)
    assert value(metrics, "darkroom_message_age_seconds_sum") == 0
    assert value(metrics, "darkroom_stage_seconds_sum", stage="wait") == 0
    assert value(metrics, "darkroom_event_loop_lag_seconds") == 0


def test_gpu_seconds_include_the_run_that_goes_on(metrics: Metrics, clock: FakeClock) -> None:
    metrics.gpu(True)
    clock.now += 10
    metrics.gpu(False)
    clock.now += 10
    metrics.gpu(True)
    clock.now += 20
    assert value(metrics, "darkroom_gpu_busy_seconds_total") == 30
    assert value(metrics, "darkroom_gpu_busy") == 1
    assert value(metrics, "darkroom_gpu_busy_fraction") == 0.75
    assert value(metrics, "darkroom_agent_up_seconds") == 40


def test_saying_busy_twice_counts_once(metrics: Metrics, clock: FakeClock) -> None:
    for busy in (True, True, False, False):
        metrics.gpu(busy)
        clock.now += 1
    assert value(metrics, "darkroom_gpu_busy_seconds_total") == 2
    assert value(metrics, "darkroom_gpu_busy") == 0


def test_the_fraction_is_that_of_the_last_minute_only(metrics: Metrics, clock: FakeClock) -> None:
    metrics.gpu(True)
    clock.now += 600
    metrics.gpu(False)
    assert value(metrics, "darkroom_gpu_busy_fraction") == 1
    clock.now += 45
    assert value(metrics, "darkroom_gpu_busy_fraction") == 0.25
    clock.now += 45
    assert value(metrics, "darkroom_gpu_busy_fraction") == 0
    assert value(metrics, "darkroom_gpu_busy_seconds_total") == 600


def test_an_agent_that_has_just_started_has_a_fraction(metrics: Metrics) -> None:
    assert value(metrics, "darkroom_gpu_busy_fraction") == 0


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 200)), max_size=40))
@settings(deadline=None)
def test_busy_time_adds_up_as_a_second_by_second_account_does(steps: list[tuple[bool, float]]) -> None:
    clock = FakeClock()
    busy = BusyTime(clock)
    born, total, seen = clock.now, 0.0, list[tuple[float, float]]()
    for state, seconds in steps:
        busy.set(state)
        if state:
            total += seconds
            seen.append((clock.now, clock.now + seconds))
        clock.now += seconds
        read = busy.read()
        start = max(born, clock.now - LATELY)
        lately = sum(max(0.0, end - max(begin, start)) for begin, end in seen)
        expected = lately / (clock.now - start) if clock.now > start else 0
        assert read.seconds == pytest.approx(total)
        assert read.fraction == pytest.approx(expected, abs=1e-6)
        assert read.now is state


def test_busy_time_keeps_no_more_than_the_last_minute(clock: FakeClock) -> None:
    busy = BusyTime(clock)
    for _ in range(10_000):
        busy.set(True)
        clock.now += 0.3
        busy.set(False)
        clock.now += 0.1
    assert len(busy._spans) <= LATELY / 0.4 + 1
    assert busy.read().seconds == pytest.approx(3000)


def test_each_opening_of_the_breaker_counts_once(metrics: Metrics) -> None:
    for is_open in (False, True, True, False, True):
        metrics.breaker(is_open)
    assert value(metrics, "darkroom_breaker_open") == 1
    assert value(metrics, "darkroom_breaker_opened_total") == 2


def test_the_worst_lag_of_the_last_minute_is_told(metrics: Metrics, clock: FakeClock) -> None:
    for lag in (0.5, 3, 0.25):
        metrics.loop_lag(lag)
        clock.now += 25
    assert value(metrics, "darkroom_event_loop_lag_seconds") == 3
    clock.now += 20
    assert value(metrics, "darkroom_event_loop_lag_seconds") == 0.25
    clock.now += 60
    assert value(metrics, "darkroom_event_loop_lag_seconds") == 0


def test_what_the_pipeline_tells_is_told_on(metrics: Metrics) -> None:
    metrics.attempts(3)
    metrics.in_flight("infer", 1)
    metrics.in_flight("infer", 1)
    metrics.in_flight("infer", -1)
    metrics.inference_lost(TaskCode.OUT_OF_MEMORY)
    metrics.message_settled("give_back")
    metrics.runtime_ready(True)
    metrics.runtime_restart("poisoned")
    metrics.aws_retry()
    metrics.prefetch_returned()
    assert value(metrics, "darkroom_task_attempts_bucket", le="2.0") == 0
    assert value(metrics, "darkroom_task_attempts_bucket", le="3.0") == 1
    assert value(metrics, "darkroom_in_flight", stage="infer") == 1
    assert value(metrics, "darkroom_inferences_lost_total", code="out_of_memory") == 1
    assert value(metrics, "darkroom_messages_settled_total", how="give_back") == 1
    assert value(metrics, "darkroom_runtime_ready") == 1
    assert value(metrics, "darkroom_runtime_restarts_total", why="poisoned") == 1
    assert value(metrics, "darkroom_aws_retries_total") == 1
    assert value(metrics, "darkroom_prefetch_returned_total") == 1
    assert value(metrics, "darkroom_agent_info", runtime="sdruntime") == 1


def test_two_agents_in_one_process_do_not_share_figures() -> None:
    one, other = Metrics("one"), Metrics("other")
    one.aws_retry()
    assert value(other, "darkroom_aws_retries_total") == 0


def test_figures_hold_while_threads_write_and_others_read(metrics: Metrics) -> None:
    def write() -> None:
        for number in range(500):
            metrics.gpu(number % 2 == 0)
            metrics.aws_retry()
            metrics.breaker(number % 2 == 0)
            metrics.loop_lag(number)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    pages = [metrics.render() for _ in range(20)]
    for writer in writers:
        writer.join()
    assert all(b"darkroom_gpu_busy_seconds_total" in page for page in pages)
    assert value(metrics, "darkroom_aws_retries_total") == 2000
