"""What an account may have of the things that a deployment takes."""

from collections.abc import Iterator
from dataclasses import dataclass

from darkroom_cli.deploying.aws import AWS_ERRORS, Aws, code_of
from darkroom_cli.deploying.configuration import Document, Runtime
from darkroom_cli.deploying.findings import Code, Findings

LEAST_LAMBDA = 10  # concurrent executions; what a new account has
GOOD_LAMBDA = 100
DEFAULT_VCPUS = 4  # a g5.xlarge
_SMALL = ("medium", "large")


@dataclass(frozen=True)
class Quota:
    """A limit, and how it is raised."""

    service: str
    id: str
    name: str
    code: Code


ON_DEMAND = Quota("ec2", "L-DB2E81BA", "Running On-Demand G and VT instances", Code.QUOTA_GPU_ON_DEMAND)
SPOT = Quota("ec2", "L-3819A6DF", "All G and VT Spot Instance Requests", Code.QUOTA_GPU_SPOT)
STANDARD = Quota("ec2", "L-1216C47A", "Running On-Demand Standard instances", Code.QUOTA_STANDARD)
VPCS = Quota("vpc", "L-F678F1CE", "VPCs per Region", Code.QUOTA_VPCS)
NAT_GATEWAYS = Quota("vpc", "L-FE5A380F", "NAT gateways per Availability Zone", Code.QUOTA_NAT_GATEWAYS)
ADDRESSES = Quota("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs", Code.QUOTA_ADDRESSES)


def check_quotas(aws: Aws, document: Document, findings: Findings, *, cluster_exists: bool) -> None:
    """See whether the account's quotas allow a deployment.

    Args:
        aws: the account.
        document: the deployment.
        findings: is told what is too small, and what is not known.
        cluster_exists: whether there is one already; then its VPC and its like are counted.
    """
    _check_gpus(aws, document, findings)
    if not cluster_exists:
        instance, count = document.system_nodes
        unit = f"vCPUs for {count} system nodes ({instance})"
        _need(aws, STANDARD, count * _vcpus(instance), findings, unit=unit)
        if document.nat_gateways:
            _check_network(aws, document, findings)
    _check_lambda(aws, findings)


def _check_gpus(aws: Aws, document: Document, findings: Findings) -> None:
    for kind, quota in (("onDemand", ON_DEMAND), ("spot", SPOT)):
        taking = [_sizes(one) for one in document.runtimes if one.capacity(kind)]
        # Each runtime has to get at least the smallest that it may have.
        smallest = [min(sizes) for sizes in taking if sizes]
        if smallest:
            way_out = f", or set karpenter.provisioner.capacityType.{kind}: false in extraValues"
            _need(aws, quota, max(smallest), findings, unit="vCPUs for one GPU node", way_out=way_out)


def _sizes(runtime: Runtime) -> list[int]:
    """Return the vCPUs of the instances that a runtime may have; P and others have quotas of their own."""
    if not runtime.instance_types:
        return [DEFAULT_VCPUS]
    return [_vcpus(name) for name in runtime.instance_types if name.startswith(("g", "vt"))]


def _vcpus(instance_type: str) -> int:
    size = instance_type.partition(".")[2]
    if size in _SMALL:
        return 2
    times = size.removesuffix("xlarge")
    return 4 * int(times) if times.isdigit() else DEFAULT_VCPUS


def _check_network(aws: Aws, document: Document, findings: Findings) -> None:
    gateways = document.nat_gateways
    ec2 = aws["ec2"]
    try:
        vpcs = len(ec2.describe_vpcs()["Vpcs"])
        addresses = len(ec2.describe_addresses()["Addresses"])
        in_zones = list(_gateways(aws))
    except AWS_ERRORS as exc:
        findings.warn(f"how much of the network's quotas is used is not known: {exc}")
        return
    _need(
        aws,
        VPCS,
        vpcs + 1,
        findings,
        unit=f"VPCs ({vpcs} are there)",
        way_out=", or name one that there is in network.existingVpc",
    )
    _need(
        aws,
        ADDRESSES,
        addresses + gateways,
        findings,
        unit=f"Elastic IPs ({addresses} are there, {gateways} for NAT gateways)",
        way_out=", release some, or set network.natGateways: 1",
    )
    fullest = max((in_zones.count(zone) for zone in set(in_zones)), default=0)
    _need(
        aws,
        NAT_GATEWAYS,
        fullest + 1,
        findings,
        unit=f"NAT gateways in a zone ({fullest} are in the fullest)",
    )


def _gateways(aws: Aws) -> Iterator[str]:
    """Return the zone of each NAT gateway that there is."""
    ec2 = aws["ec2"]
    live = [{"Name": "state", "Values": ["pending", "available"]}]
    subnets = [
        one["SubnetId"] for one in ec2.describe_nat_gateways(Filter=live)["NatGateways"] if "SubnetId" in one
    ]
    if subnets:
        zones = {one["SubnetId"]: one["AvailabilityZone"] for one in ec2.describe_subnets()["Subnets"]}
        yield from (zones.get(subnet, "") for subnet in subnets)


def _check_lambda(aws: Aws, findings: Findings) -> None:
    try:
        limit = int(aws["lambda"].get_account_settings()["AccountLimit"]["ConcurrentExecutions"])
    except (*AWS_ERRORS, KeyError) as exc:
        findings.warn(f"how many Lambda functions may run at a time is not known: {exc}")
        return
    if limit < LEAST_LAMBDA:
        findings.add(
            Code.QUOTA_LAMBDA,
            f"Lambda may run {limit} functions at a time in {aws.region}, and {LEAST_LAMBDA} are the least:"
            " ask for more of Concurrent executions (L-B99A9384)",
        )
    elif limit < GOOD_LAMBDA:
        findings.warn(
            f"Lambda may run only {limit} functions at a time in {aws.region}: enough to try it; before real"
            " traffic ask for more of Concurrent executions (L-B99A9384)"
        )


def _need(aws: Aws, quota: Quota, least: int, findings: Findings, *, unit: str, way_out: str = "") -> None:
    allowed = _value(aws, quota, findings)
    if allowed is not None and allowed < least:
        findings.add(
            quota.code,
            f"the quota {quota.name} is {allowed:g} in {aws.region}, and {least} {unit} are needed: ask for"
            f" more ({quota.id} of {quota.service} in Service Quotas){way_out}",
        )


def _value(aws: Aws, quota: Quota, findings: Findings) -> float | None:
    service = aws["service-quotas"]
    try:
        try:
            answer = service.get_service_quota(ServiceCode=quota.service, QuotaCode=quota.id)
        except AWS_ERRORS as exc:
            if code_of(exc) != "NoSuchResourceException":
                raise
            # One that was never raised: there is only what everybody has.
            answer = service.get_aws_default_service_quota(ServiceCode=quota.service, QuotaCode=quota.id)
        return float(answer["Quota"]["Value"])
    except (*AWS_ERRORS, KeyError) as exc:
        findings.warn(f"the quota {quota.name} ({quota.id}) is not known: {exc}")
        return None
