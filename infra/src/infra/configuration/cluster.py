"""What the cluster is made of: the sections `network`, `systemNodes` and `chartSources`."""

from ipaddress import IPv4Network
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from infra.configuration.section import Section

# Zones of a region only: EKS has no control plane in Local Zones (us-west-2-lax-1a) and Wavelength Zones.
ZONE = r"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}[a-z]$"
SUBNET = r"^subnet-[0-9a-f]{8,17}$"
VPC = r"^vpc-[0-9a-f]{8,17}$"
# Family, generation, what is special; size. Those of another form (u-6tb1.metal) the CDK does not know.
INSTANCE_TYPE = (
    r"^[a-z]{1,4}[0-9]{1,2}[a-z-]{0,12}"
    r"\.(nano|micro|small|medium|large|([1-9][0-9]{0,2})?xlarge|metal(-[1-9][0-9]?xl)?)$"
)
CHART_ADDRESS = r"^(oci|https?)://[^\s<>]+$"
REGISTRY = r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?(/[a-z0-9._-]+)*$"
CIDR = r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$"

# The kubectl layer works one minor version up and down; add-ons, Karpenter and KEDA know all of these.
KubernetesVersion = Literal["1.34", "1.35", "1.36"]

Zone = Annotated[str, StringConstraints(pattern=ZONE)]
Subnet = Annotated[str, StringConstraints(pattern=SUBNET)]

SUBNET_BITS = 3  # a VPC is cut into eight subnets: /19 in a /16
KARPENTER_CHART = "oci://public.ecr.aws/karpenter/karpenter"
KARPENTER_CRD_CHART = "oci://public.ecr.aws/karpenter/karpenter-crd"
KEDA_CHARTS = "https://kedacore.github.io/charts"


class ExistingVpc(Section):
    """The section `network.existingVpc`: a VPC that is there already, described by what it has."""

    vpc_id: Annotated[
        str,
        Field(
            title="the VPC", alias="vpcId", pattern=VPC, description="the id of a VPC: vpc-0123456789abcdef0"
        ),
    ]
    availability_zones: Annotated[
        list[Zone],
        Field(
            title="the zones of its subnets",
            alias="availabilityZones",
            min_length=2,
            max_length=6,
            description="a list of 2 to 6 zones of a region, such as us-west-2a; no Local Zones",
        ),
    ]
    private_subnet_ids: Annotated[
        list[Subnet],
        Field(
            title="where nodes and pods are",
            alias="privateSubnetIds",
            min_length=2,
            max_length=6,
            description="a list of subnets, one for each of availabilityZones, in their order;"
            " they need a way out to the internet",
        ),
    ]
    public_subnet_ids: list[Subnet] = Field(
        title="where load balancers could be; nothing of ours uses them",
        default_factory=list,
        alias="publicSubnetIds",
        max_length=6,
        description="nothing, or a list of subnets, one for each of availabilityZones, in their order",
    )


def _one_for_each_zone(data: dict[str, Any]) -> int:
    return int(data.get("zones", 3))


class Network(Section):
    """The section `network`: the VPC that is made for the cluster, or one that exists."""

    cidr: Annotated[
        str,
        Field(
            title="the addresses of the VPC; of a new one each subnet has an eighth",
            pattern=CIDR,
            description="a private network of IPv4, such as 10.0.0.0/16; a new VPC has /16 to /22",
        ),
    ] = "10.0.0.0/16"
    zones: Annotated[
        int,
        Field(
            title="how many zones a new VPC has, each with a public and a private subnet",
            ge=2,
            le=4,
            description="a whole number from 2 to 4",
        ),
    ] = 3
    zone_names: list[Zone] = Field(
        title=(
            "which zones, where not all of a region are good: EKS knows some that it cannot "
            "use, and GPUs are not in each"
        ),
        default_factory=list,
        alias="zoneNames",
        description="a list of zones of one region, such as [us-east-1a, us-east-1b, us-east-1c],"
        " no Local Zones; nothing: the first ones of the region",
    )
    nat_gateways: int = Field(
        title="how many ways out the private subnets of a new VPC have",
        default_factory=_one_for_each_zone,
        alias="natGateways",
        ge=1,
        le=4,
        description="a whole number from 1 to the number of zones, which is the default",
    )
    existing_vpc: Annotated[
        ExistingVpc | None,
        Field(
            title="a VPC that is there already, instead of a new one",
            alias="existingVpc",
            description="a mapping with vpcId, availabilityZones, privateSubnetIds and publicSubnetIds",
        ),
    ] = None
    public_api: Annotated[
        bool,
        Field(
            title="whether the cluster's API answers outside the VPC too, to credentials of IAM;"
            " without that kubectl needs a way into the VPC, deploying does not",
            alias="publicApi",
            description="true or false",
        ),
    ] = True

    @property
    def subnet_prefix(self) -> int:
        """The length of each subnet's prefix: 19 where the VPC's is 16."""
        return IPv4Network(self.cidr).prefixlen + SUBNET_BITS


class SystemNodes(Section):
    """The section `systemNodes`: the nodes that Karpenter, KEDA and the add-ons run on."""

    instance_type: Annotated[
        str,
        Field(
            title="what they are",
            alias="instanceType",
            pattern=INSTANCE_TYPE,
            description="an EC2 instance type without a GPU, such as m7g.large (Arm) or m7i.large (x86)",
        ),
    ] = "m7g.large"
    count: Annotated[
        int,
        Field(
            title="how many there are",
            ge=2,
            le=10,
            description="a whole number from 2 to 10 (Karpenter's two replicas never share one)",
        ),
    ] = 2


ChartAddress = Annotated[
    str,
    Field(
        pattern=CHART_ADDRESS,
        description="an address that starts with oci://, https:// or http://;"
        " an oci:// address names the chart, another the repository",
    ),
]
Registry = Annotated[
    str | None,
    Field(
        title="where the images are, with the paths and tags that they have in the chart",
        alias="imageRegistry",
        pattern=REGISTRY,
        description="a registry, with or without a path: 123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn;"
        " nothing: the chart's own",
    ),
]


class KarpenterSource(Section):
    """The section `chartSources.karpenter`."""

    chart: Annotated[ChartAddress, Field(title="Karpenter's chart")] = KARPENTER_CHART
    crd_chart: Annotated[
        ChartAddress, Field(title="the chart of its resource definitions", alias="crdChart")
    ] = KARPENTER_CRD_CHART
    image_registry: Registry = None


class KedaSource(Section):
    """The section `chartSources.keda`."""

    chart: Annotated[ChartAddress, Field(title="where KEDA's chart is")] = KEDA_CHARTS
    image_registry: Registry = None


class ChartSources(Section):
    """The section `chartSources`: where the cluster's own charts and their images come from; for mirrors."""

    karpenter: Annotated[
        KarpenterSource,
        Field(title="what makes nodes", description="a mapping with chart, crdChart and imageRegistry"),
    ] = KarpenterSource()
    keda: Annotated[
        KedaSource, Field(title="what makes pods", description="a mapping with chart and imageRegistry")
    ] = KedaSource()
