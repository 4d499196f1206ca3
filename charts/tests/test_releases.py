"""Several runtimes beside one another, and one after another."""

import shutil
from pathlib import Path
from typing import Any

import pytest


def identities(release: Any, namespace: str) -> set[tuple[str, str, str]]:
    cluster_wide = {"PersistentVolume", "NodePool", "EC2NodeClass"}
    return {
        (obj["kind"], "" if obj["kind"] in cluster_wide else namespace, obj["metadata"]["name"])
        for obj in release.objects
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("art", "default"), ("game", "default")),
        (("art", "a"), ("art", "b")),
        (("b-c", "a"), ("c", "a-b")),
        (("art", "default"), ("art-agent", "default")),
        (("x" * 53, "n" * 62 + "a"), ("x" * 53, "n" * 62 + "b")),
    ],
)
def test_two_runtimes_do_not_collide(render: Any, one: tuple[str, str], other: tuple[str, str]) -> None:
    first = render(release=one[0], namespace=one[1])
    second = render(release=other[0], namespace=other[1])
    assert not identities(first, one[1]) & identities(second, other[1])
    handles = {r.the("PersistentVolume")["spec"]["csi"]["volumeHandle"] for r in (first, second)}
    assert len(handles) == 2
    for mine, theirs in ((first, second), (second, first)):
        taints = mine.the("NodePool")["spec"]["template"]["spec"]["taints"]
        assert mine.pod["spec"]["nodeSelector"] != theirs.pod["spec"]["nodeSelector"]
        selected = mine.the("Deployment")["spec"]["selector"]["matchLabels"].items()
        assert one[1] != other[1] or not selected <= theirs.pod["metadata"]["labels"].items()
        assert {
            "key": "darkroom/runtime",
            "value": mine.pod["metadata"]["labels"]["darkroom/runtime"],
            "effect": "NoSchedule",
        } in taints


CHANGES: list[dict[str, Any]] = [
    {"runtime": {"modelFilename": "other.safetensors", "labels": {"team": "art"}}},
    {"runtime": {"type": "comfyui"}},
    {"runtime": {"modelBucket": "other-models", "queueAgent": {"image": {"tag": "9"}}}},
    {"karpenter": {"nodeTemplate": {"dataVolume": {"snapshotID": "snap-0123456789"}}}},
]


def immutable(release: Any) -> dict[str, Any]:
    return {
        "selector": release.the("Deployment")["spec"]["selector"],
        "budget": release.the("PodDisruptionBudget")["spec"]["selector"],
        "network": release.the("NetworkPolicy")["spec"]["podSelector"],
        "names": {
            (obj["kind"], obj["metadata"]["name"])
            for obj in release.objects
            if not obj["kind"].startswith("PersistentVolume")
        },
    }


@pytest.mark.parametrize("change", CHANGES)
def test_an_upgrade_keeps_selectors_and_names(render: Any, chart: Path, tmp_path: Path, change: Any) -> None:
    newer = tmp_path / "chart"
    shutil.copytree(chart, newer)
    about = (newer / "Chart.yaml").read_text()
    (newer / "Chart.yaml").write_text(
        about.replace("version: 0.1.0", "version: 0.2.0").replace("0.3.0", "9.0.0")
    )
    before, after = render(), render(change, chart=newer)
    assert after.the("Deployment")["metadata"]["labels"]["helm.sh/chart"] == "sd-on-eks-0.2.0"
    assert immutable(before) == immutable(after)
    assert (
        after.the("Deployment")["spec"]["selector"]["matchLabels"].items()
        <= after.pod["metadata"]["labels"].items()
    )


def test_a_volume_is_the_same_until_its_source_changes(render: Any) -> None:
    def volume(values: dict[str, Any]) -> str:
        made = render(values)
        persistent, claim = made.the("PersistentVolume"), made.the("PersistentVolumeClaim")
        assert claim["spec"]["volumeName"] == persistent["metadata"]["name"]
        assert persistent["spec"]["claimRef"]["name"] == claim["metadata"]["name"]
        (mounted,) = (v for v in made.pod["spec"]["volumes"] if v["name"] == "models")
        assert mounted["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
        name: str = persistent["metadata"]["name"]
        return name

    assert volume({}) == volume({"runtime": {"modelFilename": "other.safetensors"}})
    # Neither can be changed in place: the API server would refuse the upgrade.
    assert volume({}) != volume({"runtime": {"modelBucket": "others"}})
    assert volume({}) != volume({"runtime": {"persistence": {"size": "3Ti"}}})
    for s3 in (
        {"mountOptions": ["metadata-ttl 300"]},
        {"cacheSizeLimit": "20Gi"},
        {"authenticationSource": "pod"},
    ):
        assert volume({}) != volume({"runtime": {"persistence": {"s3": s3}}})
