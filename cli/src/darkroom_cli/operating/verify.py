"""`darkroom verify`: whether a deployment makes pictures, by asking it for some of each kind."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from darkroom_cli.errors import BadRequestOptionError
from darkroom_cli.operating.errors import PictureMissingError
from darkroom_cli.operating.kinds import Kind, kinds
from darkroom_cli.operating.pictures import blocks
from darkroom_cli.operating.system import System
from darkroom_cli.terminal import Terminal
from darkroom_client import Darkroom, DarkroomError, Status, WaitTimeoutError
from task_schema import RuntimeSpec

THUMBNAIL = 24  # columns of a picture in the terminal


@dataclass(frozen=True)
class Saved:
    """A picture on disk that has been opened; `size` is in pixels."""

    path: Path
    size: tuple[int, int]


@dataclass(frozen=True)
class Result:
    """What became of one request; `problem` is None where it came back with its pictures.

    Attributes:
        task_id: None where no task was made.
        seconds: from the request to its end, as the API tells it.
    """

    runtime: str
    label: str
    task_id: str | None
    seconds: float | None = None
    saved: tuple[Saved, ...] = ()
    problem: str | None = None


def verify(
    system: System,
    *,
    runtimes: tuple[str, ...],
    folder: Path,
    timeout: float,
    terminal: Terminal,
    model: str | None = None,
    show: bool = False,
) -> None:
    """Send the requests of each runtime, wait for all, save and open their pictures, print the table.

    Args:
        system: which deployment.
        runtimes: names; none: all.
        folder: where the pictures go.
        timeout: seconds that all of it may take.
        terminal: where it speaks.
        model: checkpoint to ask for, where a runtime loads any.
        show: whether the pictures are drawn in the terminal, too.

    Raises:
        PictureMissingError: a picture is missing; says which, and why.
        BadRequestOptionError: there is nothing that could be asked, or no place for the pictures.
    """
    chosen = system.runtimes(runtimes)
    asked = _asked(system, chosen, model, terminal)
    _make(folder)
    with Darkroom(system.connection.endpoint, system.connection.api_key) as client:
        deadline = time.monotonic() + timeout
        sent = [_sent(client, spec, kind) for spec, kind in asked]
        terminal.remark(f"{len(sent)} requests sent to {system.name}; a runtime without pods takes minutes")
        results = []
        for before in sent:
            with terminal.waiting(f"waiting for {before.runtime}: {before.label}"):
                result = before if before.problem else _ended(client, before, folder, deadline)
            results.append(result)
            outcome = "no picture" if result.problem else "picture"
            terminal.remark(f"{result.runtime}: {result.label}: {outcome}")
    terminal.out.print(table(results))
    if show:
        for saved in (one for result in results for one in result.saved):
            terminal.say(str(saved.path))
            terminal.out.print(blocks(saved.path, THUMBNAIL))
    failed = [result for result in results if result.problem is not None]
    if failed:
        raise PictureMissingError(_told(failed, len(results), system))
    terminal.remark(
        f"{system.name} works: {len(results)} requests, {sum(len(one.saved) for one in results)} pictures in"
        f" {folder}"
    )


def table(results: Sequence[Result]) -> Table:
    """Return the closing table."""
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False)
    for name in ("runtime", "request", "result"):
        drawn.add_column(name, no_wrap=True)
    drawn.add_column("seconds", justify="right", no_wrap=True)
    drawn.add_column("file", overflow="fold")
    for result in results:
        sizes = "\n".join(f"{width}x{height}" for width, height in (one.size for one in result.saved))
        drawn.add_row(
            result.runtime,
            result.label,
            Text(sizes, "green") if result.problem is None else Text("failed", "red"),
            f"{result.seconds:.1f}" if result.seconds is not None else "-",
            Text("\n".join(one.path.name for one in result.saved) or "-"),
        )
    return drawn


def _asked(
    system: System, chosen: Sequence[RuntimeSpec], model: str | None, terminal: Terminal
) -> list[tuple[RuntimeSpec, Kind]]:
    asked = []
    for spec in chosen:
        found = list(kinds(spec, system.deployment, model))
        if not found:
            terminal.remark(
                f"{spec.name}: nothing is known to ask of its type {spec.type!r}; send a request of your own"
                " with ./darkroom submit --json FILE",
                style="yellow",
            )
        asked += [(spec, kind) for kind in found]
    if not asked:
        raise BadRequestOptionError("none of these runtimes is an sdwebui or comfyui: nothing was verified")
    return asked


def _make(folder: Path) -> None:
    """Make the folder of the pictures, before they cost anything."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise BadRequestOptionError(f"--out: {folder} cannot be made a folder: {exc.strerror}") from exc


def _sent(client: Darkroom, spec: RuntimeSpec, kind: Kind) -> Result:
    try:
        client.submit_request(kind.request.body)
    except DarkroomError as exc:
        return Result(spec.name, kind.label, None, problem=str(exc))
    return Result(spec.name, kind.label, kind.request.id)


def _ended(client: Darkroom, sent: Result, folder: Path, deadline: float) -> Result:
    assert sent.task_id is not None, "what was refused is not waited for"
    seconds = None
    try:
        task = client.wait(sent.task_id, timeout=max(0.0, deadline - time.monotonic()))
        if task.finished_at is not None:
            seconds = (task.finished_at - task.created_at).total_seconds()
        if task.status is not Status.SUCCEEDED:
            why = f"{task.error.code}: {task.error.message}" if task.error else str(task.status)
            return _end(sent, seconds, problem=why)
        saved = [_opened(path) for path in client.download(task, folder)]
    except WaitTimeoutError as exc:
        seen = f"it is {exc.task.status}" if exc.task is not None else "the API did not show it"
        return _end(sent, None, problem=f"not ended in time: {seen}")
    except (DarkroomError, OSError) as exc:
        return _end(sent, seconds, problem=str(exc))
    if not saved:
        return _end(sent, seconds, problem="it succeeded without a picture")
    return _end(sent, seconds, saved=tuple(saved))


def _end(
    sent: Result, seconds: float | None, *, saved: tuple[Saved, ...] = (), problem: str | None = None
) -> Result:
    return Result(sent.runtime, sent.label, sent.task_id, seconds, saved, problem)


def _opened(path: Path) -> Saved:
    """Open a picture to its last pixel.

    Raises:
        OSError: it is none.
    """
    with Image.open(path) as picture:
        picture.load()
        return Saved(path, picture.size)


def _told(failed: Sequence[Result], total: int, system: System) -> str:
    lines = [f"{len(failed)} of {total} did not come back with a picture:"]
    lines += [f"  {one.runtime}, {one.label}: {one.problem}" for one in failed]
    stuck = next((one.task_id for one in failed if one.task_id is not None), None)
    about = f" {stuck}" if stuck else ""
    return "\n".join([*lines, f"  why: ./darkroom doctor{about}{system.options}"])
