"""The network of the cluster, and its nodes."""

from typing import Any

import pytest

from infra.cluster.network import node_cidrs, zones
from infra.configuration.cluster import Network
from infra.testing import Template, resolved

SUBNET = "AWS::EC2::Subnet"
PRIVATE_IDS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
ZONES = ["us-east-1a", "us-east-1b", "us-east-1d"]


def subnets(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: properties
        for name, properties in template.properties(SUBNET).items()
        if {"Key": "aws-cdk:subnet-type", "Value": kind} in properties["Tags"]
    }


@pytest.mark.parametrize(
    ("kind", "networks"),
    [
        ("Public", ["10.0.0.0/19", "10.0.32.0/19", "10.0.64.0/19"]),
        ("Private", ["10.0.96.0/19", "10.0.128.0/19", "10.0.160.0/19"]),
    ],
)
def test_there_are_three_subnets_of_a_kind_each_in_a_zone_of_its_own(
    cluster: Template, kind: str, networks: list[str]
) -> None:
    found = subnets(cluster, kind).values()
    assert [properties["CidrBlock"] for properties in found] == networks
    places = [properties["AvailabilityZone"] for properties in found]
    assert places == [{"Fn::Select": [index, {"Fn::GetAZs": ""}]} for index in range(3)]


def test_no_subnet_gives_out_public_addresses(cluster: Template) -> None:
    given = {properties["MapPublicIpOnLaunch"] for properties in cluster.properties(SUBNET).values()}
    assert given == {False}


def test_each_zone_has_a_way_out_of_its_own(cluster: Template) -> None:
    gateways = cluster.properties("AWS::EC2::NatGateway")
    assert {resolved(each["SubnetId"]) for each in gateways.values()} == {
        f"<{name}>" for name in subnets(cluster, "Public")
    }
    used = [
        resolved(route["NatGatewayId"])
        for route in cluster.properties("AWS::EC2::Route").values()
        if "NatGatewayId" in route
    ]
    assert sorted(used) == sorted(f"<{name}>" for name in gateways)


def test_models_and_pictures_do_not_pass_the_nat_gateways(cluster: Template) -> None:
    _, endpoint = cluster.only("AWS::EC2::VPCEndpoint")
    assert resolved(endpoint["ServiceName"]) == "com.amazonaws.<AWS::Region>.s3"
    tables = {resolved(table) for table in endpoint["RouteTableIds"]}
    private = {
        resolved(link["RouteTableId"])
        for link in cluster.properties("AWS::EC2::SubnetRouteTableAssociation").values()
        if resolved(link["SubnetId"]).strip("<>") in subnets(cluster, "Private")
    }
    assert len(private) == 3
    assert private <= tables


def test_only_private_subnets_are_found_by_karpenters_tag(cluster: Template) -> None:
    tag = {"Key": "karpenter.sh/discovery", "Value": "sdoneksStack"}
    tagged = {name for name, properties in cluster.properties(SUBNET).items() if tag in properties["Tags"]}
    assert tagged == set(subnets(cluster, "Private"))


def test_refused_traffic_is_logged(cluster: Template) -> None:
    _, log = cluster.only("AWS::EC2::FlowLog")
    assert (log["TrafficType"], log["LogDestinationType"]) == ("REJECT", "cloud-watch-logs")


def test_a_vpc_that_exists_is_used_and_nothing_is_made_in_it(china: Template) -> None:
    assert not {type_ for type_ in china.types if type_.startswith("AWS::EC2::")} - {
        "AWS::EC2::LaunchTemplate",
        "AWS::EC2::SecurityGroup",
    }
    _, group = china.only("AWS::EC2::SecurityGroup")
    assert group["VpcId"] == "vpc-0123456789abcdef0"
    _, cluster = china.only("AWS::EKS::Cluster")
    _, nodes = china.only("AWS::EKS::Nodegroup")
    assert cluster["ResourcesVpcConfig"]["SubnetIds"] == PRIVATE_IDS
    assert nodes["Subnets"] == PRIVATE_IDS


def test_zones_can_be_named_where_not_all_of_a_region_will_do() -> None:
    assert zones(Network.model_validate({"zoneNames": ZONES})) == ZONES


EXISTING = {
    "existingVpc": {
        "vpcId": "vpc-0123456789abcdef0",
        "availabilityZones": ["us-east-1a", "us-east-1b"],
        "privateSubnetIds": PRIVATE_IDS,
    }
}
PRIVATE_RANGES = ["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"]


@pytest.mark.parametrize(
    ("settings", "networks"),
    [
        ({"cidr": "10.7.0.0/16"}, ["10.7.0.0/16"]),
        (EXISTING, PRIVATE_RANGES),
        ({**EXISTING, "cidr": "172.20.0.0/16"}, ["172.20.0.0/16"]),
    ],
)
def test_pods_know_where_nodes_are(settings: dict[str, Any], networks: list[str]) -> None:
    assert node_cidrs(Network.model_validate(settings)) == networks


@pytest.mark.parametrize(
    ("fixture", "type_", "image", "count"),
    [("cluster", "m7g.large", "BOTTLEROCKET_ARM_64", 2), ("china", "m6i.large", "BOTTLEROCKET_x86_64", 3)],
)
def test_system_nodes_run_bottlerocket_for_their_processor(
    request: pytest.FixtureRequest, fixture: str, type_: str, image: str, count: int
) -> None:
    _, nodes = request.getfixturevalue(fixture).only("AWS::EKS::Nodegroup")
    assert (nodes["InstanceTypes"], nodes["AmiType"]) == ([type_], image)
    assert nodes["ScalingConfig"] == {"DesiredSize": count, "MinSize": count, "MaxSize": count}


def test_a_system_node_is_replaced_only_when_its_pods_may_go(cluster: Template) -> None:
    _, nodes = cluster.only("AWS::EKS::Nodegroup")
    assert nodes["ForceUpdateEnabled"] is False


def test_no_pod_reaches_the_role_of_a_system_node_and_its_disks_are_encrypted(cluster: Template) -> None:
    _, template = cluster.only("AWS::EC2::LaunchTemplate")
    data = template["LaunchTemplateData"]
    assert data["MetadataOptions"] == {"HttpPutResponseHopLimit": 1, "HttpTokens": "required"}
    assert [each["Ebs"]["Encrypted"] for each in data["BlockDeviceMappings"]] == [True, True]


def test_nodes_of_both_kinds_may_be_nodes_and_no_more_in_any_partition(cluster: Template) -> None:
    for start in ("SystemNodesRole", "KarpenterNodeRole"):
        _, role = cluster.only("AWS::IAM::Role", starting=start)
        [trusted] = role["AssumeRolePolicyDocument"]["Statement"]
        assert resolved(trusted["Principal"]) == {"Service": "ec2.<AWS::URLSuffix>"}
        assert {resolved(arn).rpartition("/")[2] for arn in role["ManagedPolicyArns"]} == {
            "AmazonEC2ContainerRegistryPullOnly",
            "AmazonEKSWorkerNodePolicy",
            "AmazonEKS_CNI_Policy",
            "AmazonSSMManagedInstanceCore",
        }
