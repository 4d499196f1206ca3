"""AWS as deploying sees it, and the questions that are asked before anything else."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
)

from darkroom_cli.deploying.errors import StepError
from darkroom_cli.deploying.findings import Code, Findings

AWS_ERRORS = (BotoCoreError, ClientError)
CHINA = "aws-cn"
SERVICES = (
    "cloudformation",
    "ec2",
    "ecr",
    "iam",
    "lambda",
    "s3",
    "service-quotas",
    "sns",
    "sqs",
    "ssm",
    "sts",
)

_CONFIG = Config(
    connect_timeout=10,
    read_timeout=60,
    retries={"mode": "standard", "max_attempts": 5},
    user_agent_extra="darkroom-deploy",
    signature_version="v4",
)
_S3 = Config(signature_version="s3v4", s3={"addressing_style": "path"})
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})


@dataclass(frozen=True)
class Aws:
    """One account in one region.

    Attributes:
        region: its name.
        partition: `aws`, `aws-cn`, `aws-us-gov`.
        account: its number.
        caller: the ARN of whoever deploys.
        clients: boto3's, by the names of `SERVICES`.
    """

    region: str
    partition: str
    account: str
    caller: str
    clients: Mapping[str, Any]

    def __getitem__(self, service: str) -> Any:
        return self.clients[service]

    @property
    def registry(self) -> str:
        """The account's own registry of images."""
        suffix = "amazonaws.com.cn" if self.partition == CHINA else "amazonaws.com"
        return f"{self.account}.dkr.ecr.{self.region}.{suffix}"


def connect(region: str | None, profile: str | None, findings: Findings) -> Aws | None:
    """Find out who deploys and where; None, with what is missing among `findings`, where that is unknown.

    Args:
        region: None is what the environment and the profile say.
        profile: of AWS' configuration; None is what the environment says.
        findings: is told what stands in the way.
    """
    try:
        # boto3 itself knows AWS_DEFAULT_REGION only; the CDK and all other programs of AWS know both.
        said = region or os.environ.get("AWS_REGION") or None
        session = boto3.Session(profile_name=profile, region_name=said)
        where = session.region_name
    except ProfileNotFound as exc:
        findings.add(Code.NO_PROFILE, f"{exc}; `aws configure list-profiles` names those that there are")
        return None
    if not where:
        findings.add(
            Code.NO_REGION, "the region is not known: say --region, or set AWS_REGION or the profile's region"
        )
        return None
    known = {
        name
        for each in session.get_available_partitions()
        for name in session.get_available_regions("ec2", partition_name=each)
    }
    if where not in known:
        findings.add(Code.REGION_UNKNOWN, f"--region: there is no region {where!r} in any partition of AWS")
        return None
    return identify(_Clients(session, where), where, session.get_partition_for_region(where), findings)


class _Clients(Mapping[str, Any]):
    """Clients by name, each made when it is first asked for: that takes a while."""

    def __init__(self, session: boto3.Session, region: str) -> None:
        self._session = session
        self._region = region
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            config = _CONFIG.merge(_S3) if name == "s3" else _CONFIG
            self._made[name] = self._session.client(name, region_name=self._region, config=config)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(SERVICES)

    def __len__(self) -> int:
        return len(SERVICES)


def identify(clients: Mapping[str, Any], region: str, partition: str, findings: Findings) -> Aws | None:
    """Ask AWS who calls, and whether the region may be used."""
    try:
        caller = clients["sts"].get_caller_identity()
    except AWS_ERRORS as exc:
        _explain(exc, region, findings)
        return None
    aws = Aws(region, partition, str(caller["Account"]), str(caller["Arn"]), clients)
    if aws.caller.endswith(":root"):
        findings.warn("these are the credentials of the account's root user: better deploy with a role")
    try:
        aws["ec2"].describe_availability_zones()
    except AWS_ERRORS as exc:
        if code_of(exc) in {"AuthFailure", "OptInRequired"}:
            findings.add(
                Code.REGION_DISABLED,
                f"the region {region} is not turned on in account {aws.account}: turn it on in the account's"
                " settings, or say another --region",
            )
        else:
            unanswered(exc, "whether the region can be used", findings)
        return None
    return aws


def _explain(error: Exception, region: str, findings: Findings) -> None:
    code = code_of(error)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        findings.add(
            Code.NO_CREDENTIALS,
            "there are no AWS credentials: run `aws configure` or `aws sso login`, or say --profile",
        )
    elif code in _EXPIRED or isinstance(error, SSOError | CredentialRetrievalError):
        findings.add(Code.CREDENTIALS_EXPIRED, f"the AWS credentials have expired: log in again ({error})")
    elif isinstance(error, ClientError):
        hint = "are they of another partition (China), or deleted?"
        findings.add(Code.CREDENTIALS_REFUSED, f"AWS refuses the credentials in {region}: {error}; {hint}")
    else:
        unanswered(error, "who calls", findings)


def unanswered(error: Exception, question: str, findings: Findings) -> None:
    """Note that AWS did not tell something that has to be known."""
    if is_denied(error):
        text = f"{error}; deploying takes an administrator's rights"
        findings.add(Code.NOT_ALLOWED, f"these credentials may not ask {question}: {text}")
    else:
        findings.add(Code.NO_ANSWER, f"AWS does not tell {question}: {error}")


def code_of(error: BaseException) -> str:
    """Return AWS' code of an error, or nothing for one that has none."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def is_denied(error: BaseException) -> bool:
    """Whether the caller lacks a right."""
    return code_of(error) in _DENIED


@contextmanager
def told(what: str) -> Iterator[None]:
    """Say in what step AWS refused.

    Raises:
        StepError: instead of what botocore raises.
    """
    try:
        yield
    except AWS_ERRORS as exc:
        raise StepError(f"{what}: {exc}") from exc
