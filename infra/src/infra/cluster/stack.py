from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.cluster.access import Access
from infra.cluster.addons import Addons, Watching
from infra.cluster.karpenter import Karpenter
from infra.cluster.keda import Keda
from infra.cluster.kubectl import Kubectl
from infra.cluster.network import PRIVATE, ClusterNetwork
from infra.cluster.nodes import SystemNodeGroup
from infra.config import Config, Network
from infra.dispatch.stack import DispatchStack
from infra.nag import acknowledge, acknowledge_managed
from infra.observability.stack import agent_metrics_log_group
from infra.retention import RETENTION
from infra.runtimes.places import queue_places

CONTROL_PLANE_LOGS = [
    eks.ClusterLoggingTypes.API,
    eks.ClusterLoggingTypes.AUDIT,
    eks.ClusterLoggingTypes.AUTHENTICATOR,
    eks.ClusterLoggingTypes.CONTROLLER_MANAGER,
    eks.ClusterLoggingTypes.SCHEDULER,
]


class ClusterStack(cdk.Stack):
    """The EKS cluster, with what starts pods and nodes when there is work (DESIGN 8).

    It belongs to no account and no region. Runtimes are stacks of their own, which come and go without it;
    what it knows of them is which queues KEDA asks, and which namespaces are watched.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, dispatch: DispatchStack
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=construct_id,  # in a stage of a pipeline too
            description="Darkroom: the cluster that images are made in",
            analytics_reporting=False,
        )
        self._config = config
        self._log_retention = RETENTION[config.observability.log_retention_days]
        self.network = ClusterNetwork(
            self,
            "Network",
            settings=config.network,
            cluster=config.cluster_name,
            log_retention=self._log_retention,
        )
        kubectl = Kubectl(self, "Kubectl", cluster=config.cluster_name)
        made = self._cluster(kubectl)
        self.cluster = cast("eks.ICluster", made)  # it is one, but its stubs lack a member
        addons = self._addons()
        nodes = SystemNodeGroup(self, "SystemNodes", cluster=self.cluster, settings=config.system_nodes)
        nodes.node.add_dependency(*addons.first)
        for addon in addons.then:
            addon.node.add_dependency(nodes)
        self.karpenter = Karpenter(
            self,
            "Karpenter",
            cluster=self.cluster,
            name=config.cluster_name,
            source=config.chart_sources.karpenter,
        )
        self.keda = Keda(
            self,
            "Keda",
            cluster=self.cluster,
            queue_arns=[place.arn for place in queue_places(self, dispatch).values()],
            source=config.chart_sources.keda,
        )
        for chart in (self.karpenter.definitions, self.karpenter.chart, self.keda.chart):
            chart.node.add_dependency(kubectl, nodes, addons.coredns)
        access = Access(self, "Access", cluster=made)
        cdk.CfnOutput(self, "ConfigCommand", value=access.command)
        cdk.CfnOutput(self, "AccessRoleArn", value=access.role.role_arn)
        cdk.CfnOutput(self, "ClusterName", value=self.cluster.cluster_name)

    def _cluster(self, kubectl: Kubectl) -> eks.Cluster:
        # EKS would make it, to be kept for ever.
        group = logs.LogGroup(
            self,
            "ControlPlaneLogs",
            log_group_name=f"/aws/eks/{self._config.cluster_name}/cluster",
            retention=self._log_retention,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        cluster = eks.Cluster(
            self,
            "Cluster",
            cluster_name=self._config.cluster_name,
            version=eks.KubernetesVersion.of(self._config.kubernetes_version),
            vpc=self.network.vpc,
            vpc_subnets=[PRIVATE],
            # Auto Mode takes no snapshot with images in it.
            default_capacity_type=eks.DefaultCapacityType.NODEGROUP,
            default_capacity=0,
            bootstrap_self_managed_addons=False,  # they are add-ons that EKS manages
            bootstrap_cluster_creator_admin_permissions=False,  # the access role is for that
            cluster_logging=CONTROL_PLANE_LOGS,
            endpoint_access=_endpoint(self._config.network),
            output_config_command=False,
            kubectl_provider_options=kubectl.options,
        )
        kubectl.drop_unused_condition()
        cluster.node.add_dependency(group)
        if self._config.network.public_api:
            acknowledge(
                cluster,
                "EKS1",
                reason="operators reach the API from outside, with credentials of IAM; nodes from within",
            )
        _accept(cluster)
        return cluster

    def _addons(self) -> Addons:
        return Addons(
            self,
            "Addons",
            cluster=self.cluster,
            model_bucket=self._config.model_bucket_arn,
            watching=Watching(
                cluster=self._config.cluster_name,
                metrics_group=agent_metrics_log_group(self._config),
                namespaces=sorted({runtime.namespace for runtime in self._config.models_runtime}),
                log_retention=self._log_retention,
            ),
        )


def _endpoint(settings: Network) -> eks.EndpointAccess:
    # Nodes, and the function that installs charts, are inside in both cases.
    return eks.EndpointAccess.PUBLIC_AND_PRIVATE if settings.public_api else eks.EndpointAccess.PRIVATE


def _accept(cluster: eks.Cluster) -> None:
    """Acknowledge what the CDK's own constructs do otherwise than cdk-nag asks."""
    acknowledge_managed(
        cluster,
        (
            "AmazonEKSClusterPolicy",
            "service-role/AWSLambdaBasicExecutionRole",
            "service-role/AWSLambdaVPCAccessExecutionRole",
        ),
        reason="what EKS documents for its control plane, and Lambda for the CDK's provider in a VPC",
    )
    handler = cluster.node.find_child("KubectlProvider").node.find_child("Handler").node.default_child
    assert isinstance(handler, cdk.CfnResource)
    name = cdk.Stack.of(cluster).resolve(handler.logical_id)
    acknowledge(
        cluster,
        f"IAM5[Resource::<{name}.Arn>:*]",
        reason="the CDK's provider calls its handler in any version",
    )
    acknowledge(cluster, "L1", reason="the CDK says what its own handlers run on")
