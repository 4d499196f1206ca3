"""The commands and their options; what they do is in the modules beside this one."""

import asyncio
import os
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkroom_cli import arguments, completion, console_commands, planning_commands, remote_commands
from darkroom_cli.bodies import Wish
from darkroom_cli.deploying import commands as deploying_commands
from darkroom_cli.failures import explained
from darkroom_cli.interruption import interruptible
from darkroom_cli.invocation import EXITS, AsJson, Invocation, Runtime, on_a_system
from darkroom_cli.operating import commands as operating_commands
from darkroom_cli.options import DEMO_TIMEOUT, SUBMIT_TIMEOUT, TRACE_WAIT, SubmitOptions
from darkroom_cli.redriving import commands as redriving_commands
from darkroom_cli.terminal import Terminal
from darkroom_cli.workspace import commands as workspace_commands
from local.home import Home
from local.settings import CONSOLE_PORT, SECONDS_PER_IMAGE, Settings, parse_runtime
from snapshots.commands import app as snapshot

if TYPE_CHECKING:
    from darkroom_cli.endpoints import Target
    from local.system import System

OUT = "out"

app = typer.Typer(
    name="darkroom",
    help="Darkroom on this machine: post a task, get the picture. No AWS account, no GPU, no Docker.",
    epilog=f"Start with: ./darkroom demo. {EXITS}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def common(
    context: typer.Context,
    *,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show stack traces of errors.")] = False,
) -> None:
    """Darkroom on this machine: post a task, get the picture. No AWS account, no GPU, no Docker."""
    context.obj = Invocation(Home.from_environment(os.environ, Path.cwd()), Terminal(), verbose)


# Plain names: Typer sees nothing of what stands behind a `type` statement.
SecondsPerImage = Annotated[
    float, typer.Option(min=0, help="How long a sketch runtime takes for a picture, as a GPU would.")
]
Runtimes = Annotated[
    list[str] | None,
    typer.Option(
        "--runtime",
        metavar="NAME=URL",
        help="A real SD Web UI or ComfyUI in place of a sketch, as in sdruntime=http://127.0.0.1:7860."
        " May be given several times.",
    ),
]
Port = Annotated[
    int,
    typer.Option(min=0, max=65535, help="Port of the API and the emulator on 127.0.0.1; 0 is any free one."),
]


Traces = Annotated[
    bool, typer.Option("--traces/--no-traces", help="Keep traces, and show them in a page on 127.0.0.1.")
]
Otlp = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="DARKROOM_OTLP_ENDPOINT",
        help="Another receiver of OTLP over HTTP for the spans of agents and sketches.",
    ),
]
Console = Annotated[
    bool, typer.Option("--console/--no-console", help="Serve the console, a page for the browser.")
]
ConsolePort = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=65535,
        envvar="DARKROOM_CONSOLE_PORT",
        help=f"Its port on 127.0.0.1; 0 is any free one. Default: {CONSOLE_PORT} if it is free, else any.",
        show_default=False,
    ),
]


@app.command(epilog=EXITS)
def up(
    context: typer.Context,
    *,
    seconds_per_image: SecondsPerImage = SECONDS_PER_IMAGE,
    runtime: Runtimes = None,
    port: Port = 0,
    traces: Traces = True,
    otlp: Otlp = None,
    console: Console = True,
    console_port: ConsolePort = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return once it is ready, and leave it running.")
    ] = False,
) -> None:
    """Start the whole system and keep it until Ctrl-C.

    An AWS emulator gets the dispatch stack that the cloud gets; queue agents and sketch runtimes run as
    processes (sketches paint from prompt and seed, no model is involved). The console's address (a page to
    submit and watch in), endpoint, key and a curl line to paste are printed. Each start begins empty; logs
    are in .darkroom/run/logs.
    """
    from darkroom_cli import running  # noqa: PLC0415 - loading it takes long, and --help does not need it

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        settings = replace(
            _settings(seconds_per_image, runtime, port),
            traces=traces,
            otlp=otlp,
            console=console,
            console_port=console_port,
        )
        if detach:
            again = ["--seconds-per-image", str(seconds_per_image), "--port", str(port)]
            for one in runtime or ():
                again += ["--runtime", one]
            again += [] if traces else ["--no-traces"]
            again += ["--otlp", otlp] if otlp else []
            again += [] if console else ["--no-console"]
            again += ["--console-port", str(console_port)] if console_port is not None else []
            running.up_detached(home=call.home, environ=os.environ, arguments=again, terminal=call.terminal)
            return
        asyncio.run(running.up(home=call.home, environ=os.environ, settings=settings, terminal=call.terminal))


@app.command(epilog=EXITS)
def down(context: typer.Context) -> None:
    """End the system that is up, wherever it was started."""
    from darkroom_cli import running  # noqa: PLC0415 - loading it takes long, and --help does not need it

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        running.down(home=call.home, terminal=call.terminal)


@app.command(epilog=EXITS)
def demo(
    context: typer.Context,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the pictures. Default: out/")
    ] = None,
    seconds_per_image: SecondsPerImage = SECONDS_PER_IMAGE,
    runtime: Runtimes = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for all six.")] = DEMO_TIMEOUT,
) -> None:
    """Send the guide's six requests and save their pictures.

    Text-to-image and image-to-image in both versions of the API, upscaling, and a ComfyUI workflow. Starts
    the system if it is not up, and ends it again. The picture that the guide's examples link to is replaced
    by one that is served here. Succeeds only if each request comes back with a picture that opens.
    """
    from darkroom_cli import demo as demo_command  # noqa: PLC0415 - loading it takes long, and --help does not need it
    from darkroom_cli import running  # noqa: PLC0415 - loading it takes long, and --help does not need it

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        # It ends with the last picture: nobody would look.
        settings = replace(_settings(seconds_per_image, runtime, 0), console=False)
        started: list[System] = []

        async def run() -> None:
            async with running.some_system(
                home=call.home,
                environ=os.environ,
                settings=settings,
                terminal=call.terminal,
                hurry=started,
            ) as state:
                folder = out or call.home.root / OUT
                await demo_command.demo(state=state, terminal=call.terminal, folder=folder, timeout=timeout)

        _run(run(), started)


@app.command(epilog=EXITS)
@on_a_system
def submit(
    call: Invocation,
    where: "Target",
    prompt: arguments.Prompt = None,
    *,
    output: arguments.Output = None,
    task: arguments.TaskType = None,
    image: arguments.Image = None,
    workflow: arguments.Workflow = None,
    json_file: arguments.JsonFile = None,
    runtime: arguments.Runtime = None,
    task_id: arguments.TaskId = None,
    negative: arguments.Negative = None,
    seed: arguments.Seed = None,
    steps: arguments.Steps = None,
    width: arguments.Pixels = None,
    height: arguments.Pixels = None,
    model: arguments.Model = None,
    strength: arguments.Strength = None,
    scale: arguments.Scale = None,
    wait: arguments.Wait = True,
    timeout: arguments.Timeout = SUBMIT_TIMEOUT,
) -> None:
    """Submit one task to the system that is up, or to another one, and save its picture.

    The file's name is printed to stdout. A picture of yours is uploaded first. Examples:

    ./darkroom submit "a lighthouse at dusk" -o out.png

    ./darkroom submit "the same in winter" --image out.png -o winter.png

    ./darkroom submit --task extra-single-image --image out.png --scale 2 -o large.png

    ./darkroom submit --workflow workflow_api.json

    ./darkroom submit "a lighthouse" --stack-name sdoneksStack --region us-west-2
    """
    from darkroom_cli import submit as submit_command  # noqa: PLC0415 - loading it takes long, and --help does not need it

    options = SubmitOptions(
        wish=Wish(prompt, negative, seed, steps, width, height, model, strength, scale),
        tasktype=task,
        image=image,
        workflow=workflow,
        json_file=json_file,
        runtime=runtime,
        task_id=task_id,
        output=output,
        wait=wait,
        timeout=timeout,
    )
    submit_command.check(options)
    place = submit_command.place_of(where, environ=os.environ, home=call.home)
    _run(submit_command.submit(options, place=place, terminal=call.terminal, folder=call.home.root / OUT), [])


@app.command(epilog=EXITS)
def trace(
    context: typer.Context,
    trace_id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="A task's id, or a trace's: 32 hex digits or X-Ray's form.",
            autocompletion=completion.task_ids,
        ),
    ],
    *,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait until it is complete.")] = TRACE_WAIT,
    as_json: AsJson = False,
    url: Annotated[bool, typer.Option("--url", help="Print only the address of its page.")] = False,
    browser: Annotated[bool, typer.Option("--open", help="Open its page in the browser.")] = False,
) -> None:
    """Show the way of one task, from the API to the GPU and back.

    A waterfall of what was done, when and by whom. Bold and filled: what the task waited for. A task whose
    id was used several times shows the last; the others are named.
    """
    from darkroom_cli import trace as trace_command  # noqa: PLC0415 - loading it takes long, and --help does not need it
    from local.state import read_state  # noqa: PLC0415 - loading it takes long, and --help does not need it

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        trace_command.show(
            trace_id,
            state=read_state(call.home),
            terminal=call.terminal,
            wait=wait,
            as_json=as_json,
            url=url,
            browser=browser,
        )


@app.command(epilog=EXITS)
def traces(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="How many.")] = 20,
    runtime: Runtime = None,
    errors: Annotated[bool, typer.Option("--errors", help="Only those with an error.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """List the last traces: task, runtime, result, time, and the share of it that the GPU worked."""
    from darkroom_cli import trace as trace_command  # noqa: PLC0415 - loading it takes long, and --help does not need it
    from local.state import read_state  # noqa: PLC0415 - loading it takes long, and --help does not need it

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        trace_command.show_list(
            state=read_state(call.home),
            terminal=call.terminal,
            limit=limit,
            runtime=runtime,
            error=errors,
            as_json=as_json,
        )


console_commands.add_to(app)
remote_commands.add_to(app)
redriving_commands.add_to(app)
deploying_commands.add_to(app)
app.add_typer(snapshot, name="snapshot", rich_help_panel="Deployment")
operating_commands.add_to(app)
planning_commands.add_to(app)
workspace_commands.add_to(app)


def main() -> None:
    """Run the command line."""
    app(prog_name="darkroom")


def _run(work: Coroutine[Any, Any, None], started: "list[System]") -> None:
    """Run to the end, or to Ctrl-C; a second Ctrl-C ends the systems in `started` without patience."""

    def hurry() -> None:
        for system in started:
            system.hurry.set()

    async def run() -> None:
        await interruptible(work, first=lambda: None, second=hurry)

    asyncio.run(run())


def _settings(seconds_per_image: float, runtimes: list[str] | None, port: int) -> Settings:
    return Settings(
        seconds_per_image=seconds_per_image,
        runtimes=dict(parse_runtime(one) for one in runtimes or ()),
        api_port=port,
    )
