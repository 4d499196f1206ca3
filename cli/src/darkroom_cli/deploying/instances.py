"""Which GPU instances there are in a region."""

from darkroom_cli.deploying.aws import AWS_ERRORS, Aws
from darkroom_cli.deploying.configuration import Document
from darkroom_cli.deploying.findings import Code, Findings

# In the order in which they are taken; the first is what the chart says.
FAMILIES = ("g5", "g6", "g4dn")
SIZES = ("xlarge", "2xlarge")


def check_instances(aws: Aws, document: Document, findings: Findings) -> None:
    """See whether the region has what the runtimes ask for; give those that ask for nothing what it has."""
    wanted = {name for runtime in document.runtimes for name in runtime.instance_types}
    try:
        offered = _offered(aws, sorted({*wanted, *(name for each in FAMILIES for name in family(each))}))
    except AWS_ERRORS as exc:
        findings.warn(f"which GPU instances there are in {aws.region} is not known: {exc}")
        return
    first = next((each for each in FAMILIES if offered & set(family(each))), None)
    for runtime in document.runtimes:
        there = [name for name in runtime.instance_types if name in offered]
        if runtime.instance_types and not there:
            names = ", ".join(runtime.instance_types)
            advice = ", ".join(sorted(offered)) or "none of g5, g6 and g4dn, so choose another region"
            findings.add(
                Code.NO_INSTANCES,
                f"{aws.region} has none of the instance types of {runtime.name} ({names}); it has {advice}",
            )
        elif runtime.instance_types:
            for name in sorted(set(runtime.instance_types) - offered):
                findings.warn(f"{aws.region} has no {name}, which {runtime.name} asks for among others")
        elif first is None:
            findings.add(
                Code.NO_INSTANCES,
                f"{aws.region} has none of {', '.join(FAMILIES)}: choose another region, or name others in"
                f" extraValues.karpenter.provisioner.instanceType of {runtime.name}",
            )
        elif first != FAMILIES[0]:
            instead = [name for name in family(first) if name in offered]
            findings.warn(f"{aws.region} has no g5: {runtime.name} gets {' and '.join(instead)} instead")
            document.put_instance_types(runtime, instead)


def family(name: str) -> tuple[str, ...]:
    """Return the instance types of a family that one GPU is in."""
    return tuple(f"{name}.{size}" for size in SIZES)


def _offered(aws: Aws, names: list[str]) -> set[str]:
    pages = (
        aws["ec2"]
        .get_paginator("describe_instance_type_offerings")
        .paginate(LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": names}])
    )
    return {str(one["InstanceType"]) for page in pages for one in page["InstanceTypeOfferings"]}
