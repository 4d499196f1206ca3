"""What `./darkroom submit` takes, with its help: plain names, as Typer does not look through `type`."""

from pathlib import Path
from typing import Annotated

import typer

from darkroom_cli import completion
from darkroom_cli.options import TASKS

Prompt = Annotated[str | None, typer.Argument(help='What to paint, such as "a lighthouse at dusk".')]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="File of the picture; more of them get numbers. Default: out/<id>."),
]
TaskType = Annotated[
    str | None,
    typer.Option(metavar="TYPE", help=f"One of {', '.join(TASKS)}; else it follows from the rest."),
]
Image = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|URL",
        help="The picture to start from or to enlarge; a file is uploaded (32 MiB at most).",
    ),
]
Workflow = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A ComfyUI workflow, exported in API format.")
]
JsonFile = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="A whole request, in either version of the API."),
]
Runtime = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Which runtime is to do it.", autocompletion=completion.runtimes),
]
TaskId = Annotated[str | None, typer.Option("--id", help="The task's id. Default: a new one.")]
Negative = Annotated[str | None, typer.Option(help="What must not be in the picture.")]
Seed = Annotated[int | None, typer.Option(help="The same seed paints the same picture.")]
Steps = Annotated[int | None, typer.Option(min=1, help="Sampling steps.")]
Pixels = Annotated[int | None, typer.Option(min=1, help="Pixels.")]
Model = Annotated[str | None, typer.Option(help="Checkpoint, for a runtime that loads any.")]
Strength = Annotated[
    float | None, typer.Option(min=0, max=1, help="How far image-to-image may go from its picture.")
]
Scale = Annotated[float | None, typer.Option(min=1, max=8, help="How much to enlarge.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the picture, or only post.")]
Timeout = Annotated[float, typer.Option(min=1, help="Seconds to wait.")]
