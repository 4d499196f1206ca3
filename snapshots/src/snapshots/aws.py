"""AWS as the builder sees it: clients that were made elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Aws:
    """One account in one region.

    Attributes:
        region: its name.
        partition: `aws`, `aws-cn`, `aws-us-gov`.
        dns_suffix: `amazonaws.com`, in China `amazonaws.com.cn`.
        ec2: boto3's client; so are `iam` and `ssm`.
        ecr: makes a client of ECR in a region.
    """

    region: str
    partition: str
    dns_suffix: str
    ec2: Any
    iam: Any
    ssm: Any
    ecr: Callable[[str], Any]


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    """Return tags as AWS takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_specifications(tags: dict[str, str], *kinds: str) -> list[dict[str, Any]]:
    """Return tags for several kinds of resources that one call makes."""
    return [{"ResourceType": kind, "Tags": tag_list(tags)} for kind in kinds]
