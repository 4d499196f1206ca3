"""The only place that makes clients."""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import httpx
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from snapshots.aws import Aws
from snapshots.errors import OptionError
from snapshots.registry import Registries
from snapshots.request import check_region

CONFIG = Config(
    connect_timeout=10,
    read_timeout=60,
    retries={"mode": "adaptive", "max_attempts": 8},
    user_agent_extra="darkroom-snapshots",
)
HTTP_TIMEOUT = 30.0  # seconds, for registries

_CHINA = "aws-cn"


def open_aws(region: str | None, profile: str | None) -> Aws:
    """Make the clients for one region.

    Args:
        region: None is what the environment and the profile say.
        profile: of AWS' configuration; None is the default one.

    Raises:
        OptionError: there is no such region or profile.
    """
    try:
        session = boto3.Session(profile_name=profile)
    except BotoCoreError as exc:
        raise OptionError(f"--profile: {exc}") from exc
    region = check_region(region or session.region_name)
    try:
        partition = session.get_partition_for_region(region)
    except BotoCoreError as exc:
        raise OptionError(f"--region: {exc}") from exc
    return Aws(
        region=region,
        partition=partition,
        dns_suffix="amazonaws.com.cn" if partition == _CHINA else "amazonaws.com",
        ec2=session.client("ec2", region_name=region, config=CONFIG),
        iam=session.client("iam", region_name=region, config=CONFIG),
        ssm=session.client("ssm", region_name=region, config=CONFIG),
        ecr=lambda other: session.client("ecr", region_name=other, config=CONFIG),
    )


@contextmanager
def open_registries(aws: Aws) -> Iterator[Registries]:
    """Make what looks up images."""
    with httpx.Client(timeout=HTTP_TIMEOUT, follow_redirects=True) as http:
        yield Registries(ecr=aws.ecr, http=http)
