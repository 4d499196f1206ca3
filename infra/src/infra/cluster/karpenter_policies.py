"""What Karpenter's controller may do: the policies that its release 1.14.1 documents, for one cluster.

All that makes or ends something is held to the tags that Karpenter puts on what is its own.
"""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

NODEPOOL = "karpenter.sh/nodepool"
NODECLASS = "karpenter.k8s.aws/ec2nodeclass"
REGION_TAG = "topology.kubernetes.io/region"
NAME_TAG = "eks:eks-cluster-name"

MADE = ("fleet", "instance", "volume", "network-interface", "launch-template", "spot-instances-request")
USED = ("security-group", "subnet", "capacity-reservation", "placement-group")
LAUNCH = ("ec2:RunInstances", "ec2:CreateFleet")
READ = (
    "ec2:DescribeCapacityReservations",
    "ec2:DescribeImages",
    "ec2:DescribeInstances",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribePlacementGroups",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSpotPriceHistory",
    "ec2:DescribeSubnets",
)

Conditions = Mapping[str, Mapping[str, Any]]


def node_statements(cluster: str) -> list[iam.PolicyStatement]:
    """Return what makes, tags and ends instances; the cluster's name is known at synthesis."""
    owned = f"kubernetes.io/cluster/{cluster}"
    of_ours: Conditions = {
        "StringEquals": {f"aws:ResourceTag/{owned}": "owned"},
        "StringLike": {f"aws:ResourceTag/{NODEPOOL}": "*"},
    }
    as_ours = {f"aws:RequestTag/{owned}": "owned", f"aws:RequestTag/{NAME_TAG}": cluster}
    in_a_pool = {"StringLike": {f"aws:RequestTag/{NODEPOOL}": "*"}}
    made = [_ec2(kind) for kind in MADE]
    creators = ["RunInstances", "CreateFleet", "CreateLaunchTemplate"]
    retagging: Conditions = {
        **of_ours,
        "StringEqualsIfExists": {f"aws:RequestTag/{NAME_TAG}": cluster},
        "ForAllValues:StringEquals": {"aws:TagKeys": [NAME_TAG, "karpenter.sh/nodeclaim", "Name"]},
    }
    tagging: Conditions = {"StringEquals": as_ours | {"ec2:CreateAction": creators}, **in_a_pool}
    return [
        _allow("LaunchFrom", LAUNCH, [_public("image"), _public("snapshot"), *map(_ec2, USED)]),
        _allow("LaunchByOwnTemplates", LAUNCH, [_ec2("launch-template")], of_ours),
        _allow(
            "LaunchTagged",
            (*LAUNCH, "ec2:CreateLaunchTemplate"),
            made,
            {"StringEquals": as_ours, **in_a_pool},
        ),
        _allow("TagWhatIsMade", ("ec2:CreateTags",), made, tagging),
        _allow("TagOwnInstances", ("ec2:CreateTags",), [_ec2("instance")], retagging),
        _allow(
            "EndOwn",
            ("ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"),
            [_ec2("instance"), _ec2("launch-template")],
            of_ours,
        ),
    ]


def profile_statements(cluster: str, node_role_arn: str) -> list[iam.PolicyStatement]:
    """Return what gives a node its role, by instance profiles that Karpenter makes."""
    owned = f"kubernetes.io/cluster/{cluster}"
    profiles = [_iam("instance-profile/*")]
    there = {f"aws:ResourceTag/{owned}": "owned", f"aws:ResourceTag/{REGION_TAG}": cdk.Aws.REGION}
    asked = {
        f"aws:RequestTag/{owned}": "owned",
        f"aws:RequestTag/{NAME_TAG}": cluster,
        f"aws:RequestTag/{REGION_TAG}": cdk.Aws.REGION,
    }
    there_class = {f"aws:ResourceTag/{NODECLASS}": "*"}
    asked_class = {f"aws:RequestTag/{NODECLASS}": "*"}
    return [
        _allow(
            "PassNodeRole",
            ("iam:PassRole",),
            [node_role_arn],
            {"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]}},
        ),
        _allow(
            "MakeProfiles",
            ("iam:CreateInstanceProfile",),
            profiles,
            {"StringEquals": asked, "StringLike": asked_class},
        ),
        _allow(
            "TagOwnProfiles",
            ("iam:TagInstanceProfile",),
            profiles,
            {"StringEquals": there | asked, "StringLike": there_class | asked_class},
        ),
        _allow(
            "UseOwnProfiles",
            (
                "iam:AddRoleToInstanceProfile",
                "iam:RemoveRoleFromInstanceProfile",
                "iam:DeleteInstanceProfile",
            ),
            profiles,
            {"StringEquals": there, "StringLike": there_class},
        ),
        _allow("ReadProfiles", ("iam:GetInstanceProfile",), profiles),
        _allow("ListProfiles", ("iam:ListInstanceProfiles",), ["*"]),
    ]


def reading_statements(cluster_arn: str, queue_arn: str) -> list[iam.PolicyStatement]:
    """Return what tells of instance types, prices, images, interruptions and the cluster."""
    parameters = f"arn:{cdk.Aws.PARTITION}:ssm:{cdk.Aws.REGION}::parameter/aws/service/*"
    here: Conditions = {"StringEquals": {"aws:RequestedRegion": cdk.Aws.REGION}}
    shifted: Conditions = {"StringEquals": {"arc-zonal-shift:ResourceIdentifier": cluster_arn}}
    return [
        _allow("ReadCluster", ("eks:DescribeCluster",), [cluster_arn]),
        _allow(
            "HearOfInterruptions", ("sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"), [queue_arn]
        ),
        _allow("ReadZonalShift", ("arc-zonal-shift:GetManagedResource",), ["*"], shifted),
        _allow("ReadRegion", READ, ["*"], here),
        _allow("ReadImages", ("ssm:GetParameter",), [parameters]),
        _allow("ReadPrices", ("pricing:GetProducts",), ["*"]),
    ]


def _allow(
    sid: str, actions: tuple[str, ...], resources: list[str], conditions: Conditions | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=list(actions), resources=resources, conditions=conditions)


def _ec2(kind: str) -> str:
    return f"arn:{cdk.Aws.PARTITION}:ec2:{cdk.Aws.REGION}:*:{kind}/*"


def _public(kind: str) -> str:
    return f"arn:{cdk.Aws.PARTITION}:ec2:{cdk.Aws.REGION}::{kind}/*"


def _iam(name: str) -> str:
    return f"arn:{cdk.Aws.PARTITION}:iam::{cdk.Aws.ACCOUNT_ID}:{name}"
