"""What is installed in the cluster: add-ons, Karpenter and KEDA."""

import json
from typing import Any

import pytest

from infra.testing import Template, resolved

ADDON = "AWS::EKS::Addon"
CHART = "Custom::AWSCDK-EKS-HelmChart"
IDENTITY = "AWS::EKS::PodIdentityAssociation"
NODES = "AWS::EKS::Nodegroup"
MIRROR = "123456789012.dkr.ecr.cn-northwest-1.amazonaws.com.cn"
QUEUE = "arn:<AWS::Partition>:sqs:<AWS::Region>:<AWS::AccountId>:<sdoneksStack."
OWNED = "kubernetes.io/cluster/sdoneksStack"


def addons(template: Template) -> dict[str, dict[str, Any]]:
    return {each["Properties"]["AddonName"]: each for each in template.resources(ADDON).values()}


def chart(template: Template, name: str) -> dict[str, Any]:
    [found] = [each for each in template.resources(CHART).values() if each["Properties"]["Release"] == name]
    return found


def values(template: Template, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(resolved(chart(template, name)["Properties"]["Values"]))
    return found


def needed(template: Template, name: str) -> set[str]:
    """Return what has to be there before a resource, near and far."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for each in template.body["Resources"][waiting.pop()].get("DependsOn", []):
            if each not in found:
                found.add(each)
                waiting.append(each)
    return found


def statements(template: Template, start: str) -> list[dict[str, Any]]:
    return [
        statement
        for name, statement in template.statements()
        if name.startswith(start) and "Principal" not in statement
    ]


def test_the_add_ons_are_these(cluster: Template) -> None:
    assert set(addons(cluster)) == {
        "amazon-cloudwatch-observability",
        "aws-mountpoint-s3-csi-driver",
        "coredns",
        "eks-pod-identity-agent",
        "kube-proxy",
        "vpc-cni",
    }


def test_network_policies_are_kept(cluster: Template) -> None:
    network = addons(cluster)["vpc-cni"]["Properties"]
    assert json.loads(network["ConfigurationValues"]) == {"enableNetworkPolicy": "true"}


def test_nodes_come_after_their_network_and_before_what_runs_on_them(cluster: Template) -> None:
    [nodes] = cluster.resources(NODES)
    by_name = {each["Properties"]["AddonName"]: name for name, each in cluster.resources(ADDON).items()}
    first = {by_name[each] for each in ("vpc-cni", "kube-proxy", "eks-pod-identity-agent")}
    assert first <= needed(cluster, nodes)
    for each in set(by_name.values()) - first:
        assert nodes in needed(cluster, each)
    for each in cluster.resources(CHART):
        assert {nodes, by_name["coredns"]} <= needed(cluster, each)


def test_the_driver_reads_models_and_cannot_change_them(cluster: Template) -> None:
    [association] = addons(cluster)["aws-mountpoint-s3-csi-driver"]["Properties"]["PodIdentityAssociations"]
    assert association["ServiceAccount"] == "s3-csi-driver-sa"
    rights = {
        each["Action"]: resolved(each["Resource"]) for each in statements(cluster, "AddonsMountsDefault")
    }
    assert rights == {"s3:ListBucket": "arn:aws:s3:::my-models", "s3:GetObject": "arn:aws:s3:::my-models/*"}


def test_add_ons_start_when_their_role_is_complete(cluster: Template) -> None:
    names = {each["Properties"]["AddonName"]: name for name, each in cluster.resources(ADDON).items()}
    roles = cluster.resources("AWS::IAM::Role")
    rights = cluster.resources("AWS::IAM::Policy")
    mounts = {each for each in (*roles, *rights) if each.startswith("AddonsMounts")}
    watcher = {each for each in roles if each.startswith("AddonsWatcher")}
    assert (len(mounts), len(watcher)) == (2, 1)
    assert mounts <= needed(cluster, names["aws-mountpoint-s3-csi-driver"])
    assert watcher <= needed(cluster, names["amazon-cloudwatch-observability"])


def test_groups_of_container_insights_are_there_before_the_add_on_would_make_them(cluster: Template) -> None:
    groups = {
        name
        for name, each in cluster.properties("AWS::Logs::LogGroup").items()
        if each.get("LogGroupName", "").startswith("/aws/containerinsights/")
    }
    names = {each["Properties"]["AddonName"]: name for name, each in cluster.resources(ADDON).items()}
    assert len(groups) == 4
    assert groups <= needed(cluster, names["amazon-cloudwatch-observability"])


def test_the_cloudwatch_agents_scrape_the_runtimes_namespaces(cluster: Template) -> None:
    properties = addons(cluster)["amazon-cloudwatch-observability"]["Properties"]
    agents = json.loads(resolved(properties["ConfigurationValues"]))["agents"]
    [scraper] = [each for each in agents if "prometheus" in each]
    [job] = scraper["prometheus"]["config"]["scrape_configs"]
    [discovery] = job["kubernetes_sd_configs"]
    assert discovery["namespaces"]["names"] == ["comfy", "default", "dynamic"]
    emf = scraper["config"]["logs"]["metrics_collected"]["prometheus"]
    assert emf["log_group_name"] == "/darkroom/sdoneks/agent-metrics"
    assert emf["cluster_name"] == "sdoneksStack"
    [association] = properties["PodIdentityAssociations"]
    assert association["ServiceAccount"] == "cloudwatch-agent"


@pytest.mark.parametrize(
    ("release", "source", "version", "namespace"),
    [
        ("karpenter-crd", "oci://public.ecr.aws/karpenter/karpenter-crd", "1.14.1", "kube-system"),
        ("karpenter", "oci://public.ecr.aws/karpenter/karpenter", "1.14.1", "kube-system"),
        ("keda", "https://kedacore.github.io/charts", "2.20.2", "keda"),
    ],
)
def test_charts_of_others_are_pinned_and_waited_for(
    cluster: Template, release: str, source: str, version: str, namespace: str
) -> None:
    properties = chart(cluster, release)["Properties"]
    assert (properties["Repository"], properties["Version"]) == (source, version)
    assert (properties["Namespace"], properties["Wait"]) == (namespace, True)


def test_definitions_of_karpenter_are_upgraded_by_a_chart_of_their_own(cluster: Template) -> None:
    names = {each["Properties"]["Release"]: name for name, each in cluster.resources(CHART).items()}
    assert names["karpenter-crd"] in needed(cluster, names["karpenter"])


def test_charts_and_images_come_from_mirrors_where_these_are_named(china: Template) -> None:
    sources = {
        name: chart(china, name)["Properties"]["Repository"]
        for name in ("karpenter-crd", "karpenter", "keda")
    }
    assert sources == {
        "karpenter-crd": f"oci://{MIRROR}/karpenter/karpenter-crd",
        "karpenter": f"oci://{MIRROR}/karpenter/karpenter",
        "keda": "https://charts.example.cn/keda",
    }
    image = values(china, "karpenter")["controller"]["image"]
    assert image == {"repository": f"{MIRROR}/karpenter/controller"}
    assert values(china, "keda")["global"] == {"image": {"registry": MIRROR}}


def test_karpenter_knows_its_cluster_and_hears_of_interruptions(cluster: Template) -> None:
    name, _ = cluster.only("AWS::EKS::Cluster")
    queue, properties = cluster.only("AWS::SQS::Queue")
    assert values(cluster, "karpenter")["settings"] == {
        "clusterName": f"<{name}>",
        "interruptionQueue": f"<{queue}.QueueName>",
    }
    assert (properties["MessageRetentionPeriod"], properties["SqsManagedSseEnabled"]) == (300, True)
    rules = cluster.properties("AWS::Events::Rule").values()
    assert {(*each["EventPattern"]["source"], *each["EventPattern"]["detail-type"]) for each in rules} == {
        ("aws.health", "AWS Health Event"),
        ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
        ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
        ("aws.ec2", "EC2 Instance State-change Notification"),
        ("aws.ec2", "EC2 Capacity Reservation Instance Interruption Warning"),
    }
    assert {resolved(target["Arn"]) for each in rules for target in each["Targets"]} == {f"<{queue}.Arn>"}


def test_only_these_rules_may_tell_of_interruptions(cluster: Template) -> None:
    allowed = {
        resolved(statement["Condition"]["ArnEquals"]["aws:SourceArn"])
        for name, statement in cluster.statements()
        if name.startswith("KarpenterInterruptionsPolicy") and statement["Effect"] == "Allow"
    }
    assert allowed == {f"<{name}.Arn>" for name in cluster.resources("AWS::Events::Rule")}


def test_karpenters_nodes_are_let_into_the_cluster(cluster: Template) -> None:
    role, _ = cluster.only("AWS::IAM::Role", starting="KarpenterNodeRole")
    [entry] = [
        each for each in cluster.properties("AWS::EKS::AccessEntry").values() if not each["AccessPolicies"]
    ]
    assert (resolved(entry["PrincipalArn"]), entry["Type"]) == (f"<{role}.Arn>", "EC2_LINUX")


def test_karpenter_has_its_rights_before_it_starts_and_until_it_has_gone(cluster: Template) -> None:
    [name] = [
        name
        for name, each in cluster.resources(CHART).items()
        if each["Properties"]["Release"] == "karpenter"
    ]
    before = needed(cluster, name)
    assert set(cluster.resources("AWS::IAM::ManagedPolicy")) <= before
    assert {each for each in cluster.resources(IDENTITY) if each.startswith("Karpenter")} <= before
    assert {each for each in cluster.resources("AWS::EKS::AccessEntry") if each.startswith("Karp")} <= before


CHANGING = {
    "ec2:CreateFleet",
    "ec2:CreateLaunchTemplate",
    "ec2:CreateTags",
    "ec2:DeleteLaunchTemplate",
    "ec2:RunInstances",
    "ec2:TerminateInstances",
    "iam:AddRoleToInstanceProfile",
    "iam:CreateInstanceProfile",
    "iam:DeleteInstanceProfile",
    "iam:PassRole",
    "iam:RemoveRoleFromInstanceProfile",
    "iam:TagInstanceProfile",
    "sqs:DeleteMessage",
}
READING = ("arc-zonal-shift:Get", "ec2:Describe", "eks:Describe", "iam:Get", "iam:List", "pricing:Get")
READING_TOO = ("sqs:GetQueueUrl", "sqs:ReceiveMessage", "ssm:GetParameter")


def test_karpenter_changes_only_what_its_cluster_owns(cluster: Template) -> None:
    node_role, _ = cluster.only("AWS::IAM::Role", starting="KarpenterNodeRole")
    changing = set()
    for each in statements(cluster, "Karpenter"):
        if each["Effect"] == "Deny":
            continue
        actions = {each["Action"]} if isinstance(each["Action"], str) else set(each["Action"])
        if all(action.startswith((*READING, *READING_TOO)) for action in actions):
            continue
        changing |= actions
        owned = {
            value
            for keys in each.get("Condition", {}).values()
            for key, value in keys.items()
            if key.endswith(OWNED)
        }
        named = each["Sid"] in {"LaunchFrom", "HearOfInterruptions", "PassNodeRole"}
        assert named != (owned == {"owned"}), each["Sid"]
    assert changing - {"sqs:GetQueueUrl", "sqs:ReceiveMessage"} == CHANGING
    [passing] = [each for each in statements(cluster, "Karpenter") if each["Action"] == "iam:PassRole"]
    assert resolved(passing["Resource"]) == f"<{node_role}.Arn>"


def test_keda_may_ask_how_long_the_runtimes_queues_are_and_nothing_else(cluster: Template) -> None:
    [only] = statements(cluster, "KedaOperatorDefault")
    assert only["Action"] == "sqs:GetQueueAttributes"
    asked = sorted(resolved(only["Resource"]))
    assert len(asked) == 3
    for arn, runtime in zip(asked, ("comfyruntime", "sddynamic", "sdruntime"), strict=True):
        assert arn.startswith(f"{QUEUE}PublishOutputFnGetAttRuntimes{runtime}Queue"), arn
    _, association = cluster.only(IDENTITY, starting="Keda")
    assert (association["Namespace"], association["ServiceAccount"]) == ("keda", "keda-operator")
    assert values(cluster, "keda")["serviceAccount"] == {"operator": {"name": "keda-operator"}}


def test_keda_has_its_rights_before_it_starts_and_until_it_has_gone(cluster: Template) -> None:
    [name] = [
        name for name, each in cluster.resources(CHART).items() if each["Properties"]["Release"] == "keda"
    ]
    rights = {
        each
        for type_ in ("AWS::IAM::Role", "AWS::IAM::Policy", IDENTITY)
        for each in cluster.resources(type_)
        if each.startswith("Keda")
    }
    assert len(rights) == 3
    assert rights <= needed(cluster, name)
