"""No role of any stack may do more than it names; where AWS knows no resource, the reason stands here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.testing import Template, resolved

OF_ROLES = {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::Role"}

# Actions that roles have on `*`, and why.
X_RAY = "X-Ray knows no resources"
READS_THE_REGION = "descriptions of EC2 know no resources; Karpenter chooses among what the region has"
ON_ANYTHING = {
    "xray:PutTelemetryRecords": X_RAY,
    "xray:PutTraceSegments": X_RAY,
    "ecr-public:GetAuthorizationToken": "a token of the public registry, for charts, is for all of it",
    "sts:GetServiceBearerToken": "the same token's other half",
    "iam:ListInstanceProfiles": "Karpenter lists them all to find its own",
    "arc-zonal-shift:GetManagedResource": "Karpenter asks which zone is being left",
    "pricing:GetProducts": "prices are no resources",
    "ec2:DescribeCapacityReservations": READS_THE_REGION,
    "ec2:DescribeImages": READS_THE_REGION,
    "ec2:DescribeInstanceStatus": READS_THE_REGION,
    "ec2:DescribeInstanceTypeOfferings": READS_THE_REGION,
    "ec2:DescribeInstanceTypes": READS_THE_REGION,
    "ec2:DescribeInstances": READS_THE_REGION,
    "ec2:DescribeLaunchTemplates": READS_THE_REGION,
    "ec2:DescribePlacementGroups": READS_THE_REGION,
    "ec2:DescribeSecurityGroups": READS_THE_REGION,
    "ec2:DescribeSpotPriceHistory": READS_THE_REGION,
    "ec2:DescribeSubnets": READS_THE_REGION,
}


@pytest.fixture(scope="module", name="templates")
def _templates(whole: Path) -> list[Template]:
    """Every stack of two deployments, each with its cluster and its runtimes."""
    stacks = [path.name.removesuffix(".template.json") for path in sorted(whole.glob("*.template.json"))]
    assert len(stacks) >= 8
    return [Template.read(whole, stack) for stack in stacks]


def rights(templates: list[Template]) -> Iterator[tuple[str, str]]:
    """Yield each action that some role is allowed, with each resource that it is allowed on."""
    for template in templates:
        for name, statement in template.statements():
            if template.body["Resources"][name]["Type"] not in OF_ROLES or "Principal" in statement:
                continue
            assert not {"NotAction", "NotResource"} & statement.keys()
            if statement["Effect"] == "Allow":
                for action in listed(statement["Action"]):
                    for resource in listed(resolved(statement["Resource"])):
                        yield str(action), str(resource)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_no_role_has_an_action_with_a_wildcard(templates: list[Template]) -> None:
    assert [action for action, _ in rights(templates) if "*" in action or "?" in action] == []


def test_what_roles_may_do_on_anything_is_listed_with_its_reason(templates: list[Template]) -> None:
    assert {action for action, resource in rights(templates) if resource == "*"} == set(ON_ANYTHING)


def test_no_resource_is_open_from_its_service_on(templates: list[Template]) -> None:
    """A pattern has to begin with the bucket, the cluster or the like that it is about."""
    for _, resource in rights(templates):
        if resource.startswith("arn:"):
            service, *_, named = resource.split(":", 5)[2:]
            assert named != "*", resource
            assert service != "*", resource


def test_each_function_of_ours_has_a_role_of_its_own_and_no_policy_of_others(template: Template) -> None:
    functions = template.properties("AWS::Lambda::Function")
    roles = [resolved(each["Role"]) for each in functions.values()]
    assert len(set(roles)) == len(functions) == 7
    for role in roles:
        _, properties = template.only("AWS::IAM::Role", starting=role.strip("<>").removesuffix(".Arn"))
        assert not {"ManagedPolicyArns", "Policies"} & properties.keys()


def test_a_role_that_may_do_anything_would_be_found() -> None:
    document = {"Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"}]}
    careless = {"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"PolicyDocument": document}]}}
    assert list(rights([Template({"Resources": {"Careless": careless}})])) == [("s3:*", "*")]
