"""`status`, `wait`, `cancel`, `list` and `listen`: their options."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from darkroom_cli import completion
from darkroom_cli.invocation import EXITS, AsJson, Invocation, Runtime, on_a_system

if TYPE_CHECKING:
    from darkroom_cli.endpoints import Target
    from darkroom_client import Connection

STATUSES = ("queued", "running", "succeeded", "failed", "cancelled")

# Plain names: Typer sees nothing of what stands behind a `type` statement.
TaskId = Annotated[
    str, typer.Argument(metavar="ID", help="The task's id.", autocompletion=completion.task_ids)
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(epilog=EXITS)(status)
    app.command(epilog=EXITS)(wait)
    app.command(epilog=EXITS)(cancel)
    app.command("list", epilog=EXITS)(list_tasks)
    app.command(epilog=EXITS)(listen)


@on_a_system
def status(call: Invocation, where: "Target", task_id: TaskId, *, as_json: AsJson = False) -> None:
    """Tell how a task stands: queued, running, succeeded, failed or cancelled, and what came out."""
    from darkroom_cli import remote  # noqa: PLC0415 - loading it takes long, and --help does not need it

    remote.status(task_id, connection=_connection(call, where), terminal=call.terminal, as_json=as_json)


@on_a_system
def wait(
    call: Invocation,
    where: "Target",
    task_id: TaskId,
    *,
    timeout: Annotated[
        float | None, typer.Option(min=0, help="Seconds to wait. Default: as long as it takes.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FOLDER", help="Save the outputs there.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Wait until a task has ended; fails if the task did not succeed."""
    from darkroom_cli import remote  # noqa: PLC0415 - loading it takes long, and --help does not need it

    connection = _connection(call, where)
    remote.wait(
        task_id, connection=connection, terminal=call.terminal, timeout=timeout, folder=out, as_json=as_json
    )


@on_a_system
def cancel(call: Invocation, where: "Target", task_id: TaskId, *, as_json: AsJson = False) -> None:
    """Cancel a task: one that waits never sees the GPU, one that runs is interrupted."""
    from darkroom_cli import remote  # noqa: PLC0415 - loading it takes long, and --help does not need it

    remote.cancel(task_id, connection=_connection(call, where), terminal=call.terminal, as_json=as_json)


@on_a_system
def list_tasks(
    call: Invocation,
    where: "Target",
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many.")] = 20,
    runtime: Runtime = None,
    status: Annotated[
        str | None,
        typer.Option(
            metavar="STATE",
            help=f"Only those that are {', '.join(STATUSES)}.",
            autocompletion=lambda: list(STATUSES),
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the last tasks, newest first."""
    from darkroom_cli import remote  # noqa: PLC0415 - loading it takes long, and --help does not need it

    if status is not None and status not in STATUSES:
        raise typer.BadParameter(f"{status!r} is none of {', '.join(STATUSES)}", param_hint="--status")
    remote.show_list(
        connection=_connection(call, where),
        terminal=call.terminal,
        limit=limit,
        runtime=runtime,
        status=status,
        as_json=as_json,
    )


@on_a_system
def listen(
    call: Invocation,
    where: "Target",
    *,
    secret: Annotated[
        list[str] | None,
        typer.Option(
            envvar="DARKROOM_WEBHOOK_SECRET",
            metavar="whsec_...",
            help="What webhooks are signed with; several while one replaces another."
            " Default: the system's own.",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 is any free one.")] = 0,
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, help="End after so many events.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as a line of JSON.")] = False,
) -> None:
    """Receive webhooks on this machine: verify and print them, until Ctrl-C.

    Give the address that it prints as callback_url. What is not signed as it should be is answered with 401
    and not shown; an event that is sent again is marked. Without --secret it is that of the system that is up
    here, or of a stack (read from Secrets Manager with your AWS credentials).
    """
    from darkroom_cli import listen as work  # noqa: PLC0415 - loading it takes long, and --help does not need it

    secrets = secret or work.secrets_of(where, environ=os.environ, home=call.home)
    work.listen(secrets, port=port, terminal=call.terminal, count=count, as_json=as_json)


def _connection(call: Invocation, where: "Target") -> "Connection":
    from darkroom_cli.endpoints import connection  # noqa: PLC0415 - it loads boto3

    return connection(where, environ=os.environ, home=call.home)
