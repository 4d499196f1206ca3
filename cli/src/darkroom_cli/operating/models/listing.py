"""`darkroom models list`: what is in the model bucket."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from rich.table import Table
from rich.text import Text

from darkroom_cli.errors import BadRequestOptionError
from darkroom_cli.operating.models.bucket import Bucket
from darkroom_cli.operating.models.folders import FOLDERS
from darkroom_cli.operating.system import telling
from darkroom_cli.terminal import Terminal
from darkroom_cli.trace_drawing import printable


@dataclass(frozen=True)
class Model:
    """One object: `type` is its folder, empty outside of one; `size` is in bytes."""

    name: str
    type: str
    size: int
    modified: str


def show(bucket: Bucket, *, terminal: Terminal, type_: str | None = None, as_json: bool = False) -> None:
    """Print the models; say where a deployment would not find what it needs.

    Raises:
        BadRequestOptionError: there is no such type.
        AwsError: the bucket cannot be listed.
    """
    folder = next((one for one in FOLDERS if one.lower() == (type_ or "").lower()), None)
    if type_ is not None and folder is None:
        raise BadRequestOptionError(f"--type: {type_!r} is none of {', '.join(FOLDERS)}")
    with telling(f"s3://{bucket.name}"):
        found = sorted(models(bucket, folder), key=lambda model: (model.type, model.name))
    if as_json:
        terminal.say(json.dumps([asdict(model) for model in found], indent=2))
        return
    if found:
        terminal.out.print(_table(found))
    else:
        terminal.remark(f"s3://{bucket.name} has no models{f' in {folder}' if folder else ''}")
    if folder is None and not any(model.type == "Stable-diffusion" for model in found):
        terminal.remark(
            "no checkpoint is in Stable-diffusion/: no runtime can start without one", style="yellow"
        )
    for model in found:
        if model.type not in FOLDERS:
            terminal.remark(f"{printable(model.name)}: in no folder that a server reads", style="yellow")


def models(bucket: Bucket, folder: str | None = None) -> Iterator[Model]:
    """Yield what is in the bucket, or in one folder, but for the empty objects that stand for folders."""
    pages = bucket.s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket.name, Prefix=f"{folder}/" if folder else ""
    )
    for page in pages:
        for entry in page.get("Contents", ()):
            if entry["Key"].endswith("/"):
                continue
            type_, slash, name = entry["Key"].partition("/")
            modified = entry["LastModified"].isoformat(timespec="seconds")
            yield Model(name if slash else type_, type_ if slash else "", entry["Size"], modified)


def size(count: int) -> str:
    """Return a number of bytes as people read it."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.2f} GiB"


def _table(found: list[Model]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("type", "name"):
        table.add_column(name, overflow="fold")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("date", no_wrap=True)
    for model in found:
        cells = (model.type or "-", model.name, size(model.size), model.modified[:16].replace("T", " "))
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table
