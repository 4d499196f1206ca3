from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from planning.errors import OptionError
from planning.simulation.arrivals import Arrivals, constant
from planning.simulation.engine import simulate
from planning.simulation.plot import plot, plot_sweep
from planning.simulation.rules import ScaledObject
from planning.simulation.settings import Machines, Service, Settings
from planning.simulation.sweep import KEYS, Axis, parse, sweep


@pytest.fixture(scope="module")
def arrivals() -> Arrivals:
    return constant(500, 1, np.random.default_rng(1))


@pytest.fixture
def settings(arrivals: Arrivals) -> Settings:
    return Settings(horizon=arrivals.horizon)


def test_a_sweep_is_read_as_key_and_values() -> None:
    assert parse("queueLength=1,2,5,10") == Axis("queueLength", (1, 2, 5, 10))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "queueLength",
        "depth=1",
        "queueLength=",
        "queueLength=a",
        "queueLength=1.5",
        "minReplicaCount=1,,2",
        "queueLength=inf",
        "cooldownPeriod=60,nan",
    ],
)
def test_what_is_no_sweep_is_refused_by_name(text: str) -> None:
    with pytest.raises(OptionError, match="--sweep"):
        parse(text)


@pytest.mark.parametrize("key", KEYS)
def test_each_key_changes_the_settings(key: str, settings: Settings) -> None:
    assert KEYS[key](settings, 3.0) != settings


def test_all_combinations_are_simulated_in_order(arrivals: Arrivals, settings: Settings) -> None:
    axes = [parse("queueLength=1,10"), parse("minReplicaCount=0,2")]
    found = list(sweep(arrivals, settings, axes))
    assert [name for name, _ in found] == [
        "queueLength=1 minReplicaCount=0",
        "queueLength=1 minReplicaCount=2",
        "queueLength=10 minReplicaCount=0",
        "queueLength=10 minReplicaCount=2",
    ]
    assert found[1][1].as_json() == simulate(arrivals, found[1][1].settings).as_json()
    assert found[1][1].settings.scaling == ScaledObject(queue_length=1, minimum=2)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["queueLength=1", "queueLength=2"], "once"),
        (["queueLength=" + ",".join("1" * 61)], "60 at most"),
        (["minReplicaCount=0,30"], "maxReplicaCount"),
        (["queueLength=0"], "queueLength"),
        (["scaleDownStabilizationSeconds=4000"], "0 to 3600"),
    ],
)
def test_nothing_is_simulated_where_one_of_them_is_wrong(
    arrivals: Arrivals, settings: Settings, texts: list[str], words: str
) -> None:
    with pytest.raises(OptionError, match=words):
        sweep(arrivals, settings, [parse(text) for text in texts])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Service(seconds=0),
        lambda: Service(gpu_busy=1.2),
        lambda: Service(variation=-1),
        lambda: Machines(node_start=-1),
        lambda: Machines(most_nodes=0),
        lambda: Settings(horizon=0),
        lambda: Settings(horizon=1, scaling=ScaledObject(polling=0)),
        lambda: Settings(horizon=1, scaling=ScaledObject(cooldown=-1)),
        lambda: Settings(horizon=1, scaling=ScaledObject(maximum=0)),
        lambda: Service(seconds=float("inf")),
        lambda: Service(variation=float("nan")),
        lambda: Machines(price=float("nan")),
        lambda: Settings(horizon=1, scaling=ScaledObject(cooldown=float("inf"))),
        lambda: Settings(horizon=1, scaling=ScaledObject(minimum=4), machines=Machines(most_nodes=3)),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(OptionError):
        wrong()


def opened(path: Path) -> NDArray[np.uint8]:
    with Image.open(BytesIO(path.read_bytes())) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def test_a_picture_is_a_png_on_white_with_something_on_it(
    arrivals: Arrivals, settings: Settings, tmp_path: Path
) -> None:
    plot(simulate(arrivals, settings), tmp_path / "one.png")
    picture = opened(tmp_path / "one.png")
    assert picture.shape[1] > picture.shape[0] > 900
    assert (picture[0, 0] == 255).all()
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


def test_a_simulation_in_which_nothing_got_done_can_be_drawn(settings: Settings, tmp_path: Path) -> None:
    none = Arrivals(np.array([10.0]), 3600.0, "one task")
    stuck = simulate(none, replace(settings, machines=Machines(node_start=1e9), patience=60.0))
    assert stuck.unfinished == 1
    assert stuck.as_json()["latency_seconds"]["p50"] is None
    plot(stuck, tmp_path / "none.png")
    assert opened(tmp_path / "none.png").size > 0


def test_a_sweep_is_drawn_with_room_for_each_of_its_lines(
    arrivals: Arrivals, settings: Settings, tmp_path: Path
) -> None:
    found = list(sweep(arrivals, settings, [parse("queueLength=1,2,5")]))
    plot_sweep(found, tmp_path / "three.png")
    plot_sweep(found[:1], tmp_path / "one.png")
    assert opened(tmp_path / "three.png").shape[0] > opened(tmp_path / "one.png").shape[0]


def test_where_a_picture_cannot_be_written_is_told(
    arrivals: Arrivals, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match="--plot"):
        plot(simulate(arrivals, settings), tmp_path)
