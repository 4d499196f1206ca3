"""`darkroom demo`: the guide's six requests, from POST to pictures on disk."""

import asyncio
import copy
import io
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from PIL import Image
from rich.box import SIMPLE_HEAD
from rich.table import Table

from darkroom_cli.board import Board
from darkroom_cli.bodies import Json, Request
from darkroom_cli.errors import TaskFailedError
from darkroom_cli.tasks import Desk, Outcome, Picture
from darkroom_cli.terminal import Terminal
from local.served import serve
from local.sketch.paint import paint
from local.state import State

EXAMPLES = (
    "v1alpha1-text-to-image",
    "v1alpha1-image-to-image",
    "v1alpha2-text-to-image",
    "v1alpha2-image-to-image",
    "v1alpha2-extra-single-image",
    "v1alpha2-pipeline",
)
PIPELINE_RUNTIME = "comfyruntime"  # the guide's example names the one runtime that its reader has
PICTURE = "cat.png"
PICTURE_SIDE = 512  # pixels


@dataclass(frozen=True)
class Saved:
    """A picture on disk that has been opened."""

    path: Path
    size: str


@dataclass(frozen=True)
class Row:
    """One line of the closing table."""

    label: str
    outcome: Outcome
    saved: tuple[Saved, ...] = ()
    problem: str | None = None


async def demo(*, state: State, terminal: Terminal, folder: Path, timeout: float) -> None:
    """Send the six requests, save and open their pictures, print the table.

    Raises:
        TaskFailedError: not every request came back with a picture that opens.
    """
    desk = Desk(state)
    tail = secrets.token_hex(3)
    with serve({PICTURE: (await asyncio.to_thread(painted), "image/png")}) as links:
        requests = dict(zip(EXAMPLES, prepared(tail, links[PICTURE]), strict=True))
        with Board(terminal, {request.id: title(label) for label, request in requests.items()}) as board:
            outcomes = await desk.run(list(requests.values()), timeout=timeout, watch=board.show)
    rows = [
        await _row(desk, label, outcome, folder) for label, outcome in zip(EXAMPLES, outcomes, strict=True)
    ]
    terminal.out.print(table(rows))
    failed = [row for row in rows if row.problem is not None]
    if failed:
        raise TaskFailedError(
            f"{len(failed)} of {len(rows)} did not come back with a picture:\n"
            + "\n".join(f"  {title(row.label)}: {row.problem}" for row in failed)
            + f"\n  logs: {state.logs}"
        )
    terminal.remark(
        f"{len(rows)} requests, {sum(len(row.saved) for row in rows)} pictures in {shown(folder)}"
    )


def painted() -> bytes:
    """Paint the picture that stands in for the public one in the guide's examples; return it as PNG."""
    packed = io.BytesIO()
    paint("a cat on a wall at sunset", "", 7, PICTURE_SIDE, PICTURE_SIDE, 20).save(packed, "PNG")
    return packed.getvalue()


def prepared(tail: str, picture: str) -> Iterator[Request]:
    """Yield the guide's requests with ids of their own, and `picture` in place of each link."""
    for name in EXAMPLES:
        text = resources.files("task_schema.examples").joinpath(f"{name}.json").read_text()
        body: Json = with_link(json.loads(text), picture)
        version = name.partition("-")[0]
        if version == "v1alpha1":
            scripts = body["alwayson_scripts"]
            scripts["id_task"] = f"{scripts['id_task']}-v1-{tail}"
            yield Request(scripts["id_task"], scripts["task"], scripts["sd_model_checkpoint"], version, body)
            continue
        metadata = body["task"]["metadata"]
        metadata["id"] = f"{metadata['id']}-{tail}"
        if metadata["tasktype"] == "pipeline":
            metadata["runtime"] = PIPELINE_RUNTIME
        yield Request(metadata["id"], metadata["tasktype"], metadata["runtime"], version, body)


def with_link(value: Any, link: str) -> Any:
    """Return a copy of JSON with each string that is a web link replaced."""
    if isinstance(value, Mapping):
        return {key: with_link(inner, link) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_link(inner, link) for inner in value]
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        return link
    return copy.copy(value)


async def _row(desk: Desk, label: str, outcome: Outcome, folder: Path) -> Row:
    if outcome.refused is not None:
        return Row(label, outcome, problem=str(outcome.refused))
    notification = outcome.notification
    if notification is None:
        return Row(label, outcome, problem="nothing was heard of it in time")
    if not notification.result:
        error = notification.error
        why = f"{error.code}: {error.message}" if error is not None else str(notification.status)
        return Row(label, outcome, problem=why)
    pictures = await desk.pictures(notification)
    if not pictures:
        return Row(label, outcome, problem="it succeeded without a picture")
    return await asyncio.to_thread(_save, label, outcome, pictures, folder)


def _save(label: str, outcome: Outcome, pictures: Sequence[Picture], folder: Path) -> Row:
    folder.mkdir(parents=True, exist_ok=True)
    saved = []
    for picture in pictures:
        path = folder / picture.url.rpartition("/")[2]
        path.write_bytes(picture.data)
        try:
            with Image.open(path) as opened:
                opened.load()
                saved.append(Saved(path, f"{opened.width}x{opened.height}"))
        except OSError as exc:
            return Row(label, outcome, tuple(saved), problem=f"{path} does not open: {exc}")
    return Row(label, outcome, tuple(saved))


def title(label: str) -> str:
    """Return the name of an example as people say it."""
    version, _, tasktype = label.partition("-")
    return f"{tasktype} {version}"


def shown(path: Path) -> str:
    """Return a path as the user would type it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def table(rows: Sequence[Row]) -> Table:
    """Return the closing table; seconds are from POST to notification."""
    result = Table(
        title="From POST to picture", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False
    )
    result.add_column("task")
    result.add_column("result", no_wrap=True)
    result.add_column("seconds", justify="right", no_wrap=True)
    result.add_column("file", overflow="fold")
    for row in rows:
        sizes = "\n".join(saved.size for saved in row.saved)
        result.add_row(
            title(row.label),
            f"[green]{sizes}[/]" if row.problem is None else "[red]failed[/]",
            f"{row.outcome.seconds:.2f}" if row.outcome.seconds is not None else "-",
            "\n".join(saved.path.name for saved in row.saved) or "-",
        )
    return result
