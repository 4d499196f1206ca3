"""The whole of `./darkroom destroy`: runtimes first, then their nodes, then the rest; buckets stay."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from darkroom_cli.deploying import cdk, stacks
from darkroom_cli.deploying.aws import AWS_ERRORS, Aws, code_of, told
from darkroom_cli.deploying.configuration import Document
from darkroom_cli.deploying.deploy import World
from darkroom_cli.deploying.errors import DeclinedError, PreconditionsError, StepError
from darkroom_cli.deploying.findings import Findings
from darkroom_cli.deploying.images import AGENT_REPOSITORY
from darkroom_cli.deploying.options import Options
from darkroom_cli.deploying.ports import Progress
from darkroom_cli.deploying.steps import POLL, Job
from darkroom_cli.deploying.tools import check_tools, environment
from snapshots.catalog import Catalog

NODES_LIMIT = 20 * 60.0  # seconds that Karpenter may take to end its nodes
STACK_LIMIT = 60 * 60.0  # seconds
CLUSTER_TAG = "eks:eks-cluster-name"  # Karpenter puts it on each node; the one with `aws:` is EKS' own
WAITING = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(frozen=True)
class Removal:
    """One call of `destroy`."""

    config: Path
    stack_name: str | None = None
    region: str | None = None
    profile: str | None = None
    force: bool = False
    yes: bool = False

    @property
    def options(self) -> Options:
        """The same as options of a deployment."""
        return Options(self.config, stack_name=self.stack_name, region=self.region, profile=self.profile)


def destroy(removal: Removal, world: World) -> None:
    """Remove a deployment; its buckets, images and snapshots stay, and are named.

    Raises:
        WrongOptionsError: options cannot be.
        PreconditionsError: credentials or programs are missing.
        StepError: tasks are waiting (`force` passes over that), or a step failed; the same call goes on.
        DeclinedError: it was not confirmed.
    """
    removal.options.check()
    job = _prepare(removal, world)
    deployment = job.document.stack_name
    with told("looking for the stacks"):
        found = stacks.find_all(job.aws, deployment)
    if not found:
        world.progress.remark(f"· no stack of {deployment} is in {job.aws.region}")
        _tell_kept(job, [], world.progress)
        return
    kept = list(_buckets(job.aws, found))
    if waiting := list(_waiting(job.aws, found, deployment)):
        text = f"tasks or messages are waiting: {', '.join(waiting)}"
        if not removal.force:
            raise StepError(
                f"{text}; they would be lost, and nothing was removed. Let them end, or say --force"
            )
        world.progress.warn(f"{text}: they are lost")
    _confirm(removal, job, found, world)
    _remove_runtimes(job, found, force=removal.force)
    _remove_rest(job, found)
    _tell_kept(job, kept, world.progress)


def _prepare(removal: Removal, world: World) -> Job:
    findings = Findings()
    document = Document.read(removal.config, findings)
    aws = world.connect(removal.region, removal.profile, findings)
    check_tools(world.tools, findings, builds_image=False)
    if document is None or aws is None or findings.found:
        raise PreconditionsError(findings.found)
    if removal.stack_name and document.before is None:
        # The file is lost; the stacks are found by their tags.
        document.put(["stackName"], removal.stack_name)
    if removal.stack_name and removal.stack_name != document.stack_name:
        raise StepError(
            f"--stack-name: {removal.config} is of {document.stack_name}, not of {removal.stack_name}; name"
            " the file of that deployment with --config. Nothing was removed"
        )
    _check_owners(aws, document)
    for warning in findings.warnings:
        world.progress.warn(warning)
    cache, source = world.cache(aws), world.source(aws)
    return Job(aws, document, removal.options, world.tools, world.clock, world.progress, cache, source)


def _check_owners(aws: Aws, document: Document) -> None:
    """See whose the stacks are: the CDK removes by name, whoever has made them."""
    names = stacks.Names(document.stack_name)
    for name in names.all([one.name for one in document.runtimes]):
        with told(f"looking for the stack {name}"):
            stack = stacks.find(aws, name)
        if stack is not None and (owner := stack.owner) != document.stack_name:
            whose = f"belongs to the deployment {owner}" if owner else "was not made by Darkroom"
            raise StepError(
                f"the stack {name} {whose}, and would be removed with {document.stack_name}: take its runtime"
                f" out of {document.path}, or name another file with --config. Nothing was removed"
            )


def _resources(aws: Aws, found: Sequence[stacks.Stack], kind: str) -> Iterator[str]:
    """Return the physical names of the resources of a kind."""
    for stack in found:
        with told(f"looking into {stack.name}"):
            pages = aws["cloudformation"].get_paginator("list_stack_resources").paginate(StackName=stack.name)
            for page in pages:
                for one in page["StackResourceSummaries"]:
                    if one["ResourceType"] == kind and one.get("PhysicalResourceId"):
                        yield str(one["PhysicalResourceId"])


def _buckets(aws: Aws, found: Sequence[stacks.Stack]) -> Iterator[str]:
    yield from _resources(aws, found, "AWS::S3::Bucket")


def _waiting(aws: Aws, found: Sequence[stacks.Stack], deployment: str) -> Iterator[str]:
    """Return the queues that have something in them, with how much.

    Not Karpenter's: it fills up with events of EC2 once Karpenter has gone, and holds nobody's task.
    """
    tasks = [one for one in found if one.name != stacks.Names(deployment).cluster]
    for url in _resources(aws, tasks, "AWS::SQS::Queue"):
        try:
            answer = aws["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=list(WAITING))
        except AWS_ERRORS as exc:
            if code_of(exc).endswith(("NonExistentQueue", "QueueDoesNotExist")):
                continue
            raise StepError(f"looking into the queue {url}: {exc}") from exc
        if count := sum(int(answer["Attributes"].get(name, 0)) for name in WAITING):
            yield f"{url.rpartition('/')[2]} ({count})"


def _confirm(removal: Removal, job: Job, found: Sequence[stacks.Stack], world: World) -> None:
    name = job.document.stack_name
    say = world.progress.remark
    say(f"· removed from {job.aws.region}, account {job.aws.account}, for ever:")
    for stack in found:
        say(f"    {stack.name} ({stack.status})")
    say("· with them queues, topics, the tasks table, the API with its key, the cluster and its VPC")
    if removal.yes:
        return
    answer = world.user.ask(f"Type the name of the deployment ({name}) to remove it: ")
    if answer is None:
        raise DeclinedError("nobody is there to confirm it, so nothing was removed: say --yes")
    if answer.strip() != name:
        raise DeclinedError(f"that is not {name}; nothing was removed")


def _remove_runtimes(job: Job, found: Sequence[stacks.Stack], *, force: bool) -> None:
    """Remove the runtimes, and wait until Karpenter has ended their nodes: once it is gone, nobody does."""
    names = stacks.Names(job.document.stack_name)
    runtimes = [one.name for one in found if one.name.startswith(names.runtime(""))]
    for name in runtimes:
        job.progress.remark(f"· removing {name}")
        with told(f"removing {name}"):
            job.aws["cloudformation"].delete_stack(StackName=name)
    for name in runtimes:
        _wait_until_gone(job, name)
    waited = 0.0
    while nodes := _nodes(job.aws, names.cluster_name):
        if waited >= NODES_LIMIT:
            text = f"Karpenter has not ended {', '.join(nodes)} after {NODES_LIMIT / 60:.0f} minutes"
            if not force:
                raise StepError(f"{text}: end them yourself and start again, or say --force")
            job.progress.warn(f"{text}: they stay, and cost")
            return
        job.progress.detail(f"waiting until {len(nodes)} GPU nodes have ended")
        job.clock.sleep(POLL)
        waited += POLL
    job.progress.detail("")


def _wait_until_gone(job: Job, name: str) -> None:
    waited = 0.0
    while True:
        with told(f"looking for the stack {name}"):
            stack = stacks.find(job.aws, name)
        if stack is None:
            return
        if stack.status == "DELETE_FAILED":
            raise StepError(f"{name} cannot be removed: its events say why; what else there is stays")
        if waited >= STACK_LIMIT:
            raise StepError(f"{name} is still {stack.status} after an hour; start again later")
        job.progress.detail(f"waiting until {name} is gone")
        job.clock.sleep(POLL)
        waited += POLL


def _nodes(aws: Aws, cluster: str) -> list[str]:
    """Return the instances that Karpenter has started for a cluster."""
    filters = [
        {"Name": f"tag:{CLUSTER_TAG}", "Values": [cluster]},
        {"Name": "tag-key", "Values": ["karpenter.sh/nodepool"]},
        {"Name": "instance-state-name", "Values": ["pending", "running", "shutting-down", "stopping"]},
    ]
    with told("looking for GPU nodes"):
        pages = aws["ec2"].get_paginator("describe_instances").paginate(Filters=filters)
        return [
            str(one["InstanceId"])
            for page in pages
            for each in page["Reservations"]
            for one in each["Instances"]
        ]


def _remove_rest(job: Job, found: Sequence[stacks.Stack]) -> None:
    command_line = cdk.CommandLine(job)
    if command_line.done() is None:
        command_line.do()
    ran, folder = cdk.synthesise(job, name="cdk.out")
    if ran.code != 0:
        raise StepError(f"the stacks cannot be synthesised:\n{ran.output.strip()}")
    command = [str(job.tools.cdk), "destroy", "--all", "--force", "--app", str(folder), *cdk.identity(job)]
    env = environment(job.aws.region, job.options.profile, job.document.path, job.tools)
    job.progress.remark(f"· removing {', '.join(one.name for one in found)}; 20 to 30 minutes")
    ran = job.tools.runner.run(command, cwd=job.tools.root, env=env)
    if ran.code != 0:
        raise StepError(
            f"cdk destroy ended with {ran.code}; the reason is above. Start again, and it goes on here"
        )


def _tell_kept(job: Job, buckets: Sequence[str], progress: Progress) -> None:
    aws, document = job.aws, job.document
    names = stacks.Names(document.stack_name)
    progress.remark("· what stays, and how it is deleted:")
    # A file that nobody has filled in names a bucket that is somebody else's.
    models = [] if document.is_new else [str(document.bucket)]
    for bucket in dict.fromkeys([*buckets, *models]):
        progress.say(f"bucket {bucket}: aws s3 rb s3://{bucket} --force")
    try:
        snapshots = [one.id for one in Catalog(aws["ec2"]).all()]
    except AWS_ERRORS as exc:
        progress.warn(f"which snapshots there are is not known: {exc}")
        snapshots = []
    for snapshot in snapshots:
        progress.say(f"snapshot {snapshot}: aws ec2 delete-snapshot --snapshot-id {snapshot}")
    progress.say(
        f"images {AGENT_REPOSITORY}: aws ecr delete-repository --repository-name {AGENT_REPOSITORY} --force"
    )
    for group in (f"/aws/eks/{names.cluster_name}/", f"/aws/containerinsights/{names.cluster_name}/"):
        progress.say(
            f"log groups {group}*, where EKS wrote once more: aws logs delete-log-group --log-group-name NAME"
        )
    progress.say("stack CDKToolkit and the role AWSServiceRoleForEC2Spot, which other deployments use too")
