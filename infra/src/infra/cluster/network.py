"""The network of the cluster: a VPC of its own, or one that is there already."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.configuration.cluster import ExistingVpc, Network

DISCOVERY_TAG = "karpenter.sh/discovery"
PRIVATE_NETWORKS = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")

PRIVATE = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)


class ClusterNetwork(Construct):
    """`vpc`, whose private subnets are for nodes; their ids, where no tag of ours tells them; their networks.

    A VPC of ours has public and private subnets in as many zones as the configuration says, really: a stack
    without an account cannot look zones up, so CloudFormation picks them (`Fn::GetAZs`) or they are named.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Network,
        cluster: str,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        self.vpc: ec2.IVpc
        self.subnet_ids: list[str] = []
        self.node_cidrs = node_cidrs(settings)
        if settings.existing_vpc is not None:
            self.vpc = self._existing(settings.existing_vpc)
            self.subnet_ids = list(settings.existing_vpc.private_subnet_ids)
        else:
            self.vpc = self._made(settings, cluster, log_retention)

    def _existing(self, there: ExistingVpc) -> ec2.IVpc:
        return ec2.Vpc.from_vpc_attributes(
            self,
            "Existing",
            vpc_id=there.vpc_id,
            availability_zones=list(there.availability_zones),
            private_subnet_ids=list(there.private_subnet_ids),
            public_subnet_ids=list(there.public_subnet_ids) or None,
        )

    def _made(self, settings: Network, cluster: str, log_retention: logs.RetentionDays) -> ec2.Vpc:
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(settings.cidr),
            availability_zones=zones(settings),
            nat_gateways=settings.nat_gateways,
            restrict_default_security_group=False,  # that would take a function and a role of its own
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="public",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=settings.subnet_prefix,
                    map_public_ip_on_launch=False,  # only NAT gateways are there
                ),
                ec2.SubnetConfiguration(
                    name="private",
                    subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS,
                    cidr_mask=settings.subnet_prefix,
                ),
            ],
            # Models and pictures are most of the traffic: through a NAT gateway each gigabyte would cost.
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)
            },
        )
        for subnet in vpc.private_subnets:
            cdk.Tags.of(subnet).add(DISCOVERY_TAG, cluster)
        self._log_what_is_refused(vpc, log_retention)
        return vpc

    def _log_what_is_refused(self, vpc: ec2.Vpc, log_retention: logs.RetentionDays) -> None:
        group = logs.LogGroup(
            self, "Refused", retention=log_retention, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        vpc.add_flow_log(
            "RefusedTraffic",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )


def node_cidrs(settings: Network) -> list[str]:
    """Return the networks that nodes have their addresses in; wide where the configuration does not say."""
    if settings.existing_vpc is not None and "cidr" not in settings.model_fields_set:
        return list(PRIVATE_NETWORKS)
    return [settings.cidr]


def zones(settings: Network) -> list[str]:
    """Return the zones of a VPC of ours: those that are named, else the first ones of the region."""
    if settings.zone_names:
        return list(settings.zone_names)
    everywhere = cdk.Fn.get_azs()
    return [cdk.Fn.select(index, everywhere) for index in range(settings.zones)]
