"""`status`, `wait`, `cancel`, `list` and `listen`: their options."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from darkroom_cli.failures import explained

if TYPE_CHECKING:
    from darkroom_cli.app import Invocation
    from darkroom_client import Connection

EXITS = "Exit codes: 0 success, 1 failed, 2 wrong use, 3 the local system is not up, 130 interrupted."
STATUSES = ("queued", "running", "succeeded", "failed", "cancelled")

# Plain names: Typer sees nothing of what stands behind a `type` statement.
TaskId = Annotated[str, typer.Argument(metavar="ID", help="The task's id.")]
Endpoint = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="The API of another system. Default: DARKROOM_ENDPOINT, else what is up here."
    ),
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        metavar="KEY", help="Its key; DARKROOM_API_KEY is better, as other users see command lines."
    ),
]
Stack = Annotated[
    str | None, typer.Option(metavar="NAME", help="A dispatch stack in AWS, which tells endpoint and key.")
]
Region = Annotated[str | None, typer.Option(help="The stack's region. Default: AWS's own settings.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(epilog=EXITS)(status)
    app.command(epilog=EXITS)(wait)
    app.command(epilog=EXITS)(cancel)
    app.command("list", epilog=EXITS)(list_tasks)
    app.command(epilog=EXITS)(listen)


def status(
    context: typer.Context,
    task_id: TaskId,
    *,
    endpoint: Endpoint = None,
    api_key: ApiKey = None,
    stack: Stack = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Tell how a task stands: queued, running, succeeded, failed or cancelled, and what came out."""
    from darkroom_cli import remote  # noqa: PLC0415 - loading it takes long, and --help does not need it

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        where = _connection(call, endpoint, api_key, stack, region)
        remote.status(task_id, connection=where, terminal=call.terminal, as_json=as_json)


def wait(
    context: typer.Context,
    task_id: TaskId,
    *,
    timeout: Annotated[
        float | None, typer.Option(min=0, help="Seconds to wait. Default: as long as it takes.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FOLDER", help="Save the outputs there.")
    ] = None,
    endpoint: Endpoint = None,
    api_key: ApiKey = None,
    stack: Stack = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Wait until a task has ended; fails if the task did not succeed."""
    from darkroom_cli import remote  # noqa: PLC0415 - loading it takes long, and --help does not need it

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        where = _connection(call, endpoint, api_key, stack, region)
        remote.wait(
            task_id, connection=where, terminal=call.terminal, timeout=timeout, folder=out, as_json=as_json
        )


def cancel(
    context: typer.Context,
    task_id: TaskId,
    *,
    endpoint: Endpoint = None,
    api_key: ApiKey = None,
    stack: Stack = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a task: one that waits never sees the GPU, one that runs is interrupted."""
    from darkroom_cli import remote  # noqa: PLC0415 - loading it takes long, and --help does not need it

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        where = _connection(call, endpoint, api_key, stack, region)
        remote.cancel(task_id, connection=where, terminal=call.terminal, as_json=as_json)


def list_tasks(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many.")] = 20,
    runtime: Annotated[str | None, typer.Option(metavar="NAME", help="Only this runtime's.")] = None,
    status: Annotated[
        str | None,
        typer.Option(
            metavar="STATE",
            help=f"Only those that are {', '.join(STATUSES)}.",
            autocompletion=lambda: list(STATUSES),
        ),
    ] = None,
    endpoint: Endpoint = None,
    api_key: ApiKey = None,
    stack: Stack = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """List the last tasks, newest first."""
    from darkroom_cli import remote  # noqa: PLC0415 - loading it takes long, and --help does not need it

    call: Invocation = context.obj
    if status is not None and status not in STATUSES:
        raise typer.BadParameter(f"{status!r} is none of {', '.join(STATUSES)}", param_hint="--status")
    with explained(call.terminal, call.home, verbose=call.verbose):
        where = _connection(call, endpoint, api_key, stack, region)
        remote.show_list(
            connection=where,
            terminal=call.terminal,
            limit=limit,
            runtime=runtime,
            status=status,
            as_json=as_json,
        )


def listen(
    context: typer.Context,
    *,
    secret: Annotated[
        list[str] | None,
        typer.Option(
            envvar="DARKROOM_WEBHOOK_SECRET",
            metavar="whsec_...",
            help="What webhooks are signed with; several while one replaces another.",
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
    and not shown; an event that is sent again is marked.
    """
    from darkroom_cli import listen as work  # noqa: PLC0415 - loading it takes long, and --help does not need it

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        work.listen(secret or [], port=port, terminal=call.terminal, count=count, as_json=as_json)


def _connection(
    call: "Invocation", endpoint: str | None, api_key: str | None, stack: str | None, region: str | None
) -> "Connection":
    from darkroom_cli.endpoints import Target, connection  # noqa: PLC0415 - it loads boto3

    target = Target(endpoint, api_key, stack, region)
    return connection(target, environ=os.environ, home=call.home)
