"""The keys of `config.yaml`, named as the public guide names them.

Each field's description says what is allowed: `infra.loading` puts it into the error of a wrong value, and
`infra.configuration.reference` into the reference page.
"""

from typing import Annotated, get_args

from pydantic import Field

from infra.configuration.api import ApiGateway, Throttle
from infra.configuration.cluster import ChartSources, KubernetesVersion, Network, SystemNodes
from infra.configuration.functions import Functions
from infra.configuration.observability import Alarms, Observability, Tracing
from infra.configuration.release import Release
from infra.configuration.runtimes import Inputs, Runtime, RuntimeType, Webhooks
from infra.configuration.section import Section
from task_schema import TASK_TYPES, Deployment, RuntimeSpec

__all__ = [
    "MAX_RUNTIMES",
    "Alarms",
    "ApiGateway",
    "ChartSources",
    "Config",
    "Inputs",
    "Network",
    "Observability",
    "Release",
    "Runtime",
    "RuntimeType",
    "Section",
    "SystemNodes",
    "Throttle",
    "Tracing",
    "Webhooks",
]

# A CloudFormation stack holds 500 resources: the dispatch stack has 117 (SnapStart's counted) and nine for
# each runtime. What is left is for what will be added.
MAX_RUNTIMES = 40

BUCKET_ARN = r"^arn:aws(-cn|-us-gov)?:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"


class Config(Section):
    """A deployment, as its `config.yaml` describes it."""

    stack_name: Annotated[
        str,
        Field(
            title=(
                "the name of the deployment: its stacks and its cluster are named <stackName>Stack and so on"
            ),
            alias="stackName",
            pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$",
            description="letters, digits and hyphens, starting with a letter, at most 64",
        ),
    ] = "sdoneks"
    model_bucket_arn: Annotated[
        str,
        Field(
            title=(
                "the bucket with your models, in the region of the deployment; its partition is "
                "the deployment's"
            ),
            alias="modelBucketArn",
            pattern=BUCKET_ARN,
            description="the ARN of the bucket that holds your models: arn:aws:s3:::<bucket name>"
            " (arn:aws-cn:s3:::<bucket name> in China)",
        ),
    ]
    apigw: Annotated[
        ApiGateway,
        Field(
            title="the API",
            alias="APIGW",
            description="a mapping with stageName, throttle, statusThrottle and fairQueues",
        ),
    ] = ApiGateway()
    models_runtime: Annotated[
        list[Runtime],
        Field(
            title="the runtimes: each has a queue, a chart release and nodes of its own",
            alias="modelsRuntime",
            min_length=1,
            max_length=MAX_RUNTIMES,
            description=f"a list of 1 to {MAX_RUNTIMES} runtimes; more of them go into another deployment,"
            " with a config.yaml and a stackName of its own",
        ),
    ]
    runtime_types: list[RuntimeType] = Field(
        title="types of your own, which extensions of the queue agent serve",
        default_factory=list,
        alias="runtimeTypes",
        description="a list of types, each with name and taskTypes",
    )
    release: Annotated[
        Release,
        Field(
            title="which releases run here; by default those of this checkout",
            description="a mapping with queueAgent, validator, status and notifier",
        ),
    ] = Release()
    inputs: Annotated[
        Inputs,
        Field(
            title="where else than the public web the inputs of a task may come from",
            description="a mapping with s3 and hosts",
        ),
    ] = Inputs()
    functions: Annotated[
        Functions,
        Field(
            title="the Lambda functions: what they run on, how they start, how many at once",
            description="a mapping with architecture, snapStart, validatorConcurrency and statusConcurrency",
        ),
    ] = Functions()
    webhooks: Annotated[
        Webhooks,
        Field(
            title="webhooks: what they are signed with, where else than the public web they may go, and when"
            " they are tried again",
            description="a mapping with secret, hosts and retryDelays",
        ),
    ] = Webhooks()
    network: Annotated[
        Network,
        Field(
            title="the VPC of the cluster: one that is made, or one that exists",
            description="a mapping with cidr, zones, zoneNames and natGateways, or with cidr and existingVpc;"
            " and publicApi",
        ),
    ] = Network()
    kubernetes_version: Annotated[
        KubernetesVersion,
        Field(
            title="the version of the cluster; EKS goes up one minor version at a time, never down",
            alias="kubernetesVersion",
            description="text, in quotes: " + ", ".join(f'"{each}"' for each in get_args(KubernetesVersion)),
        ),
    ] = "1.35"
    system_nodes: Annotated[
        SystemNodes,
        Field(
            title="the nodes that Karpenter, KEDA and the add-ons run on",
            alias="systemNodes",
            description="a mapping with instanceType and count",
        ),
    ] = SystemNodes()
    chart_sources: Annotated[
        ChartSources,
        Field(
            title="where the cluster's own charts and images come from; for mirrors",
            alias="chartSources",
            description="a mapping with karpenter and keda",
        ),
    ] = ChartSources()
    observability: Annotated[
        Observability,
        Field(
            title="logs, traces and alarms", description="a mapping with logRetentionDays, tracing and alarms"
        ),
    ] = Observability()

    @property
    def cluster_name(self) -> str:
        """The name of the EKS cluster."""
        return f"{self.stack_name}Stack"

    @property
    def partition(self) -> str:
        """The partition that the deployment is for: `aws`, `aws-cn` or `aws-us-gov`."""
        return self.model_bucket_arn.split(":")[1]

    @property
    def deployment(self) -> Deployment:
        """The runtimes as the validator and the agents know them."""
        custom = {own.name: tuple(own.task_types) for own in self.runtime_types}
        return Deployment(
            runtimes=tuple(
                RuntimeSpec(
                    name=runtime.name,
                    type=runtime.type,
                    model_filename=runtime.model_filename,
                    dynamic_model=runtime.dynamic_model,
                    task_types=custom.get(runtime.type),
                )
                for runtime in self.models_runtime
            )
        )

    @property
    def types(self) -> tuple[str, ...]:
        """The runtime types that this deployment knows: those built in, then its own."""
        return (*TASK_TYPES, *(own.name for own in self.runtime_types))
