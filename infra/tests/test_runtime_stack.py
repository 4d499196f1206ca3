"""One runtime in the cluster: its role, and what its chart is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.artifacts import Zips
from infra.assembly import add_cluster, add_dispatch, new_app, write
from infra.config import Config
from infra.testing import Template, resolved

CHART = "Custom::AWSCDK-EKS-HelmChart"
IDENTITY = "AWS::EKS::PodIdentityAssociation"
MIRROR = "123456789012.dkr.ecr.cn-northwest-1.amazonaws.com.cn"
HERE = "<AWS::Region>:<AWS::AccountId>"
S3 = "arn:<AWS::Partition>:s3:::"


@pytest.fixture(scope="module", name="static")
def _static(whole: Path) -> Template:
    return Template.read(whole, "sdoneksRuntime-sdruntime")


@pytest.fixture(scope="module", name="painter")
def _painter(whole: Path) -> Template:
    """The runtime in China, with a chart, images and choices of the user's."""
    return Template.read(whole, "paintersRuntime-painter")


def values(template: Template) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(resolved(template.only(CHART)[1]["Values"]))
    return found


def rights(template: Template) -> dict[str, tuple[Any, Any]]:
    return {
        statement["Sid"]: (statement["Action"], resolved(statement["Resource"]))
        for name, statement in template.statements()
        if name.startswith("RoleDefaultPolicy")
    }


def queue_of(template: Template) -> str:
    """Return how the template names the runtime's queue."""
    _, arn = rights(template)["OwnQueue"]
    return str(arn).rpartition(":sqs:")[2].removeprefix(f"{HERE}:")


def test_a_runtime_has_the_rights_that_its_agent_needs_and_reads_models(static: Template) -> None:
    outputs, payloads = "<sdoneksStack.OutputS3Bucket>", "<sdoneksStack.PayloadBucket>"
    queue = queue_of(static)
    assert queue.startswith("<sdoneksStack.PublishOutputFnGetAttRuntimessdruntimeQueue")
    assert rights(static) == {
        "OwnQueue": (
            ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"],
            f"arn:<AWS::Partition>:sqs:{HERE}:{queue}",
        ),
        "Tasks": (
            ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
            f"arn:<AWS::Partition>:dynamodb:{HERE}:table/<sdoneksStack.TasksTable>",
        ),
        "Notify": ("sns:Publish", "<sdoneksStack.sdNotificationOutputArn>"),
        "Outputs": (["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], f"{S3}{outputs}/*"),
        "Payloads": (["s3:GetObject", "s3:PutObject"], f"{S3}{payloads}/tasks/*"),
        "Uploads": ("s3:GetObject", f"{S3}{payloads}/uploads/*"),
        "Unreadable": ("s3:PutObject", f"{S3}{payloads}/unreadable/sdruntime/*"),
        "WhatIsMissing": ("s3:ListBucket", ["arn:aws:s3:::my-models", f"{S3}{payloads}"]),
        "Models": ("s3:GetObject", "arn:aws:s3:::my-models/*"),
    }


def test_inputs_may_be_read_where_the_configuration_says_and_only_there(painter: Template) -> None:
    assert rights(painter)["Inputs"] == ("s3:GetObject", [f"{S3}pictures/*", f"{S3}uploads/ready/*"])


def test_the_role_is_for_pods_with_the_charts_service_account(static: Template) -> None:
    role, properties = static.only("AWS::IAM::Role")
    [trusted] = properties["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert trusted["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    _, association = static.only(IDENTITY)
    assert (association["Namespace"], association["ServiceAccount"]) == ("default", "sdruntime")
    assert resolved(association["RoleArn"]) == f"<{role}.Arn>"


def test_a_service_account_of_the_users_gets_the_role_instead(painter: Template) -> None:
    _, association = painter.only(IDENTITY)
    assert (association["Namespace"], association["ServiceAccount"]) == ("paint", "mine")


def test_pods_start_when_their_role_is_complete(static: Template) -> None:
    [release] = static.resources(CHART).values()
    [policy] = static.resources("AWS::IAM::Policy")
    [association] = static.resources(IDENTITY)
    assert {policy, association} <= set(release["DependsOn"])


def test_the_release_is_named_as_the_runtime_and_its_namespace_is_made(static: Template) -> None:
    _, release = static.only(CHART)
    assert (release["Release"], release["Namespace"]) == ("sdruntime", "default")
    assert release["CreateNamespace"] is True


def test_a_release_whose_namespace_changes_is_another_one_so_that_the_old_one_is_removed(
    settings: dict[str, Any], zips: Zips, chart: Path, tmp_path: Path
) -> None:
    names, identities = [], []
    for namespace in ("here", "there"):
        app = new_app(tmp_path / namespace)
        entry = {"name": "one", "namespace": namespace, "type": "comfyui"}
        config = Config.model_validate(settings | {"modelsRuntime": [entry]})
        add_cluster(app, config, dispatch=add_dispatch(app, config, zips=zips), chart=chart)
        template = Template.read(write(app), "sdoneksRuntime-one")
        name, release = template.only(CHART)
        assert (release["Release"], release["Namespace"]) == ("one", namespace)
        names.append(name)
        identities.append(template.only(IDENTITY)[1]["Namespace"])
    assert names[0] != names[1]
    assert identities == ["here", "there"]


def test_the_chart_is_told_where_everything_is(static: Template) -> None:
    suffix = "<AWS::Region>.<AWS::URLSuffix>"
    assert values(static)["runtime"] == {
        "name": "sdruntime",
        "type": "sdwebui",
        "region": "<AWS::Region>",
        "queueUrl": f"https://sqs.{suffix}/<AWS::AccountId>/{queue_of(static)}",
        "tasksTable": "<sdoneksStack.TasksTable>",
        "notificationsTopicArn": "<sdoneksStack.sdNotificationOutputArn>",
        "outputBucket": "<sdoneksStack.OutputS3Bucket>",
        "payloadBucket": "<sdoneksStack.PayloadBucket>",
        "modelBucket": "my-models",
        "modelFilename": "v1-5-pruned-emaonly.safetensors",
        "dynamicModel": False,
        "allowedInputS3": [],
        "allowedInputHosts": [],
        "queueAgent": {"image": {"repository": f"<AWS::AccountId>.dkr.ecr.{suffix}/sd-on-eks/queue-agent"}},
    }


def test_the_chart_is_told_what_nodes_need(static: Template, cluster: Template) -> None:
    found = values(static)
    read = found["cluster"]["nodeRole"].strip("<>").removeprefix("sdoneksClusterStack.")
    role, _ = cluster.only("AWS::IAM::Role", starting="KarpenterNodeRole")
    assert resolved(cluster.outputs[read]) == f"<{role}>"
    assert (found["cluster"]["name"], found["cluster"]["nodeCidrs"]) == ("sdoneksStack", ["10.0.0.0/16"])
    group = found["karpenter"]["nodeTemplate"]["securityGroupSelector"]["aws-ids"]
    read = group.strip("<>").removeprefix("sdoneksClusterStack.")
    assert resolved(cluster.outputs[read]).endswith(".ClusterSecurityGroupId>")


def test_extra_values_have_the_last_word(painter: Template) -> None:
    found = values(painter)
    assert found["runtime"]["scaling"] == {"maxReplicaCount": 3}
    assert found["imageRegistry"] == MIRROR
    assert "queueAgent" not in found["runtime"]
    assert found["karpenter"]["nodeTemplate"]["subnetSelector"] == {"team": "painters"}
    assert found["networkPolicy"] is None  # takes the chart's away; the CDK would drop it


def test_a_chart_of_ones_own_is_taken_from_its_repository(painter: Template) -> None:
    _, release = painter.only(CHART)
    assert (release["Chart"], release["Repository"], release["Version"]) == (
        "sd-on-eks",
        "https://charts.example.cn/",
        "1.2.3",
    )
    assert "ChartAssetURL" not in release


def test_our_chart_goes_without_what_its_developers_keep_beside_it(whole: Path) -> None:
    files = json.loads((whole / "sdoneksRuntime-sdruntime.assets.json").read_text())["files"]
    [staged] = [
        whole / each["source"]["path"] for each in files.values() if each["source"]["packaging"] == "zip"
    ]
    found = {str(path.relative_to(staged)) for path in staged.rglob("*") if path.is_file()}
    assert found == {"Chart.yaml", "templates/pod.yaml", "values.yaml"}


def test_a_runtime_comes_after_its_queue_and_its_cluster_and_knows_no_other_runtime(whole: Path) -> None:
    artifacts = json.loads((whole / "manifest.json").read_text())["artifacts"]
    stacks = set(artifacts["sdoneksRuntime-sdruntime"]["dependencies"]) - {
        "sdoneksRuntime-sdruntime.assets",
    }
    assert stacks == {"sdoneksStack", "sdoneksClusterStack"}
    text = (whole / "sdoneksRuntime-sdruntime.template.json").read_text()
    assert "comfy" not in text
    assert "sddynamic" not in text


def test_what_a_runtime_reads_of_other_stacks_is_among_their_outputs(whole: Path) -> None:
    for stack in ("sdoneksRuntime-sddynamic", "paintersRuntime-painter"):
        for name, output in _read(json.loads((whole / f"{stack}.template.json").read_text())):
            assert output in Template.read(whole, name).outputs, (stack, name)


def _read(value: Any) -> list[tuple[str, str]]:
    match value:
        case {"Fn::GetStackOutput": {"StackName": name, "OutputName": output}}:
            return [(name, output)]
        case dict():
            return [found for item in value.values() for found in _read(item)]
        case list():
            return [found for item in value for found in _read(item)]
        case _:
            return []
