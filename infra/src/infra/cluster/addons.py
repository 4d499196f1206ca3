"""The add-ons that EKS manages: network, names, identities, models from S3, logs and metrics.

Their versions are those that EKS recommends for the cluster's Kubernetes when they are installed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.cluster.identities import PodRole
from infra.nag import acknowledge_managed, acknowledge_open
from infra.observability import agent_scrape

WATCHING_POLICIES = ("CloudWatchAgentServerPolicy", "AWSXrayWriteOnlyAccess")
CONTAINER_INSIGHTS = ("application", "dataplane", "host", "performance")


@dataclass(frozen=True)
class Watching:
    """What the CloudWatch agents have to know, and who they write for."""

    cluster: str
    metrics_group: str
    namespaces: Sequence[str]
    log_retention: logs.RetentionDays


class Addons(Construct):
    """The add-ons: `first` are there before any node, the others need nodes to run on."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        cluster: eks.ICluster,
        model_bucket: str,
        watching: Watching,
    ) -> None:
        """Make them; `model_bucket` is the ARN of the bucket that pods mount."""
        super().__init__(scope, construct_id)
        self._cluster = cluster
        self.first = [
            self._addon("vpc-cni", values={"enableNetworkPolicy": "true"}),
            self._addon("kube-proxy"),
            self._addon("eks-pod-identity-agent"),
        ]
        self.coredns = self._addon("coredns")
        self.then = [
            self.coredns,
            self._addon(
                "aws-mountpoint-s3-csi-driver", identity=("s3-csi-driver-sa", self._mounts(model_bucket))
            ),
            self._cloudwatch(watching),
        ]

    def _addon(
        self,
        name: str,
        *,
        values: Mapping[str, Any] | None = None,
        identity: tuple[str, iam.IRole] | None = None,
    ) -> eks.CfnAddon:
        associations = None
        if identity is not None:
            service_account, role = identity
            associations = [
                eks.CfnAddon.PodIdentityAssociationProperty(
                    service_account=service_account, role_arn=role.role_arn
                )
            ]
        addon = eks.CfnAddon(
            self,
            name,
            addon_name=name,
            cluster_name=self._cluster.cluster_name,
            configuration_values=None if values is None else json.dumps(values),
            pod_identity_associations=associations,
            resolve_conflicts="OVERWRITE",
        )
        if identity is not None:
            addon.node.add_dependency(identity[1])  # with its rights
        return addon

    def _mounts(self, bucket: str) -> PodRole:
        role = PodRole(self, "Mounts", description="Darkroom: mounts the model bucket")
        statements = [
            iam.PolicyStatement(sid="ListModels", actions=["s3:ListBucket"], resources=[bucket]),
            iam.PolicyStatement(sid="ReadModels", actions=["s3:GetObject"], resources=[f"{bucket}/*"]),
        ]
        for statement in statements:
            role.add_to_policy(statement)
        acknowledge_open(role, statements, reason="a runtime may load any model of the bucket")
        return role

    def _cloudwatch(self, watching: Watching) -> eks.CfnAddon:
        role = PodRole(self, "Watcher", description="Darkroom: CloudWatch agents and Fluent Bit")
        for policy in WATCHING_POLICIES:
            role.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name(policy))
        acknowledge_managed(
            role, WATCHING_POLICIES, reason="what AWS documents for this add-on, and keeps in step with it"
        )
        agents = agent_scrape.agents(
            cluster=watching.cluster,
            region=cdk.Stack.of(self).region,
            log_group=watching.metrics_group,
            namespaces=watching.namespaces,
        )
        addon = self._addon(
            "amazon-cloudwatch-observability",
            values={"agents": agents},
            identity=("cloudwatch-agent", role),
        )
        for kind in CONTAINER_INSIGHTS:
            # Where they are missing the add-on makes them, to be kept for ever.
            group = logs.LogGroup(
                self,
                f"{kind}-logs",
                log_group_name=f"/aws/containerinsights/{watching.cluster}/{kind}",
                retention=watching.log_retention,
                removal_policy=cdk.RemovalPolicy.DESTROY,
            )
            addon.node.add_dependency(group)
        return addon
