import os
from pathlib import Path
from typing import Any

import pytest

from sd_on_eks_chart.testing import CustomResources, Helm, Object, check_kubernetes, unpack_helm

CHART = Path(__file__).parents[1] / "sd-on-eks"
CRDS = os.environ.get("DARKROOM_CRDS", "")

MINIMAL: dict[str, Any] = {
    "cluster": {"name": "sdoneksStack"},
    "runtime": {
        "region": "us-west-2",
        "queueUrl": "https://sqs.us-west-2.amazonaws.com/123456789012/sdoneks-sdruntime",
        "tasksTable": "sdoneks-tasks",
        "notificationsTopicArn": "arn:aws:sns:us-west-2:123456789012:notifications",
        "outputBucket": "outputs",
        "payloadBucket": "payloads",
        "modelBucket": "models",
        "modelFilename": "v1-5-pruned-emaonly.safetensors",
        "queueAgent": {"image": {"repository": "registry.example/queue-agent"}},
    },
}


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        both = isinstance(result.get(key), dict) and isinstance(value, dict)
        result[key] = merged(result[key], value) if both else value
    return result


class Release:
    """What a release is made of."""

    def __init__(self, objects: list[Object]) -> None:
        self.objects = objects

    def the(self, kind: str, name: str | None = None) -> Any:
        (found,) = (
            obj for obj in self.objects if obj["kind"] == kind and name in (None, obj["metadata"]["name"])
        )
        return found

    def kinds(self) -> set[str]:
        return {obj["kind"] for obj in self.objects}

    @property
    def pod(self) -> Any:
        return self.the("Deployment")["spec"]["template"]

    def container(self, name: str) -> Any:
        spec = self.pod["spec"]
        (found,) = (c for c in [*spec["initContainers"], *spec["containers"]] if c["name"] == name)
        return found

    def env(self, container: str) -> dict[str, Any]:
        entries = self.container(container)["env"]
        assert len({entry["name"] for entry in entries}) == len(entries), "a name comes twice"
        return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in entries}

    @property
    def settings(self) -> dict[str, str]:
        fullname = self.the("Deployment")["metadata"]["name"]
        data: dict[str, str] = self.the("ConfigMap", f"{fullname}-agent")["data"]
        return data


@pytest.fixture(scope="session")
def chart() -> Path:
    return CHART


@pytest.fixture(scope="session")
def helm_binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_helm(tmp_path_factory.mktemp("helm"))


@pytest.fixture
def helm(helm_binary: Path, tmp_path: Path) -> Helm:
    return Helm(helm_binary, tmp_path)


@pytest.fixture(scope="session")
def custom_resources() -> CustomResources | None:
    return CustomResources(Path(CRDS)) if CRDS else None


@pytest.fixture
def render(helm: Helm) -> Any:
    """Renders a release with values over the least that is needed."""

    def render(
        values: dict[str, Any] | None = None,
        *,
        release: str = "sdruntime",
        namespace: str = "default",
        chart: Path = CHART,
    ) -> Release:
        values = merged(MINIMAL, values or {})
        return Release(helm.template(chart, values, release=release, namespace=namespace))

    return render


@pytest.fixture
def check(custom_resources: CustomResources | None) -> Any:
    """Holds each object of a release against its schema."""

    def check(release: Release) -> None:
        for obj in release.objects:
            if not check_kubernetes(obj) and custom_resources is not None:
                assert custom_resources.check(obj), f"no schema of {obj['kind']}"

    return check


@pytest.fixture
def minimal() -> dict[str, Any]:
    return MINIMAL
