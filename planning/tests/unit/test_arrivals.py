from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from planning.errors import OptionError
from planning.simulation.arrivals import Arrivals, bursts, constant, daily, from_file

SEED = 11


def generator() -> np.random.Generator:
    return np.random.default_rng(SEED)


PATTERNS: dict[str, Callable[[], Arrivals]] = {
    "constant": lambda: constant(50_000, 48, generator()),
    "daily": lambda: daily(50_000, 48, generator(), peak=3),
    "burst": lambda: bursts(50_000, 48, generator()),
}


@pytest.mark.parametrize("make", PATTERNS.values(), ids=PATTERNS)
def test_each_pattern_has_all_tasks_in_order_within_its_time(make: Callable[[], Arrivals]) -> None:
    made = make()
    assert len(made.times) == 50_000
    assert np.all(np.diff(made.times) >= 0)
    assert made.times[0] >= 0
    assert made.times[-1] <= made.horizon == 48 * 3600


@pytest.mark.parametrize("make", PATTERNS.values(), ids=PATTERNS)
def test_the_same_generator_gives_the_same_tasks(make: Callable[[], Arrivals]) -> None:
    assert np.array_equal(make().times, make().times)


def test_a_constant_rate_is_the_same_in_each_hour() -> None:
    per_hour = np.histogram(constant(480_000, 48, generator()).times, bins=48)[0]
    assert per_hour.min() > 9_600
    assert per_hour.max() < 10_400


@pytest.mark.parametrize("peak", [1.0, 1.5, 2.0, 4.0])
def test_a_day_has_its_peak_at_its_hour_and_so_many_times_its_mean(peak: float) -> None:
    made = daily(2_000_000, 48, generator(), peak=peak, peak_hour=9)
    per_ten_minutes = np.histogram(made.times, bins=48 * 6)[0]
    at_nine = per_ten_minutes[9 * 6 - 1 : 9 * 6 + 1].mean()
    assert at_nine / per_ten_minutes.mean() == pytest.approx(peak, rel=0.02)


def test_bursts_come_within_their_seconds_and_evenly_spread() -> None:
    made = bursts(10_000, 8, generator(), count=2, seconds=30)
    starts = np.array([2 * 3600, 6 * 3600])
    after = made.times[:, None] - starts
    assert np.all(((after >= 0) & (after <= 30)).sum(axis=1) == 1)


def test_a_file_of_times_is_taken_as_it_is_counted_from_its_first(tmp_path: Path) -> None:
    path = tmp_path / "times.csv"
    path.write_text("time\n2026-01-01T10:00:05\n2026-01-01T10:00:00\n2026-01-01T11:00:00\n")
    assert from_file(path, generator()).times.tolist() == [0, 5, 3600]


def test_a_file_that_a_spreadsheet_has_marked_as_utf_8_is_read(tmp_path: Path) -> None:
    path = tmp_path / "times.csv"
    path.write_bytes(b"\xef\xbb\xbftime\r\n3\r\n8\r\n")
    assert from_file(path, generator()).times.tolist() == [0, 5]


def test_a_file_of_rates_makes_as_many_tasks_as_they_amount_to(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text("time,rate\n0,10\n100,0\n200,50\n300,0\n")
    made = from_file(path, generator())
    assert len(made.times) == 6000
    assert np.histogram(made.times, bins=[0, 100, 200, 300])[0] == pytest.approx([1000, 0, 5000], abs=120)
    assert made.horizon == 300


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the first line"),
        ("when\n1\n", "the first line"),
        ("time\n", "no line after the first"),
        ("time\nnoon\n", "line 2"),
        ("time\n1\n2,3\n", "line 3"),
        ("time\nnan\n", "line 2"),
        ("time,rate\n0,1\n", "two lines or more"),
        ("time,rate\n0,1\n0,2\n", "each later"),
        ("time,rate\n0,-1\n5,2\n", "negative"),
        ("time,rate\n0,0\n5,0\n", "0 tasks"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "load.csv"
    path.write_text(text)
    with pytest.raises(OptionError, match=r"load\.csv") as caught:
        from_file(path, generator())
    assert words in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"absent\.csv"):
        from_file(tmp_path / "absent.csv", generator())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: constant(0, 1, generator()), "--tasks"),
        (lambda: constant(10**9, 1, generator()), "50,000,000"),
        (lambda: daily(10, 24, generator(), peak=0.5), "--peak"),
        (lambda: daily(10, 24, generator(), peak=60), "--peak"),
        (lambda: daily(10, 24, generator(), peak_hour=24), "--peak-hour"),
        (lambda: bursts(10, 1, generator(), count=0), "--bursts"),
        (lambda: bursts(10, 1, generator(), count=60, seconds=60), "--burst-seconds"),
    ],
)
def test_patterns_say_which_option_is_wrong(make: Callable[[], Arrivals], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        make()
