"""`redrive` and `replay`: their options."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from darkroom_cli import completion
from darkroom_cli.invocation import EXITS, Invocation, Runtime, on_a_system

if TYPE_CHECKING:
    from darkroom_cli.endpoints import Target


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(epilog=EXITS)(redrive)
    app.command(epilog=EXITS)(replay)


@on_a_system
def redrive(
    call: Invocation,
    where: "Target",
    task_ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Only what is of these tasks. Default: all there is."),
    ] = None,
    *,
    runtime: Runtime = None,
    dead_letters: Annotated[
        bool, typer.Option("--dead-letters", help="Only tasks that no agent brought to an end.")
    ] = False,
    webhooks: Annotated[bool, typer.Option("--webhooks", help="Only webhooks that nobody took.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what there is, and send nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Send again what was given up: dead letters as new submissions, webhooks from their first try.

    A dead letter is sent as its task was, under its id; where that id was used again since, or the task
    succeeded, it is left alone. A webhook keeps its webhook-id, so that its receiver can tell it. Each is
    sent first and deleted then: to interrupt this and begin anew is harmless. Needs the stack, not only its
    endpoint: AWS credentials that may read and delete in the payload bucket, and receive from and send to
    the queues of webhooks.

    ./darkroom redrive --dry-run

    ./darkroom redrive test-t2i --stack-name sdoneksStack
    """
    from darkroom_cli.errors import BadRequestOptionError  # noqa: PLC0415 - loading it takes long, and --help does not need it
    from darkroom_cli.operating.system import meant  # noqa: PLC0415 - the same
    from darkroom_cli.redriving import work  # noqa: PLC0415 - the same
    from darkroom_cli.redriving.items import Wanted  # noqa: PLC0415 - the same

    def confirm(question: str) -> bool:
        if yes:
            return True
        if not sys.stdin.isatty():
            raise BadRequestOptionError("nobody can be asked: say --yes, or --dry-run to see what there is")
        return typer.confirm(question, err=True)

    everything = dead_letters == webhooks
    orders = work.Orders(
        Wanted(runtime, frozenset(task_ids or ())),
        letters=dead_letters or everything,
        webhooks=webhooks or everything,
        dry_run=dry_run,
    )
    system = meant(where, environ=os.environ, home=call.home)
    work.redrive(system, orders, terminal=call.terminal, confirm=confirm)


@on_a_system
def replay(
    call: Invocation,
    where: "Target",
    task_id: Annotated[
        str, typer.Argument(metavar="ID", help="A task that has ended.", autocompletion=completion.task_ids)
    ],
    *,
    runtime: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Where it answers, as in http://127.0.0.1:7860; or the name of one that is up here.",
            autocompletion=completion.runtimes,
        ),
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            "--type",
            metavar="TYPE",
            help="sdwebui or comfyui. Default: that of the runtime named, else of the task's own.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FOLDER", help="Default: out/replay/ID.")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="A host or network that links may name though it is not public."),
    ] = None,
    allow_s3: Annotated[
        list[str] | None, typer.Option(metavar="BUCKET[/PREFIX]", help="What s3:// links may name.")
    ] = None,
) -> None:
    """Run the request of a task once more, on a runtime of yours, and save what comes out.

    For a task that failed, or looks wrong: the queue agent's own adapter runs it, with all that it says of
    faults. Nothing of the task changes, nobody is told. The request is the one in the task's .out; inputs are
    fetched anew, so links that have expired fail. A checkpoint is loaded if the request names one.

    ./darkroom replay test-t2i --runtime http://127.0.0.1:7860

    ./darkroom replay test-t2i --runtime sdruntime -o again
    """
    from darkroom_cli.operating.system import meant  # noqa: PLC0415 - loading it takes long, and --help does not need it
    from darkroom_cli.redriving import replaying  # noqa: PLC0415 - the same

    wish = replaying.Wish(
        task_id,
        runtime,
        kind,
        out or call.home.root / "out" / "replay" / Path(task_id).name,
        tuple(allow_host or ()),
        tuple(allow_s3 or ()),
    )
    system = meant(where, environ=os.environ, home=call.home)
    replaying.replay(
        system, wish, home=call.home, environ=os.environ, region=where.region, terminal=call.terminal
    )
