"""The builder of snapshots as deploying uses it."""

import pytest

from darkroom_cli.deploying.cache import SnapshotCache
from darkroom_cli.deploying.errors import StepError

IMAGES = ("registry.example/sd-on-eks/sdwebui:1",)
NODES = {"kubernetes": "1.35", "bottlerocket": "1.57.0"}


@pytest.mark.parametrize(
    ("region", "images", "words"),
    [
        ("us-east-1", ("NO IMAGE",), "NO IMAGE"),
        ("nowhere", IMAGES, "nowhere"),
    ],
)
def test_what_the_builder_refuses_is_told_with_a_way_out(
    region: str, images: tuple[str, ...], words: str
) -> None:
    with pytest.raises(StepError, match=rf"(?s){words}.*snapshot build.*--no-snapshot"):
        SnapshotCache(region, None).build(images, **NODES)


def test_where_it_cannot_be_looked_none_is_found_and_building_says_why() -> None:
    assert SnapshotCache("nowhere", None).find(IMAGES, **NODES) is None
