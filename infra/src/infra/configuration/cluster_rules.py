"""Rules of `network` and `systemNodes` that tie several keys together, or read inside a value."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network

from infra.config import Config, Network
from infra.configuration.cluster import ExistingVpc

LARGEST_VPC, SMALLEST_VPC = 16, 22  # an EKS subnet of less than 128 addresses has no room for pods
# Where VPCs may be without being taken for the internet: RFC 1918 and the shared space of RFC 6598.
PRIVATE = [IPv4Network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]
OF_A_NEW_VPC = ("zones", "zone_names", "nat_gateways")
ACCELERATED = ("g", "gr", "p", "inf", "trn", "vt", "dl", "f")  # families, before their number
TOO_SMALL = ("nano", "micro", "small")


def cluster_problems(config: Config) -> list[str]:
    """Return what is wrong with the cluster's own settings."""
    vpc = config.network.existing_vpc
    network = _new_vpc(config.network) if vpc is None else _existing_vpc(config.network, vpc)
    return [*network, *_system_nodes(config)]


def _new_vpc(network: Network) -> Iterator[str]:
    yield from _cidr(network.cidr, new=True)
    if network.nat_gateways > network.zones:
        yield (
            f"network.natGateways: {network.nat_gateways} is more than one in each of the"
            f" {network.zones} zones; allowed is 1 to {network.zones}"
        )
    names = network.zone_names
    if names and len(names) != network.zones:
        yield (
            f"network.zoneNames: {len(names)} given, but network.zones is {network.zones};"
            " name as many as there are, or leave the key out"
        )
    yield from _zones("network.zoneNames", names)


def _cidr(cidr: str, *, new: bool) -> Iterator[str]:
    try:
        network = IPv4Network(cidr)
    except ValueError as exc:
        yield f'network.cidr: "{cidr}" is no network: {exc}; allowed is one such as 10.0.0.0/16'
        return
    if new and not LARGEST_VPC <= network.prefixlen <= SMALLEST_VPC:
        yield (
            f'network.cidr: "{cidr}" is not allowed; allowed is a size from /{LARGEST_VPC} to /{SMALLEST_VPC}'
        )
    if not any(network.subnet_of(private) for private in PRIVATE):
        yield (
            f'network.cidr: "{cidr}" is not a private network; allowed are parts of '
            + ", ".join(str(private) for private in PRIVATE)
        )


def _existing_vpc(network: Network, vpc: ExistingVpc) -> Iterator[str]:
    path = "network.existingVpc"
    yield from _cidr(network.cidr, new=False)
    for name in OF_A_NEW_VPC:
        if name in network.model_fields_set:
            key = type(network).model_fields[name].alias or name
            yield f"network.{key}: describes a VPC to be made; leave it out, since {path} names one"
    zones = vpc.availability_zones
    yield from _zones(f"{path}.availabilityZones", zones)
    for key, subnets in (
        ("privateSubnetIds", vpc.private_subnet_ids),
        ("publicSubnetIds", vpc.public_subnet_ids),
    ):
        if subnets and len(subnets) != len(zones):
            yield (
                f"{path}.{key}: {len(subnets)} for {len(zones)} zones;"
                " give one for each of availabilityZones, in their order"
            )
    yield from _subnets(path, vpc)


def _subnets(path: str, vpc: ExistingVpc) -> Iterator[str]:
    seen: dict[str, str] = {}
    for key, subnets in (
        ("privateSubnetIds", vpc.private_subnet_ids),
        ("publicSubnetIds", vpc.public_subnet_ids),
    ):
        for index, subnet in enumerate(subnets):
            here = f"{key}[{index}]"
            if (first := seen.setdefault(subnet, here)) != here:
                yield f'{path}.{here}: "{subnet}" is {first} already; each subnet is given once'


def _zones(path: str, zones: Sequence[str]) -> Iterator[str]:
    for index, zone in enumerate(zones):
        if zones.index(zone) < index:
            yield f'{path}[{index}]: "{zone}" is {path}[{zones.index(zone)}] already; each zone is given once'
        elif region_of(zone) != region_of(zones[0]):
            yield f'{path}[{index}]: "{zone}" is not in {region_of(zones[0])}, where the first of them is'


def region_of(zone: str) -> str:
    """Return the region of an availability zone: `us-west-2` of `us-west-2a`."""
    return zone.rstrip("abcdefghijklmnopqrstuvwxyz")


def _system_nodes(config: Config) -> Iterator[str]:
    wanted = config.system_nodes.instance_type
    family, _, size = wanted.partition(".")
    path = "systemNodes.instanceType"
    if _letters(family) in ACCELERATED:
        yield (
            f'{path}: "{wanted}" has an accelerator, which nothing on these nodes uses;'
            " allowed is a type without one, such as m7g.large;"
            " the GPUs of a runtime are in its extraValues.karpenter"
        )
    if size in TOO_SMALL:
        yield (
            f'{path}: "{wanted}" has no room for Karpenter, KEDA and the add-ons;'
            " allowed is a size of medium or larger"
        )


def _letters(family: str) -> str:
    return family[: next((at for at, char in enumerate(family) if not char.isalpha()), len(family))]
