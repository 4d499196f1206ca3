"""`verify`, `doctor` and `models`: their options."""

import os
from pathlib import Path
from typing import Annotated

import typer

from darkroom_cli.failures import explained
from darkroom_cli.invocation import EXITS, AsJson, Invocation
from darkroom_cli.operating.models.folders import FOLDERS

PANEL = "Deployment"
DOCTOR_EXITS = "Exit codes: 0 nothing is wrong, 1 a problem was found, 2 wrong use, 3 no local system is up."
VERIFY_TIMEOUT = 1800.0  # seconds; a node, an image and a model may have to come first

# Plain names: Typer sees nothing of what stands behind a `type` statement.
StackName = Annotated[
    str | None,
    typer.Option(
        "--stack-name",
        "--stack",
        "-n",
        metavar="NAME",
        help="The dispatch stack in AWS, or the stackName of config.yaml; an endpoint alone is not enough."
        " Default: DARKROOM_STACK_NAME, else what is up here.",
    ),
]
Region = Annotated[
    str | None, typer.Option("--region", "-R", help="The stack's region. Default: AWS's own settings.")
]
Runtimes = Annotated[
    list[str] | None,
    typer.Option(
        "--runtime", "-r", metavar="NAME", help="Only this runtime; may be given several times. Default: all."
    ),
]
Bucket = Annotated[
    str | None,
    typer.Option(
        "--bucket", "-b", metavar="NAME", help="The model bucket. Default: modelBucketArn of config.yaml."
    ),
]

models = typer.Typer(no_args_is_help=True, help="Put models into the model bucket, and see what is there.")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(epilog=EXITS, rich_help_panel=PANEL)(verify)
    app.command(epilog=DOCTOR_EXITS, rich_help_panel=PANEL)(doctor)
    models.command("upload", epilog=EXITS)(upload_models)
    models.command("list", epilog=EXITS)(list_models)
    app.add_typer(models, name="models", rich_help_panel=PANEL)


def verify(
    context: typer.Context,
    *,
    stack_name: StackName = None,
    region: Region = None,
    runtime: Runtimes = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Checkpoint to ask for, of runtimes that load any, and of ComfyUI."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FOLDER", help="Folder of the pictures. Default: out/verify."),
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for all.")] = VERIFY_TIMEOUT,
    show: Annotated[bool, typer.Option("--show", help="Draw the pictures in the terminal, too.")] = False,
) -> None:
    """Ask each runtime for pictures, and check that they come.

    For SD Web UI: text-to-image and image-to-image in both versions of the API, and upscaling; for ComfyUI:
    a workflow. Endpoint and key are those of the stack. Waits for nodes and models where no pod runs. Fails
    if a picture is missing or does not open.

    ./darkroom verify

    ./darkroom verify --stack-name sdoneksStack --runtime sdruntime -o pictures
    """
    from darkroom_cli.endpoints import Target  # noqa: PLC0415 - loading it takes long, and --help does not need it
    from darkroom_cli.operating import verify as verifying  # noqa: PLC0415 - the same
    from darkroom_cli.operating.system import meant  # noqa: PLC0415 - the same

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        where = Target(stack=stack_name, region=region)
        system = meant(where, environ=os.environ, home=call.home)
        verifying.verify(
            system,
            runtimes=tuple(runtime or ()),
            folder=out or call.home.root / "out" / "verify",
            timeout=timeout,
            terminal=call.terminal,
            model=model,
            show=show,
        )


def doctor(
    context: typer.Context,
    task_id: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="A task that does not move. Default: looks at all runtimes."),
    ] = None,
    *,
    stack_name: StackName = None,
    region: Region = None,
    runtime: Runtimes = None,
    kubernetes: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Kubernetes' API without login, as `kubectl proxy` serves it: http://127.0.0.1:8001."
            " Default: the stack's own cluster, by its access role.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell why tasks do not move, and what to do about it.

    Follows the way of a task: API, record, topic and filter, queue, KEDA, Karpenter and its nodes, pods,
    agent, dead letters, quotas. Only looks, changes nothing. What it could not look at is told as such.

    ./darkroom doctor

    ./darkroom doctor test-t2i --stack-name sdoneksStack
    """
    from darkroom_cli.endpoints import Target  # noqa: PLC0415 - loading it takes long, and --help does not need it
    from darkroom_cli.operating.doctor import visit  # noqa: PLC0415 - the same
    from darkroom_cli.operating.system import meant  # noqa: PLC0415 - the same

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        where = Target(stack=stack_name, region=region)
        system = meant(where, environ=os.environ, home=call.home)
        visit.doctor(
            system,
            task_id=task_id,
            runtimes=tuple(runtime or ()),
            kubernetes=kubernetes,
            terminal=call.terminal,
            as_json=as_json,
        )


def upload_models(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Model files, such as .safetensors.")
    ],
    *,
    type_: Annotated[
        str,
        typer.Option(
            "--type",
            "-t",
            metavar="TYPE",
            help=f"The folder that they belong in: {', '.join(FOLDERS)}.",
            autocompletion=lambda: list(FOLDERS),
        ),
    ],
    bucket: Bucket = None,
    region: Region = None,
    allow_pickle: Annotated[
        bool,
        typer.Option(
            "--allow-pickle", help="Take .ckpt, .pt, .pth and .bin, which can run code when loaded."
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Upload even what the bucket has with the same content.")
    ] = False,
) -> None:
    """Upload model files into the folder of their type.

    A .safetensors is read first: its header has to describe exactly the file. What the bucket has with the
    same content is not sent again. Ctrl-C leaves nothing behind.

    ./darkroom models upload dreamshaper.safetensors --type Stable-diffusion

    ./darkroom models upload *.safetensors --type Lora --bucket my-models
    """
    from darkroom_cli.operating.models import upload  # noqa: PLC0415 - loading it takes long, and --help does not need it
    from darkroom_cli.operating.models.bucket import find_bucket  # noqa: PLC0415 - the same

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        plan = upload.plan(files, type_, allow_pickle=allow_pickle)
        where = find_bucket(bucket, region, home=call.home, environ=os.environ)
        upload.upload(plan, where, terminal=call.terminal, force=force)


def list_models(
    context: typer.Context,
    *,
    type_: Annotated[
        str | None,
        typer.Option(
            "--type", "-t", metavar="TYPE", help="Only this type.", autocompletion=lambda: list(FOLDERS)
        ),
    ] = None,
    bucket: Bucket = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """List the models in the bucket: name, type, size, date."""
    from darkroom_cli.operating.models import listing  # noqa: PLC0415 - loading it takes long, and --help does not need it
    from darkroom_cli.operating.models.bucket import find_bucket  # noqa: PLC0415 - the same

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        where = find_bucket(bucket, region, home=call.home, environ=os.environ)
        listing.show(where, terminal=call.terminal, type_=type_, as_json=as_json)
