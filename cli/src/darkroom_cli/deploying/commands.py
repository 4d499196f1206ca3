"""`deploy` and `destroy`: their options."""

import os
from typing import TYPE_CHECKING

import typer

from darkroom_cli.deploying import arguments
from darkroom_cli.deploying.options import MODEL_URL, Options
from darkroom_cli.failures import explained

if TYPE_CHECKING:
    from darkroom_cli.invocation import Invocation

PANEL = "Deployment"
EXITS = (
    "Exit codes: 0 success, 1 failed, 2 wrong use, 130 interrupted; 10 to 82: something is missing, and"
    " nothing was made (docs/deploy/quick-start.md has each)."
)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(epilog=EXITS, rich_help_panel=PANEL)(deploy)
    app.command(epilog=EXITS, rich_help_panel=PANEL)(destroy)


def deploy(
    context: typer.Context,
    *,
    stack_name: arguments.StackName = None,
    region: arguments.Region = None,
    profile: arguments.Profile = None,
    dry_run: arguments.DryRun = False,
    bucket: arguments.Bucket = None,
    snapshot: arguments.Snapshot = None,
    no_snapshot: arguments.NoSnapshot = False,
    runtime_name: arguments.RuntimeName = None,
    runtime_type: arguments.RuntimeType = None,
    skip_tools: arguments.SkipTools = False,
    agent_image: arguments.AgentImage = None,
    model_url: arguments.ModelUrl = MODEL_URL,
    model_sha256: arguments.ModelSha256 = None,
    config: arguments.Config = None,
    wait: arguments.Wait = True,
    ignore: arguments.Ignore = None,
    yes: arguments.Yes = False,
) -> None:
    """Deploy to AWS what config.yaml describes; without one, a first deployment with one runtime.

    It looks first whether all is there (credentials, quotas, GPU instances, models, snapshot, stacks), tells
    everything that is missing at once, and says what will be made and about what it costs. What is there
    already is taken as it is: an interrupted deployment goes on by the same command. Examples:

    ./darkroom deploy --dry-run

    ./darkroom deploy -R us-west-2

    ./darkroom deploy -n studio -b my-models -r comfy -t comfyui
    """
    from darkroom_cli.deploying import bootstrap  # noqa: PLC0415 - it loads boto3
    from darkroom_cli.deploying import deploy as work  # noqa: PLC0415 - the same

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        options = Options(
            config=config or call.home.root / "config.yaml",
            stack_name=stack_name,
            region=region,
            profile=profile,
            dry_run=dry_run,
            bucket=bucket,
            snapshot=snapshot,
            no_snapshot=no_snapshot,
            runtime_name=runtime_name,
            runtime_type=runtime_type,
            agent_image=agent_image,
            model_url=model_url,
            model_sha256=model_sha256,
            skip_tools=skip_tools,
            wait=wait,
            yes=yes,
            ignore=tuple(ignore or ()),
        )
        options.check()
        with bootstrap.world(call.home.root, os.environ, call.terminal, profile=profile) as world:
            work.deploy(options, world)


def destroy(
    context: typer.Context,
    *,
    stack_name: arguments.StackName = None,
    region: arguments.Region = None,
    profile: arguments.Profile = None,
    config: arguments.Config = None,
    force: arguments.Force = False,
    yes: arguments.Yes = False,
) -> None:
    """Remove a deployment from AWS, for ever; pictures and models stay.

    It refuses while messages are in the queues, removes the runtimes, waits until their GPU nodes have ended,
    and then removes the rest. Both buckets stay, and images and snapshots: it says how they are deleted.

    ./darkroom destroy -R us-west-2
    """
    from darkroom_cli.deploying import bootstrap  # noqa: PLC0415 - it loads boto3
    from darkroom_cli.deploying import destroy as work  # noqa: PLC0415 - the same

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        removal = work.Removal(
            config=config or call.home.root / "config.yaml",
            stack_name=stack_name,
            region=region,
            profile=profile,
            force=force,
            yes=yes,
        )
        with bootstrap.world(call.home.root, os.environ, call.terminal, profile=profile) as world:
            work.destroy(removal, world)
