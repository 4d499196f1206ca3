"""config.yaml: rules between keys, and what a user is told where one is broken."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.config import Config
from infra.configuration.testing import (
    CHINA,
    PRIVATE,
    REGISTRY,
    VPC,
    ZONES,
    config,
    existing,
    images,
    problems,
    runtime,
    written,
)
from infra.loading import load_config

WRONG: list[tuple[dict[str, Any], str, list[str]]] = [
    # the cluster
    ({"kubernetesVersion": 1.35}, "kubernetesVersion", ["1.35 is not allowed", "in quotes", '"1.35"']),
    ({"kubernetesVersion": "1.28"}, "kubernetesVersion", ['"1.28" is not allowed', '"1.34"']),
    ({"systemNodes": {"instanceType": "large"}}, "systemNodes.instanceType", ['"large"', "m7g.large"]),
    *(
        ({"systemNodes": {"instanceType": each}}, "systemNodes.instanceType", [f'"{each}"', "m7i.large"])
        for each in ("foo.bar", "m7g.big", "m7g.0xlarge", "u-6tb1.metal", "u7i-12tb.224xlarge", "7g.large")
    ),
    ({"systemNodes": {"instanceType": "g5.xlarge"}}, "systemNodes.instanceType", ["accelerator"]),
    ({"systemNodes": {"instanceType": "t4g.small"}}, "systemNodes.instanceType", ["no room", "medium"]),
    ({"systemNodes": {"count": 1}}, "systemNodes.count", ["1 is not allowed", "2 to 10"]),
    ({"systemNodes": {"counts": 2}}, "systemNodes.counts", ["did you mean count?", "instanceType"]),
    # a new VPC
    ({"network": {"cidr": "10.0.0.0"}}, "network.cidr", ['"10.0.0.0"', "such as 10.0.0.0/16"]),
    ({"network": {"cidr": "10.0.1.0/16"}}, "network.cidr", ["has host bits set", "10.0.0.0/16"]),
    ({"network": {"cidr": "300.0.0.0/16"}}, "network.cidr", ["is no network", "10.0.0.0/16"]),
    ({"network": {"cidr": "10.0.0.0/8"}}, "network.cidr", ["from /16 to /22", "/8"]),
    ({"network": {"cidr": "10.0.0.0/24"}}, "network.cidr", ["from /16 to /22"]),
    ({"network": {"cidr": "8.8.0.0/16"}}, "network.cidr", ["not a private network", "172.16.0.0/12"]),
    ({"network": {"zones": 1}}, "network.zones", ["1 is not allowed", "2 to 4"]),
    ({"network": {"natGateways": 0}}, "network.natGateways", ["0 is not allowed", "the number of zones"]),
    ({"network": {"zones": 2, "natGateways": 3}}, "network.natGateways", ["3 is more", "1 to 2"]),
    ({"network": {"zoneNames": ["us-west-2a"]}}, "network.zoneNames", ["1 given", "network.zones is 3"]),
    ({"network": {"zoneNames": ["a", *ZONES[1:]]}}, "network.zoneNames[0]", ['"a"', "us-east-1a"]),
    (
        {"network": {"zoneNames": [*ZONES[:2], "us-west-2-lax-1a"]}},
        "network.zoneNames[2]",
        ['"us-west-2-lax-1a" is not allowed', "no Local Zones"],
    ),
    (
        existing(availabilityZones=[*ZONES[:2], "us-west-2-wl1-las-wlz-1"]),
        "network.existingVpc.availabilityZones[2]",
        ['"us-west-2-wl1-las-wlz-1" is not allowed', "no Local Zones"],
    ),
    ({"network": {"publicApi": "no"}}, "network.publicApi", ['"no" is not allowed', "true or false"]),
    (
        {"network": {"zoneNames": [*ZONES[:2], ZONES[0]]}},
        "network.zoneNames[2]",
        ["network.zoneNames[0] already"],
    ),
    (
        {"network": {"zoneNames": [*ZONES[:2], "us-east-1a"]}},
        "network.zoneNames[2]",
        ['"us-east-1a" is not in us-west-2'],
    ),
    # a VPC that exists
    (
        {"network": {"existingVpc": "vpc-01234567"}},
        "network.existingVpc",
        ["not a mapping", "privateSubnetIds"],
    ),
    ({"network": {"existingVpc": VPC, "zones": 3}}, "network.zones", ["leave it out", "existingVpc"]),
    (
        {"network": {"existingVpc": VPC, "natGateways": 1}},
        "network.natGateways",
        ["leave it out", "existingVpc"],
    ),
    ({"network": {"existingVpc": VPC, "cidr": "9.0.0.0/16"}}, "network.cidr", ["not a private network"]),
    (existing(vpcId="vpc-<id>"), "network.existingVpc.vpcId", ['"vpc-<id>"', "vpc-0123456789abcdef0"]),
    (existing(privateSubnetIds=None), "network.existingVpc.privateSubnetIds", ["is required", "their order"]),
    (
        existing(privateSubnetIds=PRIVATE[:2]),
        "network.existingVpc.privateSubnetIds",
        ["2 for 3 zones"],
    ),
    (
        existing(publicSubnetIds=["subnet-0ddddddd"]),
        "network.existingVpc.publicSubnetIds",
        ["1 for 3 zones"],
    ),
    (
        existing(privateSubnetIds=[*PRIVATE[:2], PRIVATE[0]]),
        "network.existingVpc.privateSubnetIds[2]",
        ["is privateSubnetIds[0] already"],
    ),
    (
        existing(publicSubnetIds=["subnet-0ddddddd", "subnet-0eeeeeee", PRIVATE[1]]),
        "network.existingVpc.publicSubnetIds[2]",
        ["is privateSubnetIds[1] already"],
    ),
    # charts
    (runtime(namespace="kube-system"), "modelsRuntime[0].namespace", ["belongs to the cluster", "keda"]),
    (
        runtime(chartRepository="oci://example.org/charts/sd-on-eks"),
        "modelsRuntime[0].chartVersion",
        ["is required for a chartRepository of oci://", '"1.1.0"'],
    ),
    (
        {"chartSources": {"keda": {"chart": "kedacore/keda"}}},
        "chartSources.keda.chart",
        ['"kedacore/keda"', "starts with oci://"],
    ),
    (
        {"chartSources": {"karpenter": {"imageRegistry": "https://example.org"}}},
        "chartSources.karpenter.imageRegistry",
        ['"https://example.org"', "a registry"],
    ),
    (
        CHINA | runtime(chartRepository="oci://example.org/charts/sd-on-eks", chartVersion="1.1.0"),
        "modelsRuntime[0].chartRepository",
        ["not allowed in aws-cn", "https://"],
    ),
    (
        CHINA | {"chartSources": {"karpenter": {"chart": "oci://example.org/karpenter"}}},
        "chartSources.karpenter.chart",
        ["not allowed in aws-cn", "Karpenter's default", "https://"],
    ),
    # values for the chart
    (
        runtime(extraValues={"runtime": {"queueUrl": "x"}}),
        "modelsRuntime[0].extraValues.runtime.queueUrl",
        ["comes from the deployment", "leave it out"],
    ),
    (
        runtime(extraValues={"runtime": {"modelFilename": "x"}}),
        "modelsRuntime[0].extraValues.runtime.modelFilename",
        ["comes from the deployment", "modelFilename of the runtime"],
    ),
    (
        runtime(extraValues={"cluster": {"name": "x"}}),
        "modelsRuntime[0].extraValues.cluster.name",
        ["comes from the deployment", "<stackName>Stack"],
    ),
    (
        runtime(extraValues={"cluster": {"nodeRole": "x"}}),
        "modelsRuntime[0].extraValues.cluster.nodeRole",
        ["comes from the deployment", "nothing in this file sets it"],
    ),
    (runtime(extraValues={"runtime": "x"}), "modelsRuntime[0].extraValues.runtime", ["'x' is not a mapping"]),
    (runtime(extraValues={"runtime": 5}), "modelsRuntime[0].extraValues.runtime", ["5 is not a mapping"]),
    (runtime(extraValues={"karpenter": ["x"]}), "modelsRuntime[0].extraValues.karpenter", ["['x'] is not"]),
    (
        runtime(extraValues={"karpenter": {"nodeTemplate": 5}}),
        "modelsRuntime[0].extraValues.karpenter.nodeTemplate",
        ["5 is not a mapping"],
    ),
    (runtime(extraValues={"cluster": False}), "modelsRuntime[0].extraValues.cluster", ["False is not a map"]),
    (
        runtime(extraValues={"runtime": {"serviceAccountName": 5}}),
        "modelsRuntime[0].extraValues.runtime.serviceAccountName",
        ["5 is not allowed", "allowed is text"],
    ),
    (
        runtime(
            extraValues={"karpenter": {"nodeTemplate": {"dataVolume": {"snapshotID": "vol-0123456789"}}}}
        ),
        "modelsRuntime[0].extraValues.karpenter.nodeTemplate.dataVolume.snapshotID",
        ['"vol-0123456789"', "snap-0123456789abcdef0"],
    ),
    (
        runtime(extraValues={"runtime": {"queueAgent": {"image": {"tag": 1.1}}}}),
        "modelsRuntime[0].extraValues.runtime.queueAgent.image.tag",
        ["1.1 is not text", "in quotes"],
    ),
    (
        runtime(extraValues={"labels": [{"since": dt.date(2026, 1, 2)}]}),
        "modelsRuntime[0].extraValues.labels[0].since",
        ["2026-01-02 is not allowed", "put dates in quotes"],
    ),
    (runtime(extraValues={1: "a"}), "modelsRuntime[0].extraValues", ["the key 1 is not text"]),
    (runtime(extraValues={"x": float("inf")}), "modelsRuntime[0].extraValues.x", ["inf is not allowed"]),
    (
        runtime(extraValues={"nodeSelector": {1: "a"}}),
        "modelsRuntime[0].extraValues.nodeSelector",
        ["the key 1 is not text"],
    ),
    # partitions
    (
        {"observability": {"alarms": {"topicArn": "arn:aws-cn:sns:cn-north-1:123456789012:pager"}}},
        "observability.alarms.topicArn",
        ["in the partition aws-cn", "modelBucketArn is in aws"],
    ),
    (CHINA | {"network": {"zoneNames": ZONES}}, "network.zoneNames[0]", ['"us-west-2a"', "aws-cn"]),
    (CHINA | existing(), "network.existingVpc.availabilityZones[0]", ['"us-west-2a"', "aws-cn"]),
    (
        CHINA | images(f"{REGISTRY}.us-east-1.amazonaws.com/queue-agent"),
        "modelsRuntime[0].extraValues.runtime.queueAgent.image.repository",
        ["cannot be read from aws-cn", "amazonaws.com.cn/<name>"],
    ),
    (
        images(f"{REGISTRY}.cn-north-1.amazonaws.com.cn/queue-agent"),
        "modelsRuntime[0].extraValues.runtime.queueAgent.image.repository",
        ["cannot be read from aws,", "<region>.amazonaws.com/<name>"],
    ),
    (
        CHINA | runtime(extraValues={"imageRegistry": f"{REGISTRY}.us-east-1.amazonaws.com"}),
        "modelsRuntime[0].extraValues.imageRegistry",
        ["cannot be read from aws-cn"],
    ),
    (
        {"chartSources": {"keda": {"imageRegistry": f"{REGISTRY}.cn-north-1.amazonaws.com.cn"}}},
        "chartSources.keda.imageRegistry",
        ["cannot be read from aws,"],
    ),
    # hosts
    ({"inputs": {"hosts": ["10.0.0.1/8"]}}, "inputs.hosts[0]", ['"10.0.0.1/8"', "host bits", "10.1.0.0/16"]),
    ({"inputs": {"hosts": ["example.org:8080"]}}, "inputs.hosts[0]", ["without port"]),
    ({"inputs": {"hosts": ["0.0.0.0/0"]}}, "inputs.hosts[0]", ["hands out credentials"]),
    ({"webhooks": {"hosts": ["a.internal", "169.254.0.0/16"]}}, "webhooks.hosts[1]", ["credentials"]),
    ({"webhooks": {"hosts": ["http://a.internal/*"]}}, "webhooks.hosts[0]", ["is not allowed", "networks"]),
]


@pytest.mark.parametrize(("changes", "path", "words"), WRONG)
def test_what_does_not_fit_is_told_with_its_path_and_what_is_allowed(
    tmp_path: Path, changes: dict[str, Any], path: str, words: list[str]
) -> None:
    found = problems(tmp_path, config(**changes))
    assert [problem.partition(": ")[0] for problem in found] == [path]
    assert [word for word in words if word not in found[0]] == []


def test_each_wrong_configuration_has_a_message_of_its_own(tmp_path: Path) -> None:
    told = [problems(tmp_path, config(**changes))[0] for changes, _, _ in WRONG]
    assert len(set(told)) == len(told) >= 25


PAGER = {"observability": {"alarms": {"topicArn": "arn:aws:sns:us-east-1:123456789012:pager"}}}


@pytest.mark.parametrize(
    ("changes", "region", "path", "words"),
    [
        ({}, "cn-north-1", "modelBucketArn", ["goes to cn-north-1", "arn:aws-cn:s3:::<bucket name>"]),
        (CHINA, "us-east-1", "modelBucketArn", ["goes to us-east-1", "arn:aws:s3:::<bucket name>"]),
        ({}, "us-gov-west-1", "modelBucketArn", ["arn:aws-us-gov:s3:::<bucket name>"]),
        (PAGER, "us-west-2", "observability.alarms.topicArn", ["not in us-west-2", "own region"]),
        ({"network": {"zoneNames": ZONES}}, "us-east-1", "network.zoneNames[0]", ["not in us-east-1"]),
    ],
)
def test_where_the_region_is_known_what_is_bound_to_one_has_to_fit_it(
    tmp_path: Path, changes: dict[str, Any], region: str, path: str, words: list[str]
) -> None:
    found = problems(tmp_path, config(**changes), region=region)
    assert [problem.partition(": ")[0] for problem in found] == [path]
    assert [word for word in words if word not in found[0]] == []
    assert load_config(tmp_path / "config.yaml").models_runtime


def test_a_key_that_is_there_twice_is_told_with_its_line(tmp_path: Path) -> None:
    text = yaml.safe_dump(config()) + "stackName: a\nstackName: b\n"
    [found] = problems(tmp_path, text)
    assert 'the key "stackName" is there twice' in found
    assert "line 8" in found


def test_values_that_contain_themselves_are_told(tmp_path: Path) -> None:
    inside: dict[str, Any] = {}
    inside["b"] = [inside]
    [found] = problems(tmp_path, config(**runtime(extraValues={"a": inside})))
    assert found.startswith("modelsRuntime[0].extraValues.a.b[0]: contains itself")


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("stackName: &a [*a]", "stackName"),
        ("stackName: {2026-01-02: x}", "stackName"),
        ("inputs: {s3: &a [*a]}", "inputs.s3[0]"),
        ("inputs: {2026-01-02: x}", "inputs"),
        ("2026-01-02: x", "the file"),
        ("network: &a {existingVpc: *a}", "network.existingVpc.existingVpc"),
        ("? [a, b]\n: c", "it is no YAML"),
    ],
)
def test_what_only_yaml_can_say_is_told_like_anything_else(tmp_path: Path, line: str, path: str) -> None:
    found = problems(tmp_path, yaml.safe_dump(config()) + line + "\n")
    assert any(problem.startswith(f"{path}: ") for problem in found), found


def test_one_value_in_two_places_is_taken(tmp_path: Path) -> None:
    shared = {"limits": {"cpu": "1"}}
    file = written(tmp_path, config(**runtime(extraValues={"a": shared, "b": shared})))
    assert load_config(file).models_runtime[0].extra_values == {"a": shared, "b": shared}


def test_a_merge_may_be_overridden(tmp_path: Path) -> None:
    text = """
modelBucketArn: arn:aws:s3:::my-models
modelsRuntime:
- &first {name: a, namespace: one, type: comfyui}
- &second {<<: *first, name: b, namespace: two}
- {<<: *second, name: c, namespace: three}
"""
    loaded = load_config(written(tmp_path, text))
    assert [(each.name, each.namespace) for each in loaded.models_runtime] == [
        ("a", "one"),
        ("b", "two"),
        ("c", "three"),
    ]


@pytest.mark.parametrize(("zones", "gateways"), [(None, 3), (2, 2), (4, 4)])
def test_there_is_a_gateway_in_each_zone_unless_the_file_says_otherwise(
    zones: int | None, gateways: int
) -> None:
    loaded = Config.model_validate(config(network={"zones": zones}))
    assert loaded.network.nat_gateways == gateways


@pytest.mark.parametrize(("cidr", "prefix"), [("10.0.0.0/16", 19), ("192.168.4.0/22", 25)])
def test_a_vpc_is_cut_into_eight_subnets(cidr: str, prefix: int) -> None:
    assert Config.model_validate(config(network={"cidr": cidr})).network.subnet_prefix == prefix


def test_what_the_cluster_needs_has_the_guides_defaults() -> None:
    loaded = Config.model_validate(config())
    network = loaded.network
    assert (network.cidr, network.zones, network.nat_gateways) == ("10.0.0.0/16", 3, 3)
    assert (network.zone_names, network.existing_vpc, network.public_api) == ([], None, True)
    assert (loaded.kubernetes_version, loaded.system_nodes.count) == ("1.35", 2)
    assert (loaded.cluster_name, loaded.partition) == ("sdoneksStack", "aws")


def test_the_runtimes_as_the_validator_knows_them_say_nothing_of_the_cluster() -> None:
    more = {"network": {"zones": 2}, "kubernetesVersion": "1.36", "webhooks": {"hosts": ["10.0.0.0/8"]}}
    assert Config.model_validate(config(**more)).deployment == Config.model_validate(config()).deployment
