"""For tests: an account in an emulator that the caller has started."""

import functools
import io
import json
from dataclasses import dataclass, field
from typing import Any

import boto3
import httpx
import typer
from botocore.config import Config
from moto.backends import get_backend
from rich.console import Console

from snapshots.aws import Aws
from snapshots.catalog import BUILD
from snapshots.commands import explained
from snapshots.registry import Registries
from snapshots.request import make_request
from snapshots.running import build_snapshots
from snapshots.terminal import Terminal
from snapshots.testing import FakeClock, FakeHost, Faults

REGION = "us-east-1"
ACCOUNT = "123456789012"
ECR = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})


@dataclass
class World:
    """An account in moto, with a host behind Systems Manager, and one image in ECR."""

    host: FakeHost = field(default_factory=FakeHost)
    clock: FakeClock = field(default_factory=FakeClock)
    faults: Faults = field(default_factory=Faults)
    digest: str = ""
    out: str = ""
    err: str = ""

    def __post_init__(self) -> None:
        self.ec2, self.iam, self.ssm, self.ecr = _clients()
        ami = self.ec2.register_image(Name="bottlerocket")["ImageId"]
        for arch in ("x86_64", "arm64"):
            for release in ("1.57.0", "latest"):
                path = f"/aws/service/bottlerocket/aws-k8s-1.35/{arch}/{release}"
                self.host.parameters |= {f"{path}/image_id": ami, f"{path}/image_version": "1.57.0-0a1b2c3d"}
        self._detach = self.host.attach(self.ssm)
        self.ecr.create_repository(repositoryName="sdwebui")
        self.digest = self.put("sdwebui", "1.10.1", ["amd64", "arm64"])
        self.subnet: dict[str, Any] = self.ec2.describe_subnets()["Subnets"][0]

    def put(self, repository: str, tag: str, arches: list[str]) -> str:
        """Put an image into ECR, and return its digest."""
        media_type = "application/vnd.oci.image.manifest.v1+json"
        manifests = []
        for number, arch in enumerate(arches):
            config = {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": f"sha256:{number:064x}",
            }
            image = {
                "schemaVersion": 2,
                "mediaType": media_type,
                "config": {**config, "size": 1},
                "layers": [],
            }
            put = self.ecr.put_image(
                repositoryName=repository,
                imageManifest=json.dumps(image),
                imageManifestMediaType=media_type,
                imageTag=f"{tag}-{arch}-of-{len(arches)}",
            )
            digest = put["image"]["imageId"]["imageDigest"]
            platform = {"os": "linux", "architecture": arch}
            manifests.append({"mediaType": media_type, "digest": digest, "size": 1, "platform": platform})
        media_type = "application/vnd.oci.image.index.v1+json"
        index = {"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}
        answer = self.ecr.put_image(
            repositoryName=repository,
            imageManifest=json.dumps(index),
            imageManifestMediaType=media_type,
            imageTag=tag,
        )
        return str(answer["image"]["imageId"]["imageDigest"])

    @property
    def aws(self) -> Aws:
        """The clients, as the builder takes them."""
        return Aws(REGION, "aws", "amazonaws.com", self.ec2, self.iam, self.ssm, lambda _: self.ecr)

    def build(self, *images: str, quiet: bool = True, faults: Faults | None = None, **options: Any) -> int:
        """Run `build` as the command does; return its exit code."""
        if faults is not None:
            self.faults = faults
        detach = [self.faults.attach(client) for client in (self.ec2, self.iam, self.ssm, self.ecr)]
        terminal = Terminal(out=_console(), err=_console(), quiet=quiet)
        try:
            with explained(terminal):
                request = make_request(list(images) or [f"{ECR}/sdwebui:1.10.1"], region=REGION, **options)
                registries = Registries(ecr=lambda _: self.ecr, http=_no_http())
                build_snapshots(request, self.aws, registries, clock=self.clock, terminal=terminal)
        except typer.Exit as exc:
            return exc.exit_code
        else:
            return 0
        finally:
            for end in detach:
                end()
            self.out, self.err = _printed(terminal.out), _printed(terminal.err)

    def left(self) -> set[str]:
        """Return the ids of all that is there and was not there before, but snapshots."""
        groups = self.ec2.describe_security_groups()["SecurityGroups"]
        return {
            *[one["InstanceId"] for one in self.instances() if one["State"]["Name"] != "terminated"],
            *[one["VolumeId"] for one in self.ec2.describe_volumes()["Volumes"]],
            *[one["GroupId"] for one in groups if one["GroupName"].startswith("darkroom")],
            *[one["RoleName"] for one in self.iam.list_roles()["Roles"]],
            *[one["InstanceProfileName"] for one in self.iam.list_instance_profiles()["InstanceProfiles"]],
        }

    def clear(self) -> None:
        """Remove everything, for the next test."""
        self._detach()
        self._clear_iam()
        for name in ("ec2", "ecr"):  # not IAM: to read the policies that AWS manages takes seconds
            get_backend(name)[ACCOUNT][REGION].reset()

    def _clear_iam(self) -> None:
        for profile in self.iam.list_instance_profiles()["InstanceProfiles"]:
            name = profile["InstanceProfileName"]
            for role in profile["Roles"]:
                self.iam.remove_role_from_instance_profile(
                    InstanceProfileName=name, RoleName=role["RoleName"]
                )
            self.iam.delete_instance_profile(InstanceProfileName=name)
        for role in self.iam.list_roles()["Roles"]:
            name = role["RoleName"]
            for policy in self.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
                self.iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
            self.iam.delete_role(RoleName=name)

    def snapshots(self) -> list[dict[str, Any]]:
        """Return the snapshots that there are and that were made here."""
        found: list[dict[str, Any]] = self.ec2.describe_snapshots(
            OwnerIds=["self"], Filters=[{"Name": "tag-key", "Values": [BUILD]}]
        )["Snapshots"]
        return found

    def instances(self) -> list[dict[str, Any]]:
        """Return all instances, those too that are gone."""
        reservations = self.ec2.describe_instances()["Reservations"]
        return [one for reservation in reservations for one in reservation["Instances"]]


@functools.cache
def _clients() -> tuple[Any, ...]:
    session = boto3.Session(region_name=REGION)
    return tuple(session.client(name, config=ONCE) for name in ("ec2", "iam", "ssm", "ecr"))


def _console() -> Console:
    return Console(file=io.StringIO(), width=200)


def _printed(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def _no_http() -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(500)))
