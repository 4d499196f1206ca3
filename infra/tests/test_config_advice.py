"""config.yaml: what is taken without a word, and what is taken with a warning."""

import logging
from pathlib import Path
from typing import Any

import pytest

from infra.configuration.testing import (
    CHINA,
    COMFY,
    REGISTRY,
    STATIC,
    VPC,
    ZONES,
    config,
    existing,
    images,
    runtime,
    written,
)
from infra.loading import load_config


@pytest.mark.parametrize(
    "changes",
    [
        {"network": {"cidr": "172.16.0.0/16", "zones": 2, "natGateways": 2}, "kubernetesVersion": "1.35"},
        {"network": {"zoneNames": ZONES}, "systemNodes": {"instanceType": "m7i-flex.xlarge", "count": 3}},
        {"systemNodes": {"instanceType": "i4g.large"}},
        *(
            {"systemNodes": {"instanceType": each}}
            for each in ("im4gn.large", "m7i.metal-24xl", "c8g.48xlarge", "a1.medium", "x2iezn.metal")
        ),
        existing(publicSubnetIds=["subnet-0ddddddd", "subnet-0eeeeeee", "subnet-0fffffff"]),
        {"network": {"existingVpc": VPC, "cidr": "10.20.0.0/24", "publicApi": False}},
        {
            "inputs": {
                "s3": ["a-bucket/in"],
                "hosts": ["images.internal", "10.1.0.0/16", "fd12::/64", "10.2.3.4"],
            }
        },
        {"modelsRuntime": [STATIC, COMFY]},
        runtime(chartRepository="oci://example.org/sd-on-eks", chartVersion="1.1.0"),
        images(f"{REGISTRY}.us-gov-west-1.amazonaws.com/queue-agent")
        | {"modelBucketArn": "arn:aws-us-gov:s3:::my-models"},
        {"chartSources": {"keda": {"chart": "https://mirror.example.org/charts"}}},
    ],
)
def test_what_fits_is_taken_without_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, changes: dict[str, Any]
) -> None:
    assert load_config(written(tmp_path, config(**changes))).models_runtime
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        (
            {"modelsRuntime": [STATIC, COMFY | {"namespace": "default"}]},
            "modelsRuntime[1].namespace",
            "[0] too",
        ),
        (runtime(chartVersion="1.1.0"), "modelsRuntime[0].chartVersion", "has no effect"),
        (runtime(chartRepository="http://example.org/"), "modelsRuntime[0].chartRepository", "not encrypted"),
        ({"modelsRuntime": [COMFY | {"dynamicModel": True}]}, "modelsRuntime[0].dynamicModel", "no effect"),
        (
            images("<account_id>.dkr.ecr.us-east-1.amazonaws.com/queue-agent"),
            "modelsRuntime[0].extraValues.runtime.queueAgent.image.repository",
            "<account_id>",
        ),
        (
            runtime(extraValues={"tolerations": ["a", "${KEY}"]}),
            "modelsRuntime[0].extraValues.tolerations[1]",
            "${KEY}",
        ),
        (
            {"runtimeTypes": [{"name": "video", "taskTypes": ["a"]}]},
            "runtimeTypes[0].name",
            'of type "video"',
        ),
        ({"network": {"natGateways": 1}}, "network.natGateways", "1 for 3 zones"),
        ({"kubernetesVersion": "1.34"}, "kubernetesVersion", "support ends"),
        ({"kubernetesVersion": "1.36"}, "kubernetesVersion", "KEDA"),
    ],
)
def test_what_may_be_a_slip_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, changes: dict[str, Any], path: str, words: str
) -> None:
    file = written(tmp_path, config(**changes))
    load_config(file)
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message.startswith(f"warning: {file}: {path}: ")
    assert words in record.message


def test_in_china_what_comes_from_abroad_is_warned_of_until_mirrors_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_config(written(tmp_path, config(**CHINA)))
    paths = [message.split(": ")[2] for message in caplog.messages]
    image = "modelsRuntime[0].extraValues.runtime.{}.image.repository"
    assert paths == [
        "chartSources.karpenter",
        "chartSources.keda",
        image.format("inferenceApi"),
        image.format("queueAgent"),
    ]
    caplog.clear()
    charts, registry = "https://mirror.example.org/charts", f"{REGISTRY}.cn-north-1.amazonaws.com.cn"
    mirrors = {
        "karpenter": {"chart": charts, "crdChart": charts, "imageRegistry": registry},
        "keda": {"chart": charts, "imageRegistry": f"{registry}/mirror"},
    }
    own = {"image": {"repository": f"{registry}/x"}}
    each, all_of_them = {"runtime": {"inferenceApi": own, "queueAgent": own}}, {"imageRegistry": registry}
    for values in (each, all_of_them):
        load_config(written(tmp_path, config(**CHINA, **runtime(extraValues=values), chartSources=mirrors)))
        assert caplog.messages == []
