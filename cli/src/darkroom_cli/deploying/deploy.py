"""The whole of `./darkroom deploy`: look at everything, tell what is missing, ask, then do it in steps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from darkroom_cli.deploying import cdk, images, stacks
from darkroom_cli.deploying.aws import Aws
from darkroom_cli.deploying.configuration import Document, apply_options, check_folder
from darkroom_cli.deploying.errors import DeclinedError, PreconditionsError, StepError
from darkroom_cli.deploying.findings import Code, Finding, Findings
from darkroom_cli.deploying.images import check_agent_image, check_snapshots
from darkroom_cli.deploying.instances import check_instances
from darkroom_cli.deploying.models import check_models
from darkroom_cli.deploying.options import Options
from darkroom_cli.deploying.ports import Clock, ImageCache, ModelSource, Progress, User
from darkroom_cli.deploying.quotas import check_quotas
from darkroom_cli.deploying.stacks import check_stacks
from darkroom_cli.deploying.steps import ConfigFile, Job, Step, steps
from darkroom_cli.deploying.tools import Toolbox, check_tools

# What a deployment costs, in lines for the summary.
type Estimate = Callable[[Document], Sequence[str]]


@dataclass
class World:
    """All that deploying touches."""

    connect: Callable[[str | None, str | None, Findings], Aws | None]
    tools: Toolbox
    clock: Clock
    progress: Progress
    user: User
    cache: Callable[[Aws], ImageCache]
    source: Callable[[Aws], ModelSource]
    estimate: Estimate


def deploy(options: Options, world: World) -> None:
    """Deploy, or with `dry_run` say what that would be and write config.yaml.

    Raises:
        WrongOptionsError: options cannot be.
        PreconditionsError: something is missing; nothing was made.
        DeclinedError: it was not confirmed; nothing was made.
        StepError: a step failed; the same call goes on there.
    """
    options.check()
    job = prepare(options, world)
    todo = look(job)
    check_synthesis(job)
    _summary(job, todo, world)
    if options.dry_run:
        _write_only(job, world)
        return
    _confirm(job, world, "Deploy this?")
    carry_out(job)
    for name, value in stacks.outputs(job.aws, job.document.stack_name):
        world.progress.say(f"{name} = {value}")
    world.progress.remark(
        f"· send a first task: ./darkroom submit --help; the stack is {job.document.stack_name}Stack"
    )


def prepare(options: Options, world: World) -> Job:
    """Look whether all is there that has to be, and return what the steps need.

    Raises:
        PreconditionsError: not so; all that is missing is told at once.
    """
    findings = Findings(options.ignored)
    document = Document.read(options.config, findings)
    check_folder(options.config, findings)
    if document is not None:
        apply_options(document, options, findings)
    aws = world.connect(options.region, options.profile, findings)
    if not options.skip_tools:
        check_tools(
            world.tools, findings, builds_image=_builds_image(options, document, aws, world.tools.root)
        )
    if document is None or aws is None:
        raise PreconditionsError(findings.found)
    source = world.source(aws)
    _check_account(aws, document, options, source, findings)
    job = Job(aws, document, options, world.tools, world.clock, world.progress, world.cache(aws), source)
    for warning in findings.warnings:
        world.progress.warn(warning)
    if findings.found:
        raise PreconditionsError(findings.found)
    return job


def _builds_image(options: Options, document: Document | None, aws: Aws | None, root: Path) -> bool:
    """Whether a container engine will be needed."""
    if options.agent_image or options.dry_run or aws is None or document is None:
        return False
    return images.must_be_built(aws, document, root)


def _check_account(
    aws: Aws, document: Document, options: Options, source: ModelSource, findings: Findings
) -> None:
    found = check_stacks(aws, document, findings)
    cluster = stacks.Names(document.stack_name).cluster
    check_quotas(aws, document, findings, cluster_exists=cluster in found)
    check_instances(aws, document, findings)
    check_models(aws, document, options, source, findings)
    if options.snapshot:
        chosen = document.runtime(options.runtime_name) if options.runtime_name else None
        for runtime in [chosen] if chosen else document.runtimes:
            document.put_snapshot(runtime, options.snapshot)
    check_snapshots(aws, document, options, findings)
    check_agent_image(aws, options.agent_image, findings)


def check_synthesis(job: Job) -> None:
    """Let the CDK app read the file as it will be, before anything is made: it knows all rules.

    Raises:
        PreconditionsError: it refuses.
    """
    job.progress.detail("synthesising the stacks, to see whether config.yaml is right")
    ran, _ = cdk.synthesise(job, name="check")
    job.progress.detail("")
    if ran.code != 0:
        said = _indent(ran.output.strip() or f"it ended with {ran.code}")
        text = f"{job.document.path}: the CDK app refuses it:\n    {said}"
        raise PreconditionsError([Finding(Code.CONFIG_REFUSED, text)])


def _indent(text: str) -> str:
    return "\n    ".join(text.splitlines()[-15:])


def all_steps(job: Job) -> list[Step]:
    """Return the steps of a deployment."""
    return list(steps(job, cdk.CommandLine, cdk.Bootstrap, cdk.Deployment))


def look(job: Job) -> list[tuple[Step, str | None]]:
    """Return the steps, each with why there is nothing to do for it, or None."""
    found = []
    for step in all_steps(job):
        job.progress.detail(f"looking: {step.name}")
        found.append((step, step.done()))
    job.progress.detail("")
    return found


def _summary(job: Job, todo: Sequence[tuple[Step, str | None]], world: World) -> None:
    say = world.progress.remark
    say(f"· {job.document.stack_name} in {job.aws.region}, account {job.aws.account}, by {job.aws.caller}")
    for number, (step, done) in enumerate(todo, 1):
        mark, text = ("✓", done) if done is not None else ("+", step.plan())
        say(f"  {mark} {number:2} {step.name}: {text}")
    if changes := list(job.document.changes()):
        say(f"· changes of {job.document.path}:")
        for line in changes:
            say(f"    {line}")
    say("· it costs:")
    for line in world.estimate(job.document):
        say(f"    {line}")


def _write_only(job: Job, world: World) -> None:
    """End a dry run: the file is written, and nothing else."""
    if not job.document.is_written:
        if job.document.before is not None and not _untouched(job):
            _confirm(job, world, f"Change {job.document.path} like this?")
        ConfigFile(job).do()
    world.progress.say(str(job.document.path))
    world.progress.remark(
        "· a dry run: nothing was made in AWS. Change the file as you like, then ./darkroom deploy"
    )


def _untouched(job: Job) -> bool:
    """Whether the file was still the repository's own, without anybody's choices."""
    return Document(job.document.path, None, str(job.document.before)).is_new


def _confirm(job: Job, world: World, question: str) -> None:
    if job.options.yes:
        return
    answer = world.user.ask(f"{question} [y/N] ")
    if answer is None:
        raise DeclinedError("nobody is there to confirm it, so nothing was made: say --yes")
    if answer.strip().lower() not in ("y", "yes"):
        raise DeclinedError("not confirmed; nothing was made")


def carry_out(job: Job) -> None:
    """Do what is to be done, step by step.

    Raises:
        StepError: one failed; those before it stay.
        KeyboardInterrupt: the user asked to stop; what was done stays.
    """
    chain = all_steps(job)
    for number, step in enumerate(chain, 1):
        where = f"{number}/{len(chain)} {step.name}"
        finished = False
        try:
            # Looked at again: the steps before it may have changed what it has to do.
            done = step.done()
            if done is None:
                job.progress.remark(f"· {where}: {step.plan()}")
                step.do()
            else:
                job.progress.remark(f"· {where}: {done}")
            finished = True
        except StepError as exc:
            raise StepError(
                f"step {where}: {exc}\nWhat was done stays; start again, and it goes on here"
            ) from exc
        finally:
            if not finished:
                job.progress.detail("")
                job.progress.warn(f"stopped in step {where}; the same command goes on there")
