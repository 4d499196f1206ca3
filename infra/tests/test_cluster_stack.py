"""What holds for the cluster stack as a whole: it is for any account and partition, and nobody may do all."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.testing import Template, resolved

STACKS = (
    "sdoneksClusterStack",
    "sdoneksRuntime-sdruntime",
    "sdoneksRuntime-sddynamic",
    "sdoneksRuntime-comfy-runtime",
    "paintersClusterStack",
    "paintersRuntime-painter",
)
# Principals of services, which have the same name in all partitions, and both that pass a role in one.
SERVICES = {
    "ec2.amazonaws.com",
    "ec2.amazonaws.com.cn",
    "eks.amazonaws.com",
    "events.amazonaws.com",
    "lambda.amazonaws.com",
    "pods.eks.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
}
MIRROR = "123456789012.dkr.ecr.cn-northwest-1.amazonaws.com.cn"  # of the configuration
CLUSTER = "AWS::EKS::Cluster"


def listed(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def granted(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, statement in template.statements():
        if statement["Effect"] == "Allow":
            yield name, statement


@pytest.mark.parametrize("stack", STACKS)
def test_no_partition_and_no_dns_suffix_is_written_out(whole: Path, stack: str) -> None:
    text = (whole / f"{stack}.template.json").read_text()
    arns = set(re.findall(r"arn:aws[a-z-]*:[a-z0-9:]*", text))
    assert arns <= {"arn:aws:s3:::my", "arn:aws-cn:s3:::models"}  # the configuration's
    assert set(re.findall(r"[A-Za-z0-9.-]*amazonaws\.com[a-z.]*", text)) <= SERVICES | {MIRROR}


@pytest.mark.parametrize("stack", STACKS)
def test_no_role_may_do_all_of_a_kind(whole: Path, stack: str) -> None:
    template = Template.read(whole, stack)
    actions = [action for _, statement in granted(template) for action in listed(statement["Action"])]
    assert actions
    assert not [action for action in actions if "*" in action]


def test_the_stacks_belong_to_no_account_and_ask_for_nothing_at_synthesis(whole: Path) -> None:
    manifest = json.loads((whole / "manifest.json").read_text())
    assert "missing" not in manifest
    for stack in STACKS:
        assert manifest["artifacts"][stack]["environment"] == "aws://unknown-account/unknown-region"


def test_cdk_nag_and_the_rules_of_cloudformation_have_nothing_to_say(whole: Path) -> None:
    assert json.loads((whole / "validation-report.json").read_text())["pluginReports"] == []


def test_the_dispatch_side_is_the_same_with_a_cluster_and_without(whole: Path, assembly: Path) -> None:
    for stack in ("sdoneksStack", "sdoneksObservabilityStack"):
        name = f"{stack}.template.json"
        assert (whole / name).read_bytes() == (assembly / name).read_bytes()


def test_the_cluster_has_the_name_that_operators_and_the_observability_stack_know(cluster: Template) -> None:
    name, properties = cluster.only(CLUSTER)
    assert properties["Name"] == "sdoneksStack"
    assert properties["Version"] == "1.35"
    assert resolved(cluster.outputs["ClusterName"]) == f"<{name}>"


def test_the_kubernetes_version_is_a_setting(china: Template) -> None:
    assert china.only(CLUSTER)[1]["Version"] == "1.36"


def test_the_cluster_is_not_in_auto_mode_which_takes_no_snapshot(cluster: Template) -> None:
    _, properties = cluster.only(CLUSTER)
    assert properties["ComputeConfig"] == {"Enabled": False}
    assert properties["BootstrapSelfManagedAddons"] is False


def test_who_creates_the_cluster_is_not_its_admin_for_that(cluster: Template) -> None:
    _, properties = cluster.only(CLUSTER)
    assert properties["AccessConfig"] == {
        "AuthenticationMode": "API",
        "BootstrapClusterCreatorAdminPermissions": False,
    }


def test_all_logs_of_the_control_plane_are_kept_as_long_as_others(cluster: Template) -> None:
    _, properties = cluster.only(CLUSTER)
    kinds = {each["Type"] for each in properties["Logging"]["ClusterLogging"]["EnabledTypes"]}
    assert kinds == {"api", "audit", "authenticator", "controllerManager", "scheduler"}
    groups = cluster.properties("AWS::Logs::LogGroup").values()
    names = {group["LogGroupName"] for group in groups if "LogGroupName" in group}
    assert names == {
        "/aws/eks/sdoneksStack/cluster",
        *(f"/aws/containerinsights/sdoneksStack/{kind}" for kind in INSIGHTS),
    }
    assert {group["RetentionInDays"] for group in groups} == {30}


INSIGHTS = ("application", "dataplane", "host", "performance")


def test_the_control_planes_log_group_is_there_before_eks_would_make_one(cluster: Template) -> None:
    [control_plane] = cluster.resources(CLUSTER).values()
    groups = cluster.properties("AWS::Logs::LogGroup").items()
    [group] = [name for name, each in groups if each.get("LogGroupName") == "/aws/eks/sdoneksStack/cluster"]
    assert group in control_plane["DependsOn"]


@pytest.mark.parametrize(("fixture", "public"), [("cluster", True), ("china", False)])
def test_the_api_answers_inside_the_vpc_and_outside_only_where_the_configuration_says(
    request: pytest.FixtureRequest, fixture: str, public: bool
) -> None:
    template: Template = request.getfixturevalue(fixture)
    network = template.only(CLUSTER)[1]["ResourcesVpcConfig"]
    assert (network["EndpointPublicAccess"], network["EndpointPrivateAccess"]) == (public, True)


@pytest.mark.parametrize("fixture", ["cluster", "china"])
def test_what_installs_charts_is_where_nodes_are_and_so_needs_no_public_api(
    request: pytest.FixtureRequest, fixture: str
) -> None:
    template: Template = request.getfixturevalue(fixture)
    name, control_plane = template.only(CLUSTER)
    _, installer = template.only("AWS::Lambda::Function", starting="ClusterKubectlProviderHandler")
    assert resolved(installer["VpcConfig"]) == {
        "SecurityGroupIds": [f"<{name}.ClusterSecurityGroupId>"],
        "SubnetIds": resolved(control_plane["ResourcesVpcConfig"]["SubnetIds"]),
    }


def test_the_config_command_is_the_guides(cluster: Template) -> None:
    name, _ = cluster.only(CLUSTER)
    role, properties = cluster.only("AWS::IAM::Role", starting="Access")
    assert resolved(cluster.outputs["ConfigCommand"]) == (
        f"aws eks update-kubeconfig --name <{name}> --region <AWS::Region> --role-arn <{role}.Arn>"
    )
    [trusted] = properties["AssumeRolePolicyDocument"]["Statement"]
    assert resolved(trusted["Principal"]) == {"AWS": "arn:<AWS::Partition>:iam::<AWS::AccountId>:root"}


def test_the_access_role_may_find_the_cluster_and_nothing_else_in_the_account(cluster: Template) -> None:
    name, _ = cluster.only(CLUSTER)
    _, role = cluster.only("AWS::IAM::Role", starting="Access")
    rights = [
        (listed(statement["Action"]), resolved(statement["Resource"]))
        for stands, statement in granted(cluster)
        if stands.startswith("Access") and "Principal" not in statement
    ]
    assert rights == [(["eks:DescribeCluster"], f"<{name}.Arn>")]
    assert "ManagedPolicyArns" not in role


def test_the_access_role_and_the_installer_are_admins_and_nobody_else(cluster: Template) -> None:
    admins = {
        resolved(entry["PrincipalArn"]): resolved(entry["AccessPolicies"][0]["PolicyArn"])
        for entry in cluster.properties("AWS::EKS::AccessEntry").values()
        if entry["AccessPolicies"]
    }
    access, _ = cluster.only("AWS::IAM::Role", starting="Access")
    installer, _ = cluster.only("AWS::IAM::Role", starting="KubectlRole")
    policy = "arn:<AWS::Partition>:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    assert admins == {f"<{access}.Arn>": policy, f"<{installer}.Arn>": policy}


def test_what_installs_charts_reads_assets_and_registries_and_no_more(cluster: Template) -> None:
    rights = {
        statement["Sid"]: (listed(statement["Action"]), resolved(statement["Resource"]))
        for name, statement in granted(cluster)
        if name.startswith("KubectlRole") and "Sid" in statement
    }
    bucket = "cdk-hnb659fds-assets-<AWS::AccountId>-<AWS::Region>"
    assert rights == {
        "FindCluster": (
            ["eks:DescribeCluster"],
            "arn:<AWS::Partition>:eks:<AWS::Region>:<AWS::AccountId>:cluster/sdoneksStack",
        ),
        "ReadCharts": (["s3:GetObject"], f"arn:<AWS::Partition>:s3:::{bucket}/*"),
        "PublicCharts": (["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"], "*"),
    }
