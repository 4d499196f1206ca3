"""The options of `deploy` and `destroy`, with their help; plain names, as Typer sees through no `type`."""

from pathlib import Path
from typing import Annotated

import typer

from darkroom_cli.deploying.options import MODEL_URL, RUNTIME_NAME, STACK_NAME

StackName = Annotated[
    str | None,
    typer.Option(
        "--stack-name",
        "-n",
        metavar="NAME",
        help="Name of the deployment, which names all that is"
        f" made. Default: config.yaml's, else {STACK_NAME}.",
    ),
]
Region = Annotated[
    str | None,
    typer.Option("--region", "-R", help="Region. Default: AWS_REGION, AWS_DEFAULT_REGION, the profile's."),
]
Profile = Annotated[str | None, typer.Option("--profile", help="Profile of AWS' configuration.")]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", "-d", help="Look at everything, write config.yaml, and make nothing in AWS."),
]
Bucket = Annotated[
    str | None,
    typer.Option(
        "--bucket",
        "-b",
        metavar="NAME",
        help="A bucket with models, in the same region. Default:"
        " config.yaml's, else one is made with Stable Diffusion 1.5 in it.",
    ),
]
Snapshot = Annotated[
    str | None,
    typer.Option(
        "--snapshot",
        "-s",
        metavar="ID",
        help="An EBS snapshot with the images. Default: config.yaml's, else one is built.",
    ),
]
NoSnapshot = Annotated[
    bool, typer.Option("--no-snapshot", help="Build none: nodes pull their images, which takes minutes.")
]
RuntimeName = Annotated[
    str | None,
    typer.Option(
        "--runtime-name",
        "-r",
        metavar="NAME",
        help=f"What requests call the runtime. Default: {RUNTIME_NAME}.",
    ),
]
RuntimeType = Annotated[
    str | None,
    typer.Option("--runtime-type", "-t", metavar="TYPE", help="sdwebui (default) or comfyui."),
]
SkipTools = Annotated[
    bool, typer.Option("--skip-tools", "-T", help="Do not look whether Node.js and the like are there.")
]
AgentImage = Annotated[
    str | None,
    typer.Option(
        metavar="IMAGE",
        help="An image of the queue agent that is in a registry. Default:"
        " config.yaml's, else one is built and pushed to ECR.",
    ),
]
ModelUrl = Annotated[
    str,
    typer.Option(
        metavar="URL",
        envvar="DARKROOM_MODEL_URL",
        help="Where the checkpoint of a new bucket is downloaded from.",
        show_default=MODEL_URL.rpartition("/")[2],
    ),
]
ModelSha256 = Annotated[
    str | None, typer.Option(metavar="HEX", help="What it has to be; known for the default one.")
]
Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The deployment. Default: config.yaml.")
]
Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Wait up to 15 minutes until new filters of SNS hold.")
]
Ignore = Annotated[
    list[int] | None,
    typer.Option(metavar="CODE", help="Only warn of this: a quota, an instance type or a model. Repeatable."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Force = Annotated[
    bool, typer.Option("--force", help="Also with tasks waiting, which are lost, and with nodes left.")
]
