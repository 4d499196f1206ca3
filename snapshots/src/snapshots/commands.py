"""The commands and their options; what they do is in `running`, which takes long to load."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from snapshots import arguments
from snapshots.errors import INTERRUPTED, SnapshotsError
from snapshots.interruption import terminable
from snapshots.request import BOTTLEROCKET_VERSION, KUBERNETES_VERSION, SIZE_GIB
from snapshots.terminal import Terminal

_EXITS = "Exit codes: 0 success, 1 failed, 2 wrong use, 130 interrupted."

app = typer.Typer(
    name="snapshot",
    help="EBS snapshots with container images inside, so that new GPU nodes need not pull them.",
    epilog=_EXITS,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _commands() -> None:
    """EBS snapshots with container images inside, so that new GPU nodes need not pull them."""


@app.command(epilog=_EXITS)
def build(
    images: arguments.Images,
    *,
    region: arguments.Region = None,
    profile: arguments.Profile = None,
    arch: arguments.Arch = None,
    size: arguments.Size = SIZE_GIB,
    encrypt: arguments.Encrypt = True,
    kms_key: arguments.KmsKey = None,
    subnet: arguments.Subnet = None,
    security_group: arguments.SecurityGroup = None,
    public_ip: arguments.PublicIp = None,
    instance_profile: arguments.InstanceProfile = None,
    instance_type: arguments.InstanceType = None,
    kubernetes_version: arguments.KubernetesVersion = KUBERNETES_VERSION,
    bottlerocket_version: arguments.BottlerocketVersion = BOTTLEROCKET_VERSION,
    reuse: arguments.Reuse = False,
    quiet: arguments.Quiet = False,
) -> None:
    """Make a snapshot of a Bottlerocket data volume with the images inside.

    An instance is started, which pulls them, each by its digest; the snapshot is of its data volume. Whatever
    else was made is removed, on failure and Ctrl-C as well (a second Ctrl-C leaves it where it is). Examples:

    ./darkroom snapshot build 123456789012.dkr.ecr.us-east-1.amazonaws.com/sdwebui:1.10.1 -r us-east-1

    ID=$(./darkroom snapshot build IMAGE,IMAGE -r us-east-1 --reuse --quiet)
    """
    terminal = Terminal(quiet=quiet)
    with explained(terminal):
        from snapshots import running  # noqa: PLC0415 - loading it takes long, and --help does not need it

        options: dict[str, Any] = {
            "arches": arch,
            "size_gib": size,
            "encrypt": encrypt,
            "kms_key": kms_key,
            "subnet": subnet,
            "security_groups": tuple(security_group or ()),
            "public_ip": public_ip,
            "instance_profile": instance_profile,
            "instance_types": instance_type,
            "kubernetes": kubernetes_version,
            "bottlerocket": bottlerocket_version,
            "reuse": reuse,
        }
        running.build(images, options, region=region, profile=profile, terminal=terminal)


@app.command("list", epilog=_EXITS)
def list_(
    *,
    region: arguments.Region = None,
    profile: arguments.Profile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """List the snapshots that were made by `build`, newest first."""
    terminal = Terminal()
    with explained(terminal):
        from snapshots import running  # noqa: PLC0415 - loading it takes long, and --help does not need it

        running.show(region=region, profile=profile, as_json=as_json, terminal=terminal)


@app.command(epilog=_EXITS)
def prune(
    *,
    region: arguments.Region = None,
    profile: arguments.Profile = None,
    keep: Annotated[
        int, typer.Option(min=0, help="How many stay, the newest, of each architecture and set of images.")
    ] = 2,
    older_than: Annotated[
        int | None, typer.Option(min=0, metavar="DAYS", help="Only those that are older.")
    ] = None,
    in_use: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Stays in any case; repeatable.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Delete them. Without, they are only listed.")
    ] = False,
) -> None:
    """Delete old snapshots that were made by `build`; without --yes, only say which.

    Nodes that run need their snapshot no more, but new ones do: name with --in-use what config.yaml names.
    """
    terminal = Terminal()
    with explained(terminal):
        from snapshots import running  # noqa: PLC0415 - loading it takes long, and --help does not need it

        running.prune(
            region=region,
            profile=profile,
            keep=keep,
            older_than=older_than,
            in_use=in_use or [],
            yes=yes,
            terminal=terminal,
        )


@contextmanager
def explained(terminal: Terminal) -> Iterator[None]:
    """Turn whatever ends a command into a message and an exit code."""
    try:
        with terminable():
            yield
    except KeyboardInterrupt as exc:
        terminal.remark("interrupted")
        raise typer.Exit(INTERRUPTED) from exc
    except SnapshotsError as exc:
        terminal.complain(str(exc))
        raise typer.Exit(exc.exit_code) from exc
