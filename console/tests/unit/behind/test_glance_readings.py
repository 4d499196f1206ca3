"""What an agent's `/metrics` say, and what becomes of it over time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from console.glance.agents import NoReadingError, read
from console.glance.lately import History, Rate
from console.models import Moment


def metrics(*, ready: float = 1, **more: float) -> str:
    registry = CollectorRegistry()
    values = {"darkroom_runtime_ready": ready, "darkroom_breaker_open": 0, "darkroom_gpu_busy": 0, **more}
    for name, value in values.items():
        Gauge(name, "about", registry=registry).set(value)
    tasks = Counter("darkroom_tasks", "about", ("runtime", "tasktype", "result", "code"), registry=registry)
    tasks.labels("r", "text-to-image", "succeeded", "none").inc(5)
    tasks.labels("r", "image-to-image", "failed", "timeout").inc(2)
    tasks.labels("r", "other", "cancelled", "cancelled").inc(1)
    Histogram("darkroom_stage_seconds", "about", ("stage",), registry=registry).labels("infer").observe(1)
    Counter("darkroom_gpu_busy_seconds", "about", registry=registry).inc(12.5)
    return generate_latest(registry).decode()


def test_an_agent_tells_how_it_is() -> None:
    reading = read(
        metrics(darkroom_gpu_busy=1, darkroom_gpu_busy_fraction=0.25, darkroom_agent_up_seconds=70)
    )
    assert (reading.ready, reading.breaker_open, reading.busy) == (True, False, True)
    assert (reading.busy_fraction, reading.busy_seconds, reading.up_seconds) == (0.25, 12.5, 70)
    assert (reading.ended, reading.failed) == (8, 2)


def test_a_figure_that_is_none_is_left_out() -> None:
    reading = read(metrics(darkroom_gpu_busy_fraction=float("nan"), darkroom_agent_up_seconds=float("inf")))
    assert (reading.busy_fraction, reading.up_seconds) == (None, None)
    assert read(metrics(darkroom_gpu_busy_fraction=7)).busy_fraction == 1


@pytest.mark.parametrize(
    "text",
    ["", "<html>", "{", "a{", 'a{b="', "darkroom_runtime_ready x", "up 1\n", "\0", '{"a": 1}', "a 1 2 3 4"],
)
def test_what_is_not_of_an_agent_is_no_reading(text: str) -> None:
    with pytest.raises(NoReadingError):
        read(text)


@given(st.text())
def test_no_text_is_more_than_no_reading(text: str) -> None:
    with pytest.raises(NoReadingError):
        read(text)


@given(st.integers(0, 200), st.text(max_size=3))
def test_no_cut_and_no_mark_in_metrics_does_harm(at: int, put: str) -> None:
    text = metrics()
    place = len(text) * at // 200
    try:
        reading = read(text[:place] + put + text[place:])
    except NoReadingError:
        return
    assert reading.ended >= 0


def rate_of(*readings: tuple[float, float | None]) -> Rate:
    rate = Rate()
    for at, value in readings:
        rate.note(at, value)
    return rate


def test_a_rate_is_that_of_the_last_minute() -> None:
    rate = rate_of(*((at, at * 2) for at in range(0, 300, 5)), *((at, 600) for at in range(300, 331, 5)))
    assert rate.per_second() == pytest.approx(1.0, abs=0.05)
    assert rate.lately() == 0


def test_of_a_counter_that_was_there_before_only_the_growth_counts() -> None:
    assert rate_of((0, 1000), (20, 1010)).per_second() == 0.5


def test_too_little_says_nothing() -> None:
    assert rate_of().per_second() is None
    assert rate_of((0, 1)).per_second() is None
    assert rate_of((0, 1)).lately() is None
    assert rate_of((0, 1), (5, 2)).per_second() is None
    assert rate_of((0, 1), (0, 2)).lately() is None


def test_an_agent_that_began_anew_counts_from_nothing() -> None:
    assert rate_of((0, 100), (10, 110), (20, 4)).per_second() == pytest.approx(14 / 20)


def test_an_agent_that_did_not_answer_for_a_moment_is_counted_on() -> None:
    assert rate_of((0, 0), (5, None), (10, None), (20, 10)).per_second() == 0.5


def test_what_was_counted_before_a_long_silence_is_forgotten() -> None:
    rate = rate_of((0, 0), (5, 5), (400, 1000))
    assert rate.per_second() is None
    rate.note(410, 1010)
    assert rate.per_second() == 1


def test_a_rate_survives_a_clock_that_is_set_back() -> None:
    rate = rate_of((1000, 0), (1010, 10), (500, 20))
    assert (rate.per_second(), rate.lately()) == (None, None)
    rate.note(510, 40)
    assert (rate.per_second(), rate.lately()) == (2, 2)


def moment(at: float) -> Moment:
    return Moment(at=round(at * 1000), queued=None, busy_fraction=None, ended_per_minute=None)


def test_the_history_has_a_moment_each_five_seconds_of_the_last_ten_minutes() -> None:
    history = History()
    for tenth in range(12_000):
        at = 1_800_000_000 + tenth / 10
        if history.due(at):
            history.add(moment(at))
    moments = history.moments()
    assert 118 <= len(moments) <= 134
    assert moments[-1].at - moments[0].at <= 600_000
    assert moments == sorted(moments, key=lambda one: one.at)


def test_the_history_survives_a_clock_that_is_set_back() -> None:
    history = History()
    history.add(moment(1000))
    assert history.due(500)
    history.add(moment(500))
    assert [one.at for one in history.moments()] == [500_000]
