"""The steps that the CDK does: its command line, the synthesised stacks, bootstrap, deployment."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from darkroom_cli.deploying import stacks
from darkroom_cli.deploying.aws import AWS_ERRORS, code_of, told
from darkroom_cli.deploying.errors import StepError
from darkroom_cli.deploying.ports import Ran
from darkroom_cli.deploying.steps import POLL, Job
from darkroom_cli.deploying.tools import environment

BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
LEAST_BOOTSTRAP = 6  # what the synthesised stacks ask for
STUCK = 2 * 60 * 60.0  # seconds that CloudFormation may take for what was under way


def synthesise(job: Job, *, name: str) -> tuple[Ran, Path]:
    """Let the CDK app make templates of what the document says now.

    Args:
        job: what is deployed.
        name: of the folder.

    Returns:
        How the CDK app ended, and the folder with the templates.

    Raises:
        StepError: the CDK app is not there.
    """
    command = job.tools.infra()
    if command is None:
        raise StepError("the CDK app is not built: run ./pants package infra:app")
    folder = job.tools.work / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = job.tools.work / f"{name}.yaml"
    config.write_text(job.document.text, encoding="utf-8")
    env = environment(job.aws.region, job.options.profile, config, job.tools) | {"CDK_OUTDIR": str(folder)}
    ran = job.tools.runner.run(command, cwd=job.tools.root, env=env, capture=True)
    return ran, folder


@dataclass
class CommandLine:
    """The CDK's command line, in the version that package.json pins."""

    job: Job
    name: str = "CDK command line"

    def done(self) -> str | None:
        """Return why nothing is to be done, or None."""
        root = self.job.tools.root
        try:
            wanted = json.loads((root / "package.json").read_text())["devDependencies"]["aws-cdk"]
            there = json.loads((root / "node_modules" / "aws-cdk" / "package.json").read_text())["version"]
        except (OSError, ValueError, KeyError):
            return None
        return f"version {there} is there" if there == wanted and self.job.tools.cdk.exists() else None

    def plan(self) -> str:
        """Return what would be done."""
        return "npm ci, in this folder"

    def do(self) -> None:
        """Install it."""
        _run(self.job, ["npm", "ci", "--no-audit", "--no-fund"], "installing the CDK's command line")


@dataclass
class Bootstrap:
    """What the CDK needs once in each account and region."""

    job: Job
    name: str = "CDK bootstrap"

    def done(self) -> str | None:
        """Return why nothing is to be done, or None."""
        try:
            with told("looking for the CDK's bootstrap stack"):
                found = self.job.aws["ssm"].get_parameter(Name=BOOTSTRAP)
        except StepError as exc:
            if exc.__cause__ is not None and code_of(exc.__cause__) == "ParameterNotFound":
                return None
            raise
        version = int(found["Parameter"]["Value"])
        return f"version {version} is there" if version >= LEAST_BOOTSTRAP else None

    def plan(self) -> str:
        """Return what would be done."""
        return f"the stack CDKToolkit is made in {self.job.aws.region}: a bucket and roles for deploying"

    def do(self) -> None:
        """Make it."""
        aws = self.job.aws
        where = f"aws://{aws.account}/{aws.region}"
        command = [str(self.job.tools.cdk), "bootstrap", where, *identity(self.job)]
        _run(self.job, command, "bootstrapping")


@dataclass
class Deployment:
    """The stacks."""

    job: Job
    name: str = "stacks"

    def done(self) -> str | None:
        """Nothing: the CDK knows by itself what has changed."""

    def plan(self) -> str:
        """Return what would be done."""
        document = self.job.document
        names = stacks.Names(document.stack_name).all([one.name for one in document.runtimes])
        return f"cdk deploy of {', '.join(names)}; 20 to 30 minutes at first"

    def do(self) -> None:
        """Wait until nothing is under way, then make or change them."""
        job = self.job
        halfway = self._settle()
        ran, folder = synthesise(job, name="cdk.out")
        if ran.code != 0:
            raise StepError(f"the stacks cannot be synthesised:\n{ran.output.strip()}")
        command = [str(job.tools.cdk), "deploy", "--all", "--app", str(folder), "--require-approval", "never"]
        # What was made stays when something fails, and the next call goes on from there.
        command += ["--no-rollback"] if halfway else []
        command += identity(job)
        _run(job, command, "deploying")

    def _settle(self) -> bool:
        """Wait for CloudFormation; whether stacks are made for the first time, or stopped halfway."""
        waited = 0.0
        while True:
            found = self._stacks()
            busy = [f"{one.name} {one.status}" for one in found if one.in_progress]
            if not busy:
                self.job.progress.detail("")
                names = stacks.Names(self.job.document.stack_name)
                return names.cluster not in {one.name for one in found} or any(
                    one.stopped_halfway for one in found
                )
            if waited >= STUCK:
                raise StepError(f"CloudFormation does not come to an end: {', '.join(busy)}")
            self.job.progress.detail(f"waiting for {', '.join(busy)}")
            self.job.clock.sleep(POLL)
            waited += POLL

    def _stacks(self) -> list[stacks.Stack]:
        document = self.job.document
        names = stacks.Names(document.stack_name).all([one.name for one in document.runtimes])
        try:
            found = [stacks.find(self.job.aws, name) for name in names]
        except AWS_ERRORS as exc:
            raise StepError(f"looking at the stacks: {exc}") from exc
        return [one for one in found if one is not None]


def identity(job: Job) -> list[str]:
    """Return the CDK's option of who deploys: keys in the environment must not win over a profile."""
    return ["--profile", job.options.profile] if job.options.profile else []


def _run(job: Job, command: list[str], what: str) -> None:
    env = environment(job.aws.region, job.options.profile, job.document.path, job.tools)
    ran = job.tools.runner.run(command, cwd=job.tools.root, env=env)
    if ran.code != 0:
        raise StepError(f"{what}: {Path(command[0]).name} ended with {ran.code}; the reason is above")
