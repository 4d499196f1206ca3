"""What the benchmark of the console calls missed."""

import pytest

from tests.bench.console import Sweep, missed


def sweep(name: str, *frames: float) -> Sweep:
    return Sweep(name, list(frames), tasks=[], distance=1.0, tiles=0, pictures=0)


@pytest.mark.parametrize(
    ("packed", "paints", "frames", "says"),
    [
        (200_000, [100.0, 1000.0], [16.7, 50.0], []),
        (200_001, [100.0], [16.7], ["200.0 kB of script"]),
        (49_700, [100.0, 1001.0], [16.7], ["a first paint after 1001 ms"]),
        (49_700, [100.0], [16.7, 50.1, 66.6], ["wheel: 2 frames over 50 ms"]),
    ],
)
def test_each_target_is_told_where_it_does_not_hold(
    packed: int, paints: list[float], frames: list[float], says: list[str]
) -> None:
    assert missed(packed, paints, [sweep("wheel", *frames), sweep("script", 16.7)]) == says
