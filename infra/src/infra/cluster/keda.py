"""KEDA: starts a runtime's pods when its queue has messages, and ends them when it has none."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.cluster import versions
from infra.cluster.identities import PodRole, associate
from infra.cluster.releases import release
from infra.configuration.cluster import KedaSource

NAMESPACE = "keda"
SERVICE_ACCOUNT = "keda-operator"


class Keda(Construct):
    """KEDA, whose operator may ask how long the queues are that it is told of, and nothing else."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        cluster: eks.ICluster,
        queue_arns: Sequence[str],
        source: KedaSource,
    ) -> None:
        super().__init__(scope, construct_id)
        role = PodRole(self, "Operator", description="Darkroom: KEDA's operator")
        role.add_to_policy(
            iam.PolicyStatement(
                sid="QueueLengths", actions=["sqs:GetQueueAttributes"], resources=list(queue_arns)
            )
        )
        identity = associate(
            self,
            "Identity",
            cluster=cluster.cluster_name,
            namespace=NAMESPACE,
            service_account=SERVICE_ACCOUNT,
            role=role,
        )
        self.chart = release(
            self,
            "Chart",
            cluster=cluster,
            chart="keda",
            source=source.chart,
            version=versions.KEDA,
            namespace=NAMESPACE,
            values=_values(source),
        )
        self.chart.node.add_dependency(identity, role)


def _values(source: KedaSource) -> Mapping[str, Any]:
    values: dict[str, Any] = {"serviceAccount": {"operator": {"name": SERVICE_ACCOUNT}}}
    if source.image_registry is not None:
        values["global"] = {"image": {"registry": source.image_registry}}
    return values
