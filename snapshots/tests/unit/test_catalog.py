from datetime import UTC, datetime, timedelta

import pytest

from snapshots.catalog import Contents, Snapshot, superfluous
from snapshots.images import Image

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def a_snapshot(number: int, image: str = "a:1", *, arch: str = "amd64", state: str = "completed") -> Snapshot:
    """The larger the number, the older, by days."""
    tags = {"darkroom:image/0": f"docker.io/library/{image}@sha256:{number:064x}", "darkroom:arch": arch}
    return Snapshot(f"snap-{number}", state, NOW - timedelta(days=number), 50, True, tags)


def going(
    *snapshots: Snapshot, keep: int = 1, in_use: tuple[str, ...] = (), days: int | None = None
) -> list[str]:
    older_than = None if days is None else timedelta(days=days)
    found = superfluous(snapshots, keep=keep, in_use=in_use, older_than=older_than, now=NOW)
    return [one.id for one in found]


def test_the_newest_stay_and_the_oldest_go_first() -> None:
    assert going(*[a_snapshot(number) for number in (3, 1, 4, 2)], keep=2) == ["snap-4", "snap-3"]


def test_another_version_of_an_image_replaces_it_but_another_image_does_not() -> None:
    snapshots = [
        a_snapshot(1, "a:2"),
        a_snapshot(2, "a:1"),
        a_snapshot(3, "b:1"),
        a_snapshot(4, arch="arm64"),
    ]
    assert going(*snapshots) == ["snap-2"]


def test_what_is_in_use_stays_and_counts() -> None:
    assert going(a_snapshot(1), a_snapshot(2), a_snapshot(3), keep=1, in_use=("snap-3",)) == ["snap-2"]
    assert going(a_snapshot(1), a_snapshot(2), keep=0, in_use=("snap-2",)) == ["snap-1"]


def test_what_is_young_stays() -> None:
    assert going(*[a_snapshot(number) for number in (1, 2, 8)], keep=1, days=7) == ["snap-8"]


def test_what_is_being_made_stays_and_what_failed_goes() -> None:
    snapshots = [a_snapshot(1, state="pending"), a_snapshot(2, state="error"), a_snapshot(3)]
    assert going(*snapshots) == ["snap-2"]


@pytest.mark.parametrize("more", [{"arch": "arm64"}, {"bottlerocket": "1.58.0"}, {"kubernetes": "1.36"}])
def test_tags_tell_what_differs(more: dict[str, str]) -> None:
    images = (Image.parse(f"a:1@sha256:{'a' * 64}"),)
    plain = {"arch": "amd64", "bottlerocket": "1.57.0", "kubernetes": "1.35"}
    one, other = Contents(images, **plain), Contents(images, **{**plain, **more})
    assert one.tags(build="x", kms_key=None) != other.tags(build="x", kms_key=None)


def test_the_order_of_images_does_not_matter_and_their_names_do() -> None:
    a, b = Image.parse(f"a:1@sha256:{'a' * 64}"), Image.parse(f"b:1@sha256:{'b' * 64}")
    renamed = Image.parse(f"a:2@sha256:{'a' * 64}")
    prints = [
        Contents(images, "amd64", "1.57.0", "1.35").fingerprint for images in ((a, b), (b, a), (renamed, b))
    ]
    assert prints[0] == prints[1] != prints[2]


def test_no_tag_is_longer_than_ec2_takes() -> None:
    images = tuple(Image.parse(f"{'a' * 100}{number}:{'t' * 60}@sha256:{'a' * 64}") for number in range(30))
    tags = Contents(images, "amd64", "1.57.0", "1.35").tags(build="x" * 12, kms_key="k" * 256)
    assert len(tags) <= 50
    assert all(len(key) <= 127 and len(value) <= 256 for key, value in tags.items())
