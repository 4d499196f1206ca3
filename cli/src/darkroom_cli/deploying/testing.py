"""For tests: an account in moto with fakes of what moto lacks, and programs that only remember calls."""

import functools
import io
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from rich.console import Console

from darkroom_cli.deploying.aws import Aws, identify
from darkroom_cli.deploying.costs import monthly_costs
from darkroom_cli.deploying.deploy import World
from darkroom_cli.deploying.fakes import (
    FakeCache,
    FakeClock,
    FakeCloudFormation,
    FakeLambda,
    FakeQuotas,
    FakeSource,
    FakeUser,
    RecordingRunner,
)
from darkroom_cli.deploying.findings import Findings
from darkroom_cli.deploying.ports import Ran
from darkroom_cli.deploying.screen import Screen
from darkroom_cli.deploying.stacks import Names
from darkroom_cli.deploying.tools import Toolbox
from darkroom_cli.terminal import Terminal

REGION = "us-east-1"
ACCOUNT = "123456789012"
BUCKET = f"sdoneks-models-{ACCOUNT}-{REGION}"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
READS = ("Describe", "Get", "List", "Head", "BatchGet")
_OPERATIONS: list[str] = []  # all calls since the last account was made
ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1}, s3={"addressing_style": "path"})


@functools.cache
def _client(name: str, region: str) -> Any:
    """Return a client, which takes long to make; moto answers it, whoever has started moto."""
    client = boto3.client(
        name,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the emulator takes any
        config=ONCE,
    )
    client.meta.events.register("before-call", _note)
    return client


def _note(model: Any, **_: Any) -> None:
    _OPERATIONS.append(model.name)


class Account:
    """An account in moto (the caller has started it), and all else that deploying touches."""

    def __init__(self, root: Path, *, region: str = REGION, partition: str = "aws") -> None:
        """Make clients, and a repository in `root` with what deploying looks for."""
        self.root = root
        self.region = region
        self.partition = partition
        self.quotas = FakeQuotas()
        self.functions = FakeLambda()
        self.cloudformation = FakeCloudFormation()
        self.runner = RecordingRunner(answers={"--version": Ran(0, "v22.11.0\n")})
        self.clock = FakeClock()
        self.user = FakeUser()
        self.cache = FakeCache(self.make_snapshot)
        self.operations = _OPERATIONS
        self.operations.clear()
        self.out, self.err = io.StringIO(), io.StringIO()
        names = ("ec2", "ecr", "iam", "s3", "sns", "sqs", "ssm", "sts")
        self.clients: dict[str, Any] = {name: _client(name, region) for name in names} | {
            "service-quotas": self.quotas,
            "lambda": self.functions,
            "cloudformation": self.cloudformation,
        }
        self.source = FakeSource(self.clients["s3"])
        self._prepare_root()

    def _prepare_root(self) -> None:
        (self.root / "dist").mkdir(parents=True, exist_ok=True)
        (self.root / "dist" / "infra-0.1.0.pex").touch()
        (self.root / "services" / "queue-agent").mkdir(parents=True, exist_ok=True)
        (self.root / "services" / "queue-agent" / "VERSION").write_text("0.1.0\n")
        (self.root / "package.json").write_text('{"devDependencies": {"aws-cdk": "2.1148.1"}}')

    @property
    def written(self) -> list[str]:
        """The calls of AWS that were no reads, and the programs that change something."""
        calls = [name for name in self.operations if not name.startswith(READS)]
        words = ("cdk deploy", "cdk destroy", "cdk bootstrap", "push", "npm")
        programs = [line for line in map(" ".join, self.runner.calls) if any(word in line for word in words)]
        return [
            *calls,
            *programs,
            *map(str, self.cache.built),
            *self.source.copied,
            *self.cloudformation.deleted,
        ]

    @property
    def aws(self) -> Aws:
        """The account as steps see it."""
        return Aws(self.region, self.partition, ACCOUNT, "arn:aws:iam::123456789012:user/moto", self.clients)

    def connect(self, _region: str | None, _profile: str | None, findings: Findings) -> Aws | None:
        """Ask the account who calls."""
        return identify(self.clients, self.region, self.partition, findings)

    @property
    def world(self) -> World:
        """All of it."""
        terminal = Terminal(
            out=Console(file=self.out, width=200, highlight=False),
            err=Console(file=self.err, width=200, highlight=False),
        )
        return World(
            connect=self.connect,
            tools=Toolbox(self.root, {}, self.runner),
            clock=self.clock,
            progress=Screen(terminal),
            user=self.user,
            cache=lambda _aws: self.cache,
            source=lambda _aws: self.source,
            estimate=monthly_costs,
        )

    def programs_work(self) -> None:
        """Let the programs of a deployment do what they would."""
        effects = self.runner.effects
        effects["npm ci"] = self._install
        effects["cdk bootstrap"] = lambda: self.clients["ssm"].put_parameter(
            Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String", Overwrite=True
        )
        effects["push"] = self.push
        effects["deploy --all"] = self.deployed

    def _install(self) -> None:
        folder = self.root / "node_modules" / "aws-cdk"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"version": "2.1148.1"}')
        (self.root / "node_modules" / ".bin").mkdir(exist_ok=True)
        (self.root / "node_modules" / ".bin" / "cdk").touch()

    def push(self, repository: str = "sd-on-eks/queue-agent", tag: str = "0.1.0") -> None:
        """Put an image into the registry."""
        ecr = self.clients["ecr"]
        known = {one["repositoryName"] for one in ecr.describe_repositories()["repositories"]}
        if repository not in known:
            ecr.create_repository(repositoryName=repository)
        ecr.put_image(
            repositoryName=repository,
            imageManifest=f'{{"tag": "{tag}"}}',
            imageTag=tag,
            imageManifestMediaType=MANIFEST,
        )

    def deployed(self, deployment: str = "sdoneks", runtime: str = "sdruntime") -> None:
        """Put the stacks of a deployment there."""
        names = Names(deployment)
        for name in names.all([runtime]):
            self.cloudformation.add(name, owner=deployment)
        self.cloudformation.add(
            names.dispatch,
            owner=deployment,
            FrontApiEndpoint="https://api.example/prod/",
            OutputS3Bucket="outputs",
        )
        if names.dispatch not in self.cloudformation.resources:
            self.cloudformation.holds(
                names.dispatch, "AWS::SNS::Subscription", "arn:subscription", self.clock.now()
            )

    def make_bucket(self, name: str, *models: str, region: str | None = None) -> str:
        """Make a bucket with models in it."""
        s3, where = self.clients["s3"], region or self.region
        more = {} if where == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": where}}
        s3.create_bucket(Bucket=name, **more)
        for model in models:
            s3.put_object(Bucket=name, Key=model, Body=b"model")
        self.operations.clear()
        return name

    def make_snapshot(self, *, size: int = 50) -> str:
        """Make a snapshot."""
        ec2 = self.clients["ec2"]
        volume = ec2.create_volume(AvailabilityZone=f"{self.region}a", Size=size)["VolumeId"]
        made = str(ec2.create_snapshot(VolumeId=volume)["SnapshotId"])
        self.operations.clear()
        return made
