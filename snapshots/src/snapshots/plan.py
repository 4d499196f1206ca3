"""What a request comes to in this account: everything is looked up, nothing is made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from snapshots.aws import Aws
from snapshots.bottlerocket import ARCHITECTURES, find_ami
from snapshots.catalog import Contents
from snapshots.errors import OptionError, StepError
from snapshots.failures import code_of, step
from snapshots.progress import Progress
from snapshots.registry import Registries
from snapshots.request import Request


@dataclass(frozen=True)
class Network:
    """Where the instance is.

    Attributes:
        security_groups: none means that one has to be made in `vpc`.
    """

    subnet: str
    vpc: str
    security_groups: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """One snapshot to make."""

    contents: Contents
    ami: str
    instance_type: str


@dataclass(frozen=True)
class Plan:
    """All that is to be there in the end: a snapshot for each architecture."""

    request: Request
    targets: tuple[Target, ...]


def make_plan(request: Request, aws: Aws, registries: Registries, progress: Progress) -> Plan:
    """Look up images, AMIs and instance types.

    Raises:
        OptionError: something that an option names is not there, or does not fit.
        StepError: AWS or a registry refused, or did not answer.
    """
    progress.step("looking up images and AMIs")
    for image in request.images:
        if image.ecr and image.ecr.in_china != (aws.partition == "aws-cn"):
            raise OptionError(
                f"IMAGE: {image} and --region {aws.region} are not both in China;"
                " the instance's role is unknown there"
            )
    images = tuple(registries.resolve(image, request.arches) for image in request.images)
    targets = []
    for arch in request.arches:
        ami = find_ami(aws.ssm, request, arch)
        contents = Contents(images, arch, ami.version, request.kubernetes)
        targets.append(Target(contents, ami.id, request.instance_types[arch]))
    return Plan(request, tuple(targets))


def find_network(request: Request, aws: Aws) -> Network:
    """Look up the subnet, and whether the security groups are in the same VPC.

    Raises:
        OptionError: one is not there, or none was named and there is no default.
        StepError: EC2 refused.
    """
    if request.subnet:
        answer = _described(
            "--subnet", request.subnet, lambda: aws.ec2.describe_subnets(SubnetIds=[request.subnet])
        )
    else:
        with step("looking up a default subnet"):
            answer = aws.ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])
    subnets = sorted(answer["Subnets"], key=lambda one: str(one["AvailabilityZone"]))
    if not subnets:
        raise OptionError(
            f"--subnet: {aws.region} has no default subnet; name one with a way to the internet"
        )
    subnet, vpc = subnets[0]["SubnetId"], subnets[0]["VpcId"]
    for group in request.security_groups:
        found = _described(
            "--security-group",
            group,
            lambda group=group: aws.ec2.describe_security_groups(GroupIds=[group]),  # type: ignore[misc]
        )
        if found["SecurityGroups"][0]["VpcId"] != vpc:
            raise OptionError(f"--security-group: {group} is not in the VPC of {subnet} ({vpc})")
    return Network(subnet, vpc, request.security_groups)


def check_machines(plan: Plan, aws: Aws) -> None:
    """See whether instance types and the instance profile are there, and of the right architecture.

    Raises:
        OptionError: not so.
        StepError: AWS refused.
    """
    for target in plan.targets:
        name = target.instance_type
        found = _described(
            "--instance-type",
            name,
            lambda name=name: aws.ec2.describe_instance_types(InstanceTypes=[name]),  # type: ignore[misc]
        )
        built_for = found["InstanceTypes"][0]["ProcessorInfo"]["SupportedArchitectures"]
        if ARCHITECTURES[target.contents.arch] not in built_for:
            raise OptionError(f"--instance-type: {name} is not of --arch {target.contents.arch}")
    if profile := plan.request.instance_profile:
        _described(
            "--instance-profile", profile, lambda: aws.iam.get_instance_profile(InstanceProfileName=profile)
        )


def _described(option: str, value: str, look: Callable[[], Any]) -> Any:
    try:
        with step(f"looking up {option} {value}"):
            return look()
    except StepError as exc:
        code = code_of(exc.__cause__) if exc.__cause__ else ""
        if code.startswith("Invalid") or code == "NoSuchEntity":
            raise OptionError(f"{option}: there is no {value} in this account and region") from exc
        raise
