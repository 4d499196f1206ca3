"""Fixtures; and tests can import the package `infra`, although their own folder has that name too.

pytest names test modules by their folders (`infra.tests.test_api`) and on the way makes a module `infra` of
that folder, which would hide the package. The package takes its place here, before any test is read.
"""

import importlib
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

if getattr(sys.modules.get("infra"), "__file__", None) is None:
    sys.modules.pop("infra", None)
    importlib.import_module("infra")

from infra.artifacts import Zips
from infra.assembly import add_cluster, add_dispatch, new_app, synthesise, write
from infra.config import MAX_RUNTIMES, Config
from infra.testing import Template

RUNTIMES = [
    {
        "name": "sdruntime",
        "namespace": "default",
        "type": "sdwebui",
        "modelFilename": "v1-5-pruned-emaonly.safetensors",
    },
    {"name": "sddynamic", "namespace": "dynamic", "type": "sdwebui", "dynamicModel": True},
    {"name": "comfy-runtime", "namespace": "comfy", "type": "comfyui"},
]


LONG_NAME = "x" * 64
PAGER = "arn:aws:sns:us-east-1:123456789012:pager"
CHANGED = {
    "logRetentionDays": 7,
    "tracing": {"sampling": 0.05, "resourcePolicy": False, "transactionSearch": True},
    "alarms": {
        "email": "ops@example.org",
        "oldestMessageMinutes": 7,
        "nobodyWorksMinutes": 9,
        "gpuBusyPercent": 33,
        "failurePercent": 4,
        "latencySeconds": 1.5,
    },
}


REGISTRY = "123456789012.dkr.ecr.cn-northwest-1.amazonaws.com.cn"
CHINA = {
    "stackName": "painters",
    "modelBucketArn": "arn:aws-cn:s3:::models-cn",
    "kubernetesVersion": "1.36",
    "network": {
        "existingVpc": {
            "vpcId": "vpc-0123456789abcdef0",
            "availabilityZones": ["cn-northwest-1a", "cn-northwest-1b"],
            "privateSubnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
        },
        "publicApi": False,
    },
    "systemNodes": {"instanceType": "m6i.large", "count": 3},
    "chartSources": {
        "karpenter": {
            "chart": f"oci://{REGISTRY}/karpenter/karpenter",
            "crdChart": f"oci://{REGISTRY}/karpenter/karpenter-crd",
            "imageRegistry": REGISTRY,
        },
        "keda": {"chart": "https://charts.example.cn/keda", "imageRegistry": REGISTRY},
    },
    "inputs": {"s3": ["pictures", "uploads/ready"], "hosts": ["images.example.internal"]},
    "modelsRuntime": [
        {
            "name": "painter",
            "namespace": "paint",
            "type": "comfyui",
            "chartRepository": "https://charts.example.cn/",
            "chartVersion": "1.2.3",
            "extraValues": {
                "imageRegistry": REGISTRY,
                "runtime": {"serviceAccountName": "mine", "scaling": {"maxReplicaCount": 3}},
                "karpenter": {"nodeTemplate": {"subnetSelector": {"team": "painters"}}},
                "networkPolicy": None,
            },
        }
    ],
}


@pytest.fixture(scope="session", name="settings")
def _settings() -> dict[str, Any]:
    """What config.yaml would hold."""
    return {"modelBucketArn": "arn:aws:s3:::my-models", "modelsRuntime": RUNTIMES}


@pytest.fixture(scope="session", name="zip_path")
def _zip_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dist") / "validator.zip"
    with zipfile.ZipFile(path, "w") as archive:
        handler = "def handler(event, context):\n    return {'statusCode': 200}\n"
        archive.writestr(zipfile.ZipInfo("lambda_function.py"), handler)
    return path


@pytest.fixture(scope="session", name="zips")
def _zips(zip_path: Path) -> Zips:
    """The functions' code; what is in it does not matter here."""
    return Zips(validator=zip_path, notifier=zip_path, status=zip_path)


@pytest.fixture(scope="session", name="assembly")
def _assembly(settings: dict[str, Any], zips: Zips, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cloud assembly of three runtimes; synthesised once, since that takes seconds."""
    return synthesise(Config.model_validate(settings), zips=zips, outdir=tmp_path_factory.mktemp("cdk.out"))


@pytest.fixture(scope="session", name="chart")
def _chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chart's folder; what is in it does not matter here, only what does not belong to it."""
    folder = tmp_path_factory.mktemp("charts") / "sd-on-eks"
    files = ("templates/pod.yaml", "values.yaml", "BUILD", "README.md", "tests/test_chart.py")
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"# {name}\n")
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: sd-on-eks\nversion: 1.0.0\n")
    return folder


@pytest.fixture(scope="session", name="whole")
def _whole(
    settings: dict[str, Any], zips: Zips, chart: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The assembly of two deployments with their clusters, in one go: the plain one, and one in China."""
    app = new_app(tmp_path_factory.mktemp("cdk.out"))
    for values in (settings, CHINA):
        config = Config.model_validate(values)
        add_cluster(app, config, dispatch=add_dispatch(app, config, zips=zips), chart=chart)
    return write(app)


@pytest.fixture(scope="session", name="cluster")
def _cluster(whole: Path) -> Template:
    return Template.read(whole, "sdoneksClusterStack")


@pytest.fixture(scope="session", name="china")
def _china(whole: Path) -> Template:
    """The cluster in China, in a VPC that exists, with charts and images from mirrors."""
    return Template.read(whole, "paintersClusterStack")


@pytest.fixture(scope="session", name="template")
def _template(assembly: Path) -> Template:
    return Template.read(assembly, "sdoneksStack")


@pytest.fixture(scope="session", name="observed")
def _observed(assembly: Path) -> Template:
    """The observability stack, as it is without settings."""
    return Template.read(assembly, "sdoneksObservabilityStack")


@pytest.fixture(scope="session", name="changed")
def _changed(
    settings: dict[str, Any], zips: Zips, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Template]:
    """Both stacks with every setting of `observability` changed and the longest names: dispatch, observed."""
    names = {"stackName": LONG_NAME, "APIGW": {"stageName": "s" * 100}}
    config = Config.model_validate(settings | names | {"observability": CHANGED})
    folder = synthesise(config, zips=zips, outdir=tmp_path_factory.mktemp("cdk.out"))
    return {
        "dispatch": Template.read(folder, f"{LONG_NAME}Stack"),
        "observed": Template.read(folder, f"{LONG_NAME}ObservabilityStack"),
    }


@pytest.fixture(scope="session", name="largest")
def _largest(settings: dict[str, Any], zips: Zips, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The observability stack of as many runtimes as may be, with the user's own topic for alarms."""
    runtimes = [
        {"name": f"r{number}", "namespace": "default", "type": "comfyui"} for number in range(MAX_RUNTIMES)
    ]
    more = {"modelsRuntime": runtimes, "observability": {"alarms": {"topicArn": PAGER}}}
    config = Config.model_validate(settings | more)
    folder = synthesise(config, zips=zips, outdir=tmp_path_factory.mktemp("cdk.out"))
    return Template.read(folder, "sdoneksObservabilityStack")
