"""The steps from an empty account to a deployment.

Each can tell, from AWS and config.yaml alone, whether its work is done already: so a deployment that was
interrupted goes on where it was, and one that is complete has nothing to do.
"""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from darkroom_cli.deploying import images, models, stacks
from darkroom_cli.deploying.aws import AWS_ERRORS, Aws, code_of, told
from darkroom_cli.deploying.configuration import Document
from darkroom_cli.deploying.errors import StepError
from darkroom_cli.deploying.options import Options, shown
from darkroom_cli.deploying.ports import Clock, ImageCache, ModelSource, Progress
from darkroom_cli.deploying.tools import ENGINE, Toolbox
from snapshots.request import BOTTLEROCKET_VERSION

FILTER_DELAY = timedelta(minutes=15)  # until SNS keeps to a new filter everywhere
SPOT = "spot.amazonaws.com"
POLL = 15.0  # seconds
UNFINISHED = {
    "ID": "unfinished-uploads",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
}


class Step(Protocol):
    """One step."""

    @property
    def name(self) -> str:
        """What it is about."""

    def done(self) -> str | None:
        """Return why nothing is to be done, or None."""

    def plan(self) -> str:
        """Return what would be done."""

    def do(self) -> None:
        """Do it; may be called again after it was interrupted."""


@dataclass
class Job:
    """What all steps share."""

    aws: Aws
    document: Document
    options: Options
    tools: Toolbox
    clock: Clock
    progress: Progress
    cache: ImageCache
    source: ModelSource

    @property
    def bucket(self) -> str:
        """The model bucket."""
        return str(self.document.bucket)


@dataclass
class SpotRole:
    """The role by which EC2 starts spot instances; once for each account."""

    job: Job
    name: str = "role for spot instances"

    def done(self) -> str | None:
        """Return why nothing is to be done, or None."""
        if not any(one.capacity("spot") for one in self.job.document.runtimes):
            return "no runtime takes spot instances"
        with told("looking for the role of spot instances"):
            roles = self.job.aws["iam"].list_roles(PathPrefix=f"/aws-service-role/{SPOT}/")["Roles"]
        return "is there" if roles else None

    def plan(self) -> str:
        """Return what would be done."""
        return "the service-linked role AWSServiceRoleForEC2Spot is made"

    def do(self) -> None:
        """Make it; that somebody was quicker is as good."""
        try:
            self.job.aws["iam"].create_service_linked_role(AWSServiceName=SPOT)
        except AWS_ERRORS as exc:
            if code_of(exc) != "InvalidInput":
                raise StepError(f"making the role for spot instances: {exc}") from exc


@dataclass
class ModelBucket:
    """The bucket of the models, closed to the public."""

    job: Job
    name: str = "model bucket"

    def done(self) -> str | None:
        """Return why nothing is to be done, or None."""
        bucket = self.job.bucket
        if not models.bucket_exists(self.job.aws, bucket):
            return None
        if bucket != models.own_bucket(self.job.aws, self.job.document.stack_name):
            return f"{bucket} is yours"
        return f"{bucket} is there" if self._is_closed() else None

    def plan(self) -> str:
        """Return what would be done."""
        return f"the bucket {self.job.bucket} is made, closed to the public"

    def do(self) -> None:
        """Make it."""
        s3, region = self.job.aws["s3"], self.job.aws.region
        where: dict[str, Any] = (
            {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        with told(f"making the bucket {self.job.bucket}"):
            try:
                s3.create_bucket(Bucket=self.job.bucket, **where)
            except AWS_ERRORS as exc:
                if code_of(exc) != "BucketAlreadyOwnedByYou":
                    raise
            tags = [{"Key": stacks.DEPLOYMENT_TAG, "Value": self.job.document.stack_name}]
            # Of an upload that was killed, parts stay that nobody sees and everybody pays.
            s3.put_bucket_lifecycle_configuration(
                Bucket=self.job.bucket, LifecycleConfiguration={"Rules": [UNFINISHED]}
            )
            s3.put_bucket_tagging(Bucket=self.job.bucket, Tagging={"TagSet": tags})
            closed = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
            s3.put_public_access_block(
                Bucket=self.job.bucket, PublicAccessBlockConfiguration=dict.fromkeys(closed, True)
            )

    def _is_closed(self) -> bool:
        try:
            answer = self.job.aws["s3"].get_public_access_block(Bucket=self.job.bucket)
        except AWS_ERRORS as exc:
            if code_of(exc) == "NoSuchPublicAccessBlockConfiguration":
                return False
            raise StepError(f"looking at the bucket {self.job.bucket}: {exc}") from exc
        return all(answer["PublicAccessBlockConfiguration"].values())


@dataclass
class Checkpoint:
    """A first model, where the bucket has none."""

    job: Job
    name: str = "model"

    def done(self) -> str | None:
        """Return why nothing is to be done, or None."""
        if not models.bucket_exists(self.job.aws, self.job.bucket):
            return None
        with told(f"looking for models in {self.job.bucket}"):
            found = list(models.find_models(self.job.aws, self.job.bucket))
        return f"{models.FOLDER} has {', '.join(found[: models.SHOWN])}" if found else None

    def plan(self) -> str:
        """Return what would be done."""
        return f"{self.job.options.model_file} is copied into it from {shown(self.job.options.model_url)}"

    def do(self) -> None:
        """Copy it."""
        options = self.job.options
        self.job.source.copy(
            options.model_url,
            bucket=self.job.bucket,
            key=f"{models.FOLDER}/{options.model_file}",
            sha256=options.checksum,
        )


@dataclass
class AgentImage:
    """The queue agent's image: the one that is given, else one that is built from this source."""

    job: Job
    name: str = "queue agent's image"
    _engine: str | None = None

    def done(self) -> str | None:
        """Return why nothing is to be done, or None; say in the document which image it is."""
        job = self.job
        if given := job.options.agent_image:
            for runtime in job.document.runtimes:
                if runtime.agent_image != given:
                    job.document.put_agent_image(runtime, given)
            return f"{given}, as you say"
        own = images.own_agent_image(job.aws, job.tools.root)
        for runtime in job.document.runtimes:
            if runtime.agent_image is None:
                job.document.put_agent_image(runtime, own)
        if own not in (one.agent_image for one in job.document.runtimes):
            return "config.yaml names another one"
        with told(f"looking for {own}"):
            return f"{own} is there" if images.is_pushed(job.aws, own) else None

    def plan(self) -> str:
        """Return what would be done."""
        return f"{images.own_agent_image(self.job.aws, self.job.tools.root)} is built and pushed"

    def do(self) -> None:
        """Build and push it."""
        job = self.job
        image = images.own_agent_image(job.aws, job.tools.root)
        engine = self._engine = job.tools.engine()
        if engine is None:
            raise StepError("there is no container engine that answers")
        self._run(["build-support/image/build"], "building the image")
        self._make_repository()
        self._login(engine)
        self._run([engine, "tag", f"queue-agent:{image.rpartition(':')[2]}", image], "naming the image")
        self._run([engine, "push", image], "pushing the image")

    def _make_repository(self) -> None:
        with told(f"making the repository {images.AGENT_REPOSITORY}"):
            try:
                self.job.aws["ecr"].create_repository(
                    repositoryName=images.AGENT_REPOSITORY, imageTagMutability="IMMUTABLE"
                )
            except AWS_ERRORS as exc:
                if code_of(exc) != "RepositoryAlreadyExistsException":
                    raise

    def _login(self, engine: str) -> None:
        with told("logging in to the registry"):
            [data] = self.job.aws["ecr"].get_authorization_token()["authorizationData"]
        user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        command = [engine, "login", "--username", user, "--password-stdin", self.job.aws.registry]
        self._run(command, "logging in to the registry", stdin=password)

    def _run(self, command: list[str], what: str, *, stdin: str | None = None) -> None:
        # GPU nodes are amd64, whatever this machine is.
        env = {"DOCKER_DEFAULT_PLATFORM": "linux/amd64"}
        if self._engine:
            env[ENGINE] = self._engine  # what one engine has built, another one cannot push
        ran = self.job.tools.runner.run(command, cwd=self.job.tools.root, env=env, stdin=stdin)
        if ran.code != 0:
            raise StepError(f"{what}: {command[0]} ended with {ran.code}; the reason is above")


@dataclass
class Cache:
    """The snapshot with the images of all runtimes that have none."""

    job: Job
    name: str = "image cache"

    def done(self) -> str | None:
        """Return why nothing is to be done, or None; a snapshot with these images is taken as it is."""
        job = self.job
        if job.options.no_snapshot:
            return "not wanted: nodes pull their images"
        if not (missing := self._missing()):
            return "config.yaml names one for each runtime that can use it"
        for runtime in missing:
            # A file that cannot take it has to be known before 20 minutes of building.
            try:
                replace(job.document).put_snapshot(runtime, "snap-00000000")
            except StepError as exc:
                raise StepError(
                    f"{job.document.path}: extraValues of {runtime.name} is written in a way (an alias, say)"
                    " in which no snapshotID can be put: write it out, or say --no-snapshot"
                ) from exc
        with told("looking for the images"):
            if any(images.is_pushed(job.aws, one) is False for one in self._images()):
                return None
        found = job.cache.find(
            self._images(), kubernetes=job.document.kubernetes, bottlerocket=self._release()
        )
        if found is None:
            return None
        for runtime in missing:
            job.document.put_snapshot(runtime, found)
        return f"{found} has the same images"

    def plan(self) -> str:
        """Return what would be done."""
        return f"an EBS snapshot is built, some 20 minutes, with {', '.join(self._images())}"

    def do(self) -> None:
        """Build it."""
        job = self.job
        built = job.cache.build(
            self._images(), kubernetes=job.document.kubernetes, bottlerocket=self._release()
        )
        for runtime in self._missing():
            job.document.put_snapshot(runtime, built)

    def _missing(self) -> list[Any]:
        return [one for one in self.job.document.runtimes if one.wants_snapshot]

    def _images(self) -> list[str]:
        names = [name for one in self._missing() for name in (one.image, one.agent_image) if name]
        return list(dict.fromkeys(names))

    def _release(self) -> str:
        said = (one.bottlerocket for one in self._missing())
        return next((one for one in said if one), BOTTLEROCKET_VERSION)


@dataclass
class ConfigFile:
    """config.yaml itself."""

    job: Job
    name: str = "config.yaml"

    def done(self) -> str | None:
        """Return why nothing is to be done, or None."""
        return "says all this" if self.job.document.is_written else None

    def plan(self) -> str:
        """Return what would be done."""
        return f"{self.job.document.path} is {'changed' if self.job.document.before else 'written'}"

    def do(self) -> None:
        """Write it."""
        self.job.document.write()


def countdown(clock: Clock, until: datetime, progress: Progress, what: str) -> None:
    """Wait, and say how long still."""
    while (left := (until - clock.now()).total_seconds()) > 0:
        progress.detail(f"{what}: {int(left // 60)}:{int(left % 60):02d} left")
        clock.sleep(min(POLL, left))
    progress.detail("")


@dataclass
class Filters:
    """Messages go to the right queue only when SNS keeps to the new filters everywhere."""

    job: Job
    name: str = "filters of the queues"

    def done(self) -> str | None:
        """Return why nothing is to be done, or None."""
        if not self.job.options.wait:
            return "not waited for: tasks of a new runtime may fail as unknown_runtime for 15 minutes"
        until = self._until()
        return None if until is None or until > self.job.clock.now() else "hold everywhere"

    def plan(self) -> str:
        """Return what would be done."""
        return "up to 15 minutes after the last change, SNS is waited for"

    def do(self) -> None:
        """Wait."""
        until = self._until()
        if until is not None:
            countdown(self.job.clock, until, self.job.progress, "SNS makes the filters known")

    def _until(self) -> datetime | None:
        name = stacks.Names(self.job.document.stack_name).dispatch
        with told(f"looking for the stack {name}"):
            if stacks.find(self.job.aws, name) is None:
                return None
        changed = stacks.filters_hold_at(self.job.aws, name)
        return None if changed is None else changed.astimezone(UTC) + FILTER_DELAY


def steps(job: Job, *more: Callable[[Job], Step]) -> Iterator[Step]:
    """Return the steps in their order; `more` are those of the CDK, between the file and the filters."""
    first: tuple[Callable[[Job], Step], ...] = (
        SpotRole,
        ModelBucket,
        Checkpoint,
        AgentImage,
        Cache,
        ConfigFile,
    )
    for make in (*first, *more, Filters):
        yield make(job)
