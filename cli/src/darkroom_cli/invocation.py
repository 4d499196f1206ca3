"""What commands share: their invocation, some options, and those by which they mean a system."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Concatenate

import typer

from darkroom_cli import completion
from darkroom_cli.failures import explained
from darkroom_cli.terminal import Terminal
from local.home import Home

if TYPE_CHECKING:
    from darkroom_cli.endpoints import Target

EXITS = "Exit codes: 0 success, 1 failed, 2 wrong use, 3 the local system is not up, 130 interrupted."

# Plain names: Typer sees nothing of what stands behind a `type` statement.
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
Runtime = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Only this runtime's.", autocompletion=completion.runtimes),
]
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
StackName = Annotated[
    str | None,
    typer.Option(
        "--stack-name",
        "--stack",
        metavar="NAME",
        help="A dispatch stack in AWS, or the stackName of config.yaml: it tells endpoint and key."
        " Default: DARKROOM_STACK_NAME.",
    ),
]
Region = Annotated[str | None, typer.Option(help="The stack's region. Default: AWS's own settings.")]
_TARGET = {"endpoint": Endpoint, "api_key": ApiKey, "stack_name": StackName, "region": Region}


@dataclass(frozen=True)
class Invocation:
    """What all commands share."""

    home: Home
    terminal: Terminal
    verbose: bool


def on_a_system[**P](
    command: Callable[Concatenate[Invocation, "Target", P], None],
) -> Callable[..., None]:
    """Turn a function of an invocation, a target and its own options into a command.

    The command has the options that name a system behind its own, and explains what ends it.
    """
    own = list(inspect.signature(command).parameters.values())[2:]

    def run(context: typer.Context, *args: P.args, **kwargs: P.kwargs) -> None:
        from darkroom_cli.endpoints import Target  # noqa: PLC0415 - it loads boto3, and --help needs none of it

        call: Invocation = context.obj
        where = Target(*(_text(kwargs.pop(name)) for name in _TARGET))
        with explained(call.terminal, call.home, verbose=call.verbose):
            command(call, where, *args, **kwargs)

    keyword = inspect.Parameter.KEYWORD_ONLY
    options = [
        inspect.Parameter(name, keyword, default=None, annotation=kind) for name, kind in _TARGET.items()
    ]
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    parameters = [context, *own, *options]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # Typer looks at it
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
