from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from infra.cluster.identities import associate
from infra.cluster.stack import ClusterStack
from infra.config import Config, Runtime
from infra.dispatch.stack import DispatchStack
from infra.errors import SynthesisError
from infra.runtimes.extra_values import ChartSchema
from infra.runtimes.places import queue_places, shared_places
from infra.runtimes.role import RuntimeRole
from infra.runtimes.values import ClusterFacts, as_json, chart_values

CHART = "sd-on-eks"
# What a chart's folder holds for those who develop it; a change of it is no new release.
NOT_IN_CHART = ["BUILD", "*.md", "tests", "__pycache__"]


class RuntimeStack(cdk.Stack):
    """One runtime in the cluster: the role of its pods and the release of its chart.

    It can be removed on its own, and another one added, without a change to its neighbours.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        runtime: Runtime,
        dispatch: DispatchStack,
        cluster: ClusterStack,
        chart: Path,
    ) -> None:
        """Make it; `chart` is the folder of our chart, for runtimes that name no other.

        Raises:
            SynthesisError: that chart does not take the `extraValues` of some runtimes.
        """
        runtime = _checked(config, runtime, chart)
        super().__init__(
            scope,
            construct_id,
            stack_name=construct_id,  # in a stage of a pipeline too
            description=f"Darkroom: the runtime {runtime.name}",
            analytics_reporting=False,
        )
        self.add_stack_dependency(dispatch)
        self.add_stack_dependency(cluster)
        places = shared_places(self, dispatch)
        queue = queue_places(self, dispatch)[runtime.name]
        role = RuntimeRole(
            self,
            "Role",
            runtime=runtime.name,
            places=places,
            queue=queue,
            models=config.model_bucket_arn,
            inputs=config.inputs.s3,
        )
        facts = ClusterFacts(
            name=config.cluster_name,
            region=self.region,
            node_role=cluster.karpenter.node_role.role_name,
            security_group=cluster.cluster.cluster_security_group_id,
            registry=f"{self.account}.dkr.ecr.{self.region}.{self.url_suffix}",
            subnets=cluster.network.subnet_ids,
            node_cidrs=cluster.network.node_cidrs,
        )
        values = chart_values(config, runtime, places=places, queue=queue, cluster=facts)
        identity = associate(
            self,
            "Identity",
            cluster=cluster.cluster.cluster_name,
            namespace=runtime.namespace,
            service_account=values["runtime"].get("serviceAccountName") or runtime.name,
            role=role,
        )
        self.release = self._release(runtime, cluster.cluster, chart)
        set_values(self.release, as_json(values))
        # A pod gets its role when it starts: the association has to be there before.
        self.release.node.add_dependency(identity, role)

    def _release(self, runtime: Runtime, cluster: eks.ICluster, chart: Path) -> eks.HelmChart:
        asset = None
        if not runtime.chart_repository:
            asset = s3_assets.Asset(self, "Chart", path=str(chart), exclude=NOT_IN_CHART)
        return eks.HelmChart(
            self,
            # A release does not move: with another namespace, another one is made and the old one removed.
            f"Release-{runtime.namespace}",
            cluster=cluster,
            chart=None if asset else CHART,
            chart_asset=asset,
            repository=runtime.chart_repository or None,
            version=runtime.chart_version or None,
            release=runtime.name,
            namespace=runtime.namespace,
            create_namespace=True,  # and never removed: others may live there too
        )


def _checked(config: Config, runtime: Runtime, chart: Path) -> Runtime:
    """Return a runtime without sections of `extraValues` that are left empty.

    Raises:
        SynthesisError: with all that our chart does not take of any runtime's.
    """
    schema = ChartSchema(chart)
    problems = [
        problem
        for index, each in enumerate(config.models_runtime)
        if not each.chart_repository
        for problem in schema.problems(f"modelsRuntime[{index}].extraValues", each.extra_values)
    ]
    if problems:
        raise SynthesisError(
            "\n".join(["the chart does not take these values:", *(f"  {problem}" for problem in problems)])
        )
    if runtime.chart_repository:
        return runtime
    return runtime.model_copy(update={"extra_values": schema.filled(runtime.extra_values)})


def set_values(release: eks.HelmChart, values: str) -> None:
    """Give a release its values as text."""
    resource = release.node.find_child("Resource").node.default_child
    if not isinstance(resource, cdk.CfnResource):
        raise TypeError("the CDK's Helm chart is no custom resource any more")
    resource.add_property_override("Values", values)
