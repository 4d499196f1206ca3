"""Karpenter: starts a GPU node when a runtime's pod has none, and ends it when it is empty."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.cluster import karpenter_policies as policies
from infra.cluster import versions
from infra.cluster.identities import PodRole, associate
from infra.cluster.nodes import NodeRole
from infra.cluster.releases import release
from infra.configuration.cluster import KarpenterSource
from infra.nag import acknowledge, acknowledge_open

NAMESPACE = "kube-system"
SERVICE_ACCOUNT = "karpenter"
KEEP_INTERRUPTIONS = Duration.minutes(5)  # an older one is of no use

# What ends an instance, or is about to: id of the rule, and source and type of the event.
INTERRUPTIONS = {
    "Health": ("aws.health", "AWS Health Event"),
    "Spot": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "Rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "State": ("aws.ec2", "EC2 Instance State-change Notification"),
    "Reservation": ("aws.ec2", "EC2 Capacity Reservation Instance Interruption Warning"),
}


class Karpenter(Construct):
    """Karpenter with its role, its queue of interruptions, and `node_role`, which its nodes have."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        cluster: eks.ICluster,
        name: str,
        source: KarpenterSource,
    ) -> None:
        """Make it.

        Args:
            scope: the stack.
            construct_id: in it.
            cluster: where it works.
            name: of the cluster, as text that is known at synthesis: keys of conditions hold it.
            source: where its charts and images come from.
        """
        super().__init__(scope, construct_id)
        self._cluster = cluster
        self._name = name
        self._source = source
        self.node_role = NodeRole(self, "NodeRole", description="Darkroom: nodes that Karpenter starts")
        admission = self._admission()
        self.queue = self._interruptions()
        role, rights = self._controller()
        identity = associate(
            self,
            "Identity",
            cluster=cluster.cluster_name,
            namespace=NAMESPACE,
            service_account=SERVICE_ACCOUNT,
            role=role,
        )
        self.definitions = self._definitions()
        self.chart = self._installed()
        # Also at the end: as long as it works it needs them.
        self.chart.node.add_dependency(self.definitions, identity, admission, role, *rights)

    def _admission(self) -> eks.AccessEntry:
        return eks.AccessEntry(
            self,
            "Nodes",
            cluster=self._cluster,
            principal=self.node_role.role_arn,
            access_policies=[],
            access_entry_type=eks.AccessEntryType.EC2_LINUX,
        )

    def _interruptions(self) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            "Interruptions",
            retention_period=KEEP_INTERRUPTIONS,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(queue, "SQS3", reason="an interruption that was not heard of in time is of no use later")
        for name, (source, kind) in INTERRUPTIONS.items():
            rule = events.CfnRule(
                self,
                f"{name}Rule",
                event_pattern={"source": [source], "detail-type": [kind]},
                targets=[events.CfnRule.TargetProperty(arn=queue.queue_arn, id="Interruptions")],
            )
            queue.add_to_resource_policy(_delivery(queue, rule, name))
        return queue

    def _controller(self) -> tuple[PodRole, list[iam.ManagedPolicy]]:
        role = PodRole(self, "Controller", description="Darkroom: Karpenter's controller")
        rights = []
        for kind, statements in {
            "Nodes": policies.node_statements(self._name),
            "Profiles": policies.profile_statements(self._name, self.node_role.role_arn),
            "Reading": policies.reading_statements(self._cluster.cluster_arn, self.queue.queue_arn),
        }.items():
            policy = iam.ManagedPolicy(
                self,
                f"{kind}Policy",
                description=f"Darkroom: Karpenter, {kind.lower()}",
                statements=statements,
                roles=[role],
            )
            acknowledge_open(
                policy,
                statements,
                reason="instances have no names before they are there: tags hold what Karpenter makes and"
                " ends to this cluster; what it only reads knows no resources",
            )
            rights.append(policy)
        return role, rights

    def _definitions(self) -> eks.HelmChart:
        # Helm never upgrades definitions that a chart brings in its folder `crds`: they have a chart. It has
        # to be there first: then Helm leaves them alone. The CDK's handler knows SkipCrds, and forgets it.
        return release(
            self,
            "Definitions",
            cluster=self._cluster,
            chart="karpenter-crd",
            source=self._source.crd_chart,
            version=versions.KARPENTER,
            namespace=NAMESPACE,
        )

    def _installed(self) -> eks.HelmChart:
        return release(
            self,
            "Chart",
            cluster=self._cluster,
            chart="karpenter",
            source=self._source.chart,
            version=versions.KARPENTER,
            namespace=NAMESPACE,
            values=self._values(),
        )

    def _values(self) -> Mapping[str, Any]:
        enough = {"cpu": "500m", "memory": "1Gi"}
        controller: dict[str, Any] = {"resources": {"requests": enough, "limits": {"memory": "1Gi"}}}
        if self._source.image_registry is not None:
            controller["image"] = {"repository": f"{self._source.image_registry}/karpenter/controller"}
        return {
            "serviceAccount": {"name": SERVICE_ACCOUNT},
            "settings": {
                "clusterName": self._cluster.cluster_name,
                "interruptionQueue": self.queue.queue_name,
            },
            "controller": controller,
        }


def _delivery(queue: sqs.IQueue, rule: events.CfnRule, name: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=f"{name}Events",
        principals=[iam.ServicePrincipal("events.amazonaws.com")],
        actions=["sqs:SendMessage"],
        resources=[queue.queue_arn],
        conditions={"ArnEquals": {"aws:SourceArn": rule.attr_arn}},
    )
