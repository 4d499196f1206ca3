"""What the commands do."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from snapshots import bootstrap
from snapshots.aws import Aws
from snapshots.builder import Builder, Built
from snapshots.catalog import Catalog, Snapshot, superfluous
from snapshots.errors import OptionError, StepError
from snapshots.failures import AWS_ERRORS, described, step
from snapshots.images import parse_images
from snapshots.plan import make_plan
from snapshots.registry import Registries
from snapshots.request import Request, make_request
from snapshots.terminal import Terminal
from snapshots.waiting import Clock, SystemClock

_HEADINGS = ("snapshot", "state", "made", "arch", "bottlerocket", "kubernetes", "GiB", "images")


def build(
    images: list[str], options: dict[str, Any], *, region: str | None, profile: str | None, terminal: Terminal
) -> None:
    """Build snapshots of images.

    Args:
        images: the arguments of the command.
        options: see `make_request`.
        region: None is the profile's.
        profile: of AWS' configuration.
        terminal: is told.

    Raises:
        SnapshotsError: it failed; see `Builder.build`.
        KeyboardInterrupt: the user asked to stop.
    """
    parse_images(images)  # whatever is wrong with them is said before anything else
    aws = bootstrap.open_aws(region, profile)
    request = make_request(images, region=aws.region, **options)
    with bootstrap.open_registries(aws) as registries:
        build_snapshots(request, aws, registries, clock=SystemClock(), terminal=terminal)


def build_snapshots(
    request: Request, aws: Aws, registries: Registries, *, clock: Clock, terminal: Terminal
) -> None:
    """Build what is asked for, and print the ids; raises as `build`."""
    terminal.region = aws.region
    with terminal.watched():
        plan = make_plan(request, aws, registries, terminal)
        complete: list[Built] = []

        def done(built: Built) -> None:
            complete.append(built)
            if terminal.quiet:
                terminal.say(built.id)
            else:
                terminal.step(f"{built.id} {'is there already' if built.reused else 'is complete'}")

        try:
            Builder(aws, plan, clock=clock, progress=terminal).build(done)
        finally:
            if complete and not terminal.quiet:
                _tell(complete, request, terminal)


def show(*, region: str | None, profile: str | None, as_json: bool, terminal: Terminal) -> None:
    """List the snapshots that there are.

    Raises:
        OptionError: there is no such region or profile.
        StepError: EC2 refused.
    """
    found = _all(bootstrap.open_aws(region, profile))
    if as_json:
        terminal.say(json.dumps([_as_json(one) for one in found], indent=2))
    elif found:
        terminal.show(_HEADINGS, [_row(one) for one in found])
    else:
        terminal.remark("no snapshots yet")


def prune(
    *,
    region: str | None,
    profile: str | None,
    keep: int,
    older_than: int | None,
    in_use: list[str],
    yes: bool,
    terminal: Terminal,
) -> None:
    """Delete what nobody needs, or say what that would be.

    Raises:
        OptionError: there is no such region or profile, or what is in use is not there.
        StepError: EC2 refused; what could be deleted is.
    """
    aws = bootstrap.open_aws(region, profile)
    found = _all(aws)
    if unknown := sorted(set(in_use) - {one.id for one in found}):
        raise OptionError(
            f"--in-use: {unknown[0]} is not among the snapshots of {aws.region}; nothing was deleted"
        )
    going = superfluous(
        found,
        keep=keep,
        in_use=in_use,
        older_than=None if older_than is None else timedelta(days=older_than),
        now=datetime.now(UTC),
    )
    if not going:
        terminal.remark("nothing to delete")
        return
    if not yes:
        terminal.show(_HEADINGS, [_row(one) for one in going])
        terminal.remark(f"--yes deletes {'this one' if len(going) == 1 else f'these {len(going)}'}")
        return
    failed = []
    for one in going:
        try:
            Catalog(aws.ec2).delete(one.id)
        except AWS_ERRORS as exc:
            failed.append(f"{one.id}: {described(exc)}")
        else:
            terminal.say(one.id)
    if failed:
        raise StepError("not deleted:" + "".join(f"\n  {line}" for line in failed))


def _all(aws: Aws) -> list[Snapshot]:
    with step("listing snapshots"):
        return Catalog(aws.ec2).all()


def _tell(complete: list[Built], request: Request, terminal: Terminal) -> None:
    for built in complete:
        contents = built.target.contents
        terminal.say(f"{built.id}  # {contents.arch}, in {request.region}")
        terminal.say("for config.yaml, in extraValues of a runtime:")
        terminal.say("    karpenter:")
        terminal.say("      nodeTemplate:")
        terminal.say(f"        amiVersion: v{contents.bottlerocket}")
        terminal.say("        dataVolume:")
        terminal.say(f"          snapshotID: {built.id}")
        terminal.say(f"          volumeSize: {max(request.size_gib, 100)}Gi")


def _row(one: Snapshot) -> tuple[str, ...]:
    made = one.started.strftime("%Y-%m-%d %H:%M")
    images = "\n".join(image.partition("@")[0] for image in one.images)
    return (one.id, one.state, made, one.arch, one.bottlerocket, one.kubernetes, str(one.size_gib), images)


def _as_json(one: Snapshot) -> dict[str, Any]:
    return {
        "id": one.id,
        "state": one.state,
        "started": one.started.isoformat(),
        "arch": one.arch,
        "bottlerocket": one.bottlerocket,
        "kubernetes": one.kubernetes,
        "sizeGiB": one.size_gib,
        "encrypted": one.encrypted,
        "images": one.images,
    }
