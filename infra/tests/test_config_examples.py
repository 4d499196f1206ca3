"""The public guide's configuration examples are taken, and mean what the guide says."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.config import Config
from infra.configuration.examples import CHART_IN_ECR, CHART_ON_HTTP, CHINA, CUSTOM, PLAIN, SNAPSHOT
from infra.configuration.testing import written
from infra.loading import load_config


def loaded(folder: Path, text: str, region: str) -> Config:
    return load_config(written(folder, text), region=region)


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message.split(": ")[2] for message in caplog.messages]


def test_the_plain_one_is_a_static_sdwebui(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = loaded(tmp_path, PLAIN, "us-east-1")
    [runtime] = config.models_runtime
    assert (runtime.name, runtime.namespace, runtime.type) == ("sdruntime", "default", "sdwebui")
    assert (runtime.model_filename, runtime.dynamic_model) == ("v1-5-pruned-emaonly.safetensors", False)
    assert (runtime.chart_repository, runtime.chart_version, runtime.extra_values) == ("", "", {})
    assert config.stack_name == "sdoneks"
    assert caplog.messages == []


def test_own_images_go_to_the_chart_as_they_are_and_places_to_fill_in_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    [runtime] = loaded(tmp_path, CUSTOM, "us-east-1").models_runtime
    parts: dict[str, Any] = runtime.extra_values["runtime"]
    repository = "<account_id>.dkr.ecr.<region>.amazonaws.com/sd-on-eks"
    assert parts["inferenceApi"]["image"] == {"repository": f"{repository}/sdwebui", "tag": "latest"}
    assert parts["queueAgent"]["image"] == {"repository": f"{repository}/queue-agent", "tag": "latest"}
    assert runtime.chart_repository == ""
    assert warned(caplog) == [
        f"modelsRuntime[0].extraValues.runtime.{part}.image.repository"
        for part in ("inferenceApi", "queueAgent")
    ]


def test_a_chart_in_ecr_is_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    [runtime] = loaded(tmp_path, CHART_IN_ECR, "us-east-1").models_runtime
    assert runtime.chart_repository.endswith("/sd-on-eks/charts/sd-on-eks")
    assert runtime.chart_version == "1.1.0"
    assert caplog.messages == []


def test_a_chart_on_an_http_server_is_taken_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    [runtime] = loaded(tmp_path, CHART_ON_HTTP, "us-east-1").models_runtime
    assert (runtime.chart_repository, runtime.chart_version) == ("http://example.com/", "1.0.0")
    assert warned(caplog) == ["modelsRuntime[0].chartRepository"]


def test_a_snapshot_goes_to_the_chart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    [runtime] = loaded(tmp_path, SNAPSHOT, "us-west-2").models_runtime
    template = {"amiFamily": "Bottlerocket", "dataVolume": {"snapshotID": "snap-0123456789"}}
    assert runtime.extra_values == {"karpenter": {"nodeTemplate": template}}
    assert caplog.messages == []


def test_the_one_for_china_is_for_its_partition(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = loaded(tmp_path, CHINA, "cn-northwest-1")
    [runtime] = config.models_runtime
    karpenter: dict[str, Any] = runtime.extra_values["karpenter"]
    assert (config.partition, config.apigw.stage_name) == ("aws-cn", "dev")
    assert karpenter["provisioner"] == {
        "instanceType": ["g5.xlarge", "g5.2xlarge"],
        "capacityType": {"onDemand": True, "spot": True},
    }
    assert karpenter["nodeTemplate"]["dataVolume"]["snapshotID"] == "snap-1234567890"
    assert warned(caplog) == ["chartSources.karpenter", "chartSources.keda"]


def test_the_file_in_the_repository_is_taken_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    path = Path(__file__).parents[2] / "config.yaml"
    assert load_config(path).models_runtime[0].name == "sdruntime"
    assert caplog.messages == []
    [first, *_] = path.read_text(encoding="utf-8").splitlines()
    schema = path.parent / first.partition("$schema=")[2]
    assert schema.name == "config.schema.json"
    assert yaml.safe_load(schema.read_text(encoding="utf-8"))["properties"]["modelsRuntime"]


def test_the_pages_example_for_china_is_taken_without_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    page = (Path(__file__).parents[2] / "docs/deploy/china.md").read_text(encoding="utf-8")
    config = loaded(tmp_path, page.partition("```yaml\n")[2].partition("```")[0], "cn-northwest-1")
    assert config.partition == "aws-cn"
    assert caplog.messages == []
