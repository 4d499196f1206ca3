"""`darkroom console`: its options."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from darkroom_cli.invocation import EXITS, Invocation, on_a_system
from local.settings import CONSOLE_PORT

if TYPE_CHECKING:
    from darkroom_cli.endpoints import Target

# Plain names: Typer sees nothing of what stands behind a `type` statement.
Port = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=65535,
        help="Where to serve it on 127.0.0.1; 0 is any free one."
        f" Default: {CONSOLE_PORT} if it is free, else any.",
        show_default=False,
    ),
]
Browser = Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")]
Runtimes = Annotated[
    list[str] | None,
    typer.Option(
        "--runtime",
        metavar="NAME=TYPE",
        help="A runtime of a system of which only the endpoint is known, as in sdruntime=sdwebui or"
        " comfyruntime=comfyui. May be given several times. Default: those of its last tasks.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(epilog=EXITS)(console)


@on_a_system
def console(
    call: Invocation,
    where: "Target",
    *,
    port: Port = None,
    browser: Browser = False,
    runtime: Runtimes = None,
) -> None:
    """Submit, watch and look into tasks in the browser.

    Of the system that is up here the address is printed: its console is there already. For another system
    the console is served on this machine, on 127.0.0.1 only, until Ctrl-C; the API key stays in this process.
    The address lets in whoever has it. Examples:

    ./darkroom console --open

    ./darkroom console --stack-name sdoneksStack --region us-west-2

    DARKROOM_API_KEY=... ./darkroom console --endpoint https://abcdefghij.execute-api.us-east-1.amazonaws.com/prod/

    ./darkroom console --endpoint ... --runtime sdruntime=sdwebui --runtime comfyruntime=comfyui
    """
    from darkroom_cli import consoling  # noqa: PLC0415 - loading it takes long, and --help does not need it

    options = consoling.Options(port=port, browser=browser, runtimes=tuple(runtime or ()))
    consoling.console(where, options, environ=os.environ, home=call.home, terminal=call.terminal)
