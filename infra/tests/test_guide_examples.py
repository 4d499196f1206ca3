"""The public guide's configuration examples become what the guide says: as stacks, and rendered by Helm."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.app import synthesise
from infra.artifacts import Zips
from infra.configuration.examples import CHART_IN_ECR, CHART_ON_HTTP, CHINA, CUSTOM, PLAIN, SNAPSHOT
from infra.configuration.testing import written
from infra.loading import load_config
from infra.testing import Template, resolved
from sd_on_eks_chart.testing import CustomResources, Helm, Object, check_kubernetes, unpack_helm

CHART = Path(__file__).parents[2] / "charts" / "sd-on-eks"
CRDS = os.environ.get("DARKROOM_CRDS", "")
ACCOUNT = "123456789012"
TOKEN = re.compile(r"<([^<>]+)>")
# What a deployment has where a runtime reads of its neighbours, by a part of the token's name.
STAND_INS = {
    "sdNotificationOutputArn": "arn:<AWS::Partition>:sns:<AWS::Region>:<AWS::AccountId>:notifications",
    "OutputS3Bucket": "sdoneks-outputs",
    "PayloadBucket": "sdoneks-payloads",
    "TasksTable": "sdoneks-tasks",
    "sdruntimeQueue": "sdoneks-sdruntime",
    "ClusterSecurityGroupId": "sg-0123456789abcdef0",
    "KarpenterNodeRole": "sdoneks-nodes",
}

MODEL = "v1-5-pruned-emaonly.safetensors"
OCI = "oci://123456789012.dkr.ecr.us-east-1.amazonaws.com/sd-on-eks/charts/sd-on-eks"
CN_REGISTRY = f"{ACCOUNT}.dkr.ecr.cn-northwest-1.amazonaws.com.cn"


@dataclass(frozen=True)
class Deployed:
    """An example as its stacks, and as what is in the cluster."""

    assembly: Path
    region: str
    release: dict[str, Any]
    objects: list[Object]

    @property
    def template(self) -> Template:
        return Template.read(self.assembly, "sdoneksRuntime-sdruntime")

    @property
    def rights(self) -> dict[str, Any]:
        """What the pods' role may do: resources by the names of the statements."""
        return {
            statement["Sid"]: filled(resolved(statement["Resource"]), self.region)
            for name, statement in self.template.statements()
            if name.startswith("RoleDefaultPolicy")
        }

    def the(self, kind: str, name: str | None = None) -> Any:
        [found] = (
            obj for obj in self.objects if obj["kind"] == kind and name in (None, obj["metadata"]["name"])
        )
        return found

    @property
    def containers(self) -> dict[str, Any]:
        spec = self.the("Deployment")["spec"]["template"]["spec"]
        return {each["name"]: each for each in [*spec["initContainers"], *spec["containers"]]}

    @property
    def images(self) -> dict[str, str]:
        return {name: container["image"] for name, container in self.containers.items()}

    @property
    def disks(self) -> dict[str, Any]:
        mappings = self.the("EC2NodeClass")["spec"]["blockDeviceMappings"]
        return {mapping["deviceName"]: mapping["ebs"] for mapping in mappings}


def filled(value: Any, region: str) -> Any:
    """Return a value with each `<token>`, the guide's own too, replaced by what an account would have."""
    china = region.startswith("cn-")
    known = {
        "AWS::Partition": "aws-cn" if china else "aws",
        "AWS::URLSuffix": "amazonaws.com.cn" if china else "amazonaws.com",
        "AWS::Region": region,
        "AWS::AccountId": ACCOUNT,
        "region": region,
        "account_id": ACCOUNT,
    }

    def stand_in(token: re.Match[str]) -> str:
        if (name := token[1]) in known:
            return known[name]
        [found] = {text for part, text in STAND_INS.items() if part in name}
        return TOKEN.sub(stand_in, found)

    return json.loads(TOKEN.sub(stand_in, json.dumps(value)))


def chart_of(assembly: Path, release: dict[str, Any]) -> Path:
    """Return the chart that the assembly carries; ours where the release takes one from elsewhere."""
    if "ChartAssetURL" not in release:
        return CHART
    assets = json.loads((assembly / "sdoneksRuntime-sdruntime.assets.json").read_text(encoding="utf-8"))
    sources = [file["source"] for file in assets["files"].values()]
    [name] = [str(source["path"]) for source in sources if source["packaging"] == "zip"]
    return assembly / name


@pytest.fixture(scope="module", name="helm")
def _helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    folder = tmp_path_factory.mktemp("helm")
    return Helm(unpack_helm(folder), folder)


@pytest.fixture(scope="module", name="deploy")
def _deploy(
    zips: Zips, helm: Helm, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Deployed]:
    """Does what `cdk deploy` does with an example in a region, as far as that goes without an account."""

    def deploy(text: str, region: str) -> Deployed:
        folder = tmp_path_factory.mktemp("example")
        config = load_config(written(folder, text), region=region)
        assembly = synthesise(config, zips=zips, chart=CHART, outdir=folder / "cdk.out")
        [release] = (
            Template.read(assembly, "sdoneksRuntime-sdruntime")
            .properties("Custom::AWSCDK-EKS-HelmChart")
            .values()
        )
        objects = helm.template(
            chart_of(assembly, release),
            filled(json.loads(resolved(release["Values"])), region),
            release=release["Release"],
            namespace=release["Namespace"],
        )
        return Deployed(assembly, region, release, objects)

    return deploy


@pytest.fixture(scope="module", name="plain")
def _plain(deploy: Callable[..., Deployed]) -> Deployed:
    return deploy(PLAIN, "us-east-1")


@pytest.fixture(scope="module", name="custom")
def _custom(deploy: Callable[..., Deployed]) -> Deployed:
    return deploy(CUSTOM, "us-east-1")


@pytest.fixture(scope="module", name="in_ecr")
def _in_ecr(deploy: Callable[..., Deployed]) -> Deployed:
    return deploy(CHART_IN_ECR, "us-east-1")


@pytest.fixture(scope="module", name="on_http")
def _on_http(deploy: Callable[..., Deployed]) -> Deployed:
    return deploy(CHART_ON_HTTP, "us-east-1")


@pytest.fixture(scope="module", name="snapshot")
def _snapshot(deploy: Callable[..., Deployed]) -> Deployed:
    return deploy(SNAPSHOT, "us-west-2")


@pytest.fixture(scope="module", name="china")
def _china(deploy: Callable[..., Deployed]) -> Deployed:
    return deploy(CHINA, "cn-northwest-1")


@pytest.mark.parametrize("name", ["plain", "custom", "in_ecr", "on_http", "snapshot", "china"])
def test_a_cluster_takes_what_an_example_renders_to(name: str, request: pytest.FixtureRequest) -> None:
    deployed: Deployed = request.getfixturevalue(name)
    custom = CustomResources(Path(CRDS)) if CRDS else None
    for obj in deployed.objects:
        if not check_kubernetes(obj) and custom is not None:
            assert custom.check(obj), f"no schema of {obj['kind']}"
    kinds = {obj["kind"] for obj in deployed.objects}
    assert {"Deployment", "ScaledObject", "NodePool", "EC2NodeClass", "PersistentVolume"} <= kinds
    assert TOKEN.search(json.dumps(deployed.objects)) is None


@pytest.mark.parametrize("name", ["plain", "custom", "snapshot", "china"])
def test_without_a_chart_repository_the_chart_is_the_repositorys_own(
    name: str, request: pytest.FixtureRequest
) -> None:
    release = request.getfixturevalue(name).release
    assert "ChartAssetURL" in release
    assert release.keys().isdisjoint({"Chart", "Repository", "Version"})
    assert (release["Release"], release["Namespace"]) == ("sdruntime", "default")


def test_the_plain_one_serves_one_model_of_the_bucket_with_sd_web_ui(plain: Deployed) -> None:
    env = {each["name"]: each.get("value") for each in plain.containers["inference-api"]["env"]}
    assert env["SD_MODEL_CHECKPOINT"] == MODEL
    assert "DYNAMIC_SD_MODEL" not in env
    told = plain.the("ConfigMap", "sdruntime-agent")["data"]
    assert (told["RUNTIME_NAME"], told["RUNTIME_TYPE"]) == ("sdruntime", "sdwebui")
    assert (told["MODEL_FILENAME"], told["DYNAMIC_MODEL"]) == (MODEL, "false")
    bucket = plain.the("PersistentVolume")["spec"]["csi"]["volumeAttributes"]["bucketName"]
    assert (bucket, plain.rights["Models"]) == ("my-models", "arn:aws:s3:::my-models/*")
    assert plain.the("Deployment")["metadata"]["namespace"] == "default"


def test_the_plain_one_takes_the_guides_runtime_and_the_agent_of_ones_own_registry(plain: Deployed) -> None:
    runtime = "public.ecr.aws/bingjiao/sd-on-eks/sdwebui:latest"
    assert (plain.images["prepare"], plain.images["inference-api"]) == (runtime, runtime)
    version = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))["appVersion"]
    registry = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
    assert plain.images["queue-agent"] == f"{registry}/sd-on-eks/queue-agent:{version}"


def test_the_plain_one_has_its_own_queue_and_no_snapshot(plain: Deployed) -> None:
    [trigger] = plain.the("ScaledObject")["spec"]["triggers"]
    queue = f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/sdoneks-sdruntime"
    told = plain.the("ConfigMap", "sdruntime-agent")["data"]["QUEUE_URL"]
    assert (trigger["metadata"]["queueURL"], told) == (queue, queue)
    assert plain.rights["OwnQueue"] == f"arn:aws:sqs:us-east-1:{ACCOUNT}:sdoneks-sdruntime"
    assert all("snapshotID" not in disk for disk in plain.disks.values())


def test_own_images_are_the_only_ones(custom: Deployed) -> None:
    registry = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/sd-on-eks"
    assert custom.images == {
        "prepare": f"{registry}/sdwebui:latest",
        "inference-api": f"{registry}/sdwebui:latest",
        "queue-agent": f"{registry}/queue-agent:latest",
    }


def test_own_charts_come_from_ecr_or_a_web_server_in_their_versions(
    in_ecr: Deployed, on_http: Deployed
) -> None:
    for release, repository, version in (
        (in_ecr.release, OCI, "1.1.0"),
        (on_http.release, "http://example.com/", "1.0.0"),
    ):
        assert (release["Repository"], release["Version"]) == (repository, version)
        assert release["Chart"] == "sd-on-eks"
        assert "ChartAssetURL" not in release


def test_own_charts_are_told_what_ours_is(plain: Deployed, in_ecr: Deployed, on_http: Deployed) -> None:
    told = [resolved(each.release["Values"]) for each in (plain, in_ecr, on_http)]
    assert told[1:] == told[:1] * 2


def test_nodes_start_with_the_images_of_the_snapshot(snapshot: Deployed) -> None:
    spec = snapshot.the("EC2NodeClass")["spec"]
    assert spec["amiFamily"] == "Bottlerocket"
    assert [term["alias"].partition("@")[0] for term in spec["amiSelectorTerms"]] == ["bottlerocket"]
    assert snapshot.disks["/dev/xvdb"]["snapshotID"] == "snap-0123456789"
    assert "snapshotID" not in snapshot.disks["/dev/xvda"]  # that of the operating system


def test_in_china_no_image_is_a_public_one(china: Deployed) -> None:
    assert china.images == {
        "prepare": f"{CN_REGISTRY}/sd-on-eks/sdwebui:latest",
        "inference-api": f"{CN_REGISTRY}/sd-on-eks/sdwebui:latest",
        "queue-agent": f"{CN_REGISTRY}/sd-on-eks/queue-agent:latest",
    }
    assert "public.ecr.aws" not in json.dumps(china.objects)


def test_in_china_arns_and_addresses_are_of_its_partition(china: Deployed) -> None:
    place = f"cn-northwest-1:{ACCOUNT}"
    assert china.rights["OwnQueue"] == f"arn:aws-cn:sqs:{place}:sdoneks-sdruntime"
    assert china.rights["Tasks"] == f"arn:aws-cn:dynamodb:{place}:table/sdoneks-tasks"
    assert china.rights["Outputs"] == "arn:aws-cn:s3:::sdoneks-outputs/*"
    assert china.rights["Models"] == "arn:aws-cn:s3:::my-models/*"
    queue = f"https://sqs.cn-northwest-1.amazonaws.com.cn/{ACCOUNT}/sdoneks-sdruntime"
    assert china.the("ConfigMap", "sdruntime-agent")["data"]["QUEUE_URL"] == queue
    assert "arn:aws:" not in json.dumps(china.objects)


def test_in_china_no_stack_has_another_partition(china: Deployed) -> None:
    found = {path.name: path.read_text(encoding="utf-8") for path in china.assembly.glob("*.template.json")}
    assert len(found) == 4  # dispatch, observability, cluster, runtime
    for name, text in found.items():
        assert re.findall(r"arn:aws:[^\"]*", text) == [], name


def test_in_china_nodes_are_those_of_the_example(china: Deployed) -> None:
    assert china.disks["/dev/xvdb"]["snapshotID"] == "snap-1234567890"
    wanted = china.the("NodePool")["spec"]["template"]["spec"]["requirements"]
    requirements = {each["key"]: each["values"] for each in wanted}
    assert requirements["node.kubernetes.io/instance-type"] == ["g5.xlarge", "g5.2xlarge"]
    assert requirements["karpenter.sh/capacity-type"] == ["spot", "on-demand"]


def test_in_china_the_api_is_named_and_throttled_as_in_the_example(china: Deployed) -> None:
    dispatch = Template.read(china.assembly, "sdoneksStack")
    _, stage = dispatch.only("AWS::ApiGateway::Stage")
    assert stage["StageName"] == "dev"
    _, plan = dispatch.only("AWS::ApiGateway::UsagePlan")
    [api] = plan["ApiStages"]
    posting = [each for method, each in api["Throttle"].items() if method.endswith("/POST")]
    assert {(each["RateLimit"], each["BurstLimit"]) for each in posting} == {(30, 50)}
