"""`darkroom status`, `wait`, `cancel` and `list`: what became of tasks, here or in the cloud."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from rich.table import Table
from rich.text import Text

from darkroom_cli.errors import BadRequestOptionError, CliError, NoAnswerError, TaskFailedError
from darkroom_cli.terminal import Terminal
from darkroom_cli.trace_drawing import printable
from darkroom_client import (
    BadArgumentError,
    Connection,
    Darkroom,
    DarkroomError,
    Status,
    Task,
    WaitTimeoutError,
)
from darkroom_client import NoAnswerError as ClientNoAnswerError

_MOODS = {Status.SUCCEEDED: "green", Status.FAILED: "red", Status.CANCELLED: "yellow"}
_LARGEST_PAGE = 100


@contextmanager
def client_of(connection: Connection) -> Iterator[Darkroom]:
    """Give a client whose errors are the command's.

    Raises:
        CliError: what the client says, with an exit code.
    """
    with in_our_words(), Darkroom(connection.endpoint, connection.api_key) as client:
        yield client


@contextmanager
def in_our_words() -> Iterator[None]:
    """Turn the client's errors into the command's.

    Raises:
        CliError: what the client says, with an exit code.
    """
    try:
        yield
    except BadArgumentError as exc:
        raise BadRequestOptionError(str(exc)) from exc
    except (ClientNoAnswerError, WaitTimeoutError) as exc:
        raise NoAnswerError(str(exc)) from exc
    except DarkroomError as exc:
        raise CliError(str(exc)) from exc


def status(task_id: str, *, connection: Connection, terminal: Terminal, as_json: bool = False) -> None:
    """Show how a task stands."""
    with client_of(connection) as client:
        _show(client.get(task_id), terminal, as_json=as_json)


def wait(
    task_id: str,
    *,
    connection: Connection,
    terminal: Terminal,
    timeout: float | None = None,
    folder: Path | None = None,
    as_json: bool = False,
) -> None:
    """Wait until a task has ended, show it, and save its outputs where a folder is given.

    Raises:
        TaskFailedError: it ended without a result.
        NoAnswerError: it has not ended in time.
        BadRequestOptionError: the folder cannot be written to.
    """

    def remark(task: Task) -> None:
        if not task.ended:
            terminal.remark(f"{task.id}: {_state(task)}")

    with client_of(connection) as client, terminal.waiting(f"waiting for {task_id}"):
        task = client.wait(task_id, timeout=timeout, on_change=remark)
        saved = [] if folder is None else _downloaded(client, task, folder)
    _show(task, terminal, as_json=as_json)
    for path in saved:
        terminal.remark(f"saved {path}")
    if task.status is not Status.SUCCEEDED:
        raise TaskFailedError(f"{task.id}: {_state(task)}")


def _downloaded(client: Darkroom, task: Task, folder: Path) -> list[Path]:
    try:
        return client.download(task, folder)
    except OSError as exc:
        raise BadRequestOptionError(f"--out: {folder} cannot be written: {exc.strerror}") from exc


def cancel(task_id: str, *, connection: Connection, terminal: Terminal, as_json: bool = False) -> None:
    """Cancel a task."""
    with client_of(connection) as client:
        task = client.cancel(task_id)
    _show(task, terminal, as_json=as_json)
    if not task.ended:
        terminal.remark(f"it is being interrupted; ./darkroom wait {task.id} tells when it has ended")


def show_list(
    *,
    connection: Connection,
    terminal: Terminal,
    limit: int,
    runtime: str | None = None,
    status: str | None = None,
    as_json: bool = False,
) -> None:
    """List tasks, newest first."""
    with client_of(connection) as client:
        page_size = min(limit, _LARGEST_PAGE)
        found = client.list(runtime=runtime, status=status, page_size=page_size)
        tasks = list(islice(found, limit))
    if as_json:
        terminal.say(json.dumps([_data(task) for task in tasks], indent=2))
        return
    if not tasks:
        terminal.remark("no such tasks" if runtime or status else "no tasks yet")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("task", "runtime", "type", "state", "age", "took"):
        table.add_column(name, overflow="fold")
    now = datetime.now(UTC)
    for task in tasks:
        cells = (task.id, task.runtime, task.tasktype, _state(task), _span(task.created_at, now), _took(task))
        table.add_row(*(Text(printable(cell)) for cell in cells), style=_MOODS.get(task.status))
    terminal.out.print(table)


def _show(task: Task, terminal: Terminal, *, as_json: bool) -> None:
    if as_json:
        terminal.say(json.dumps(_data(task), indent=2))
        return
    lines = {
        "task": task.id,
        "state": _state(task),
        "runtime": f"{task.runtime} ({task.tasktype})",
        "created": task.created_at.isoformat(timespec="seconds"),
        "took": _took(task),
        "attempts": str(task.attempts) if task.attempts > 1 else "",
        "error": task.error.message if task.error is not None else "",
        "trace": task.trace_id or "",
    }
    for name, value in lines.items():
        if value:
            terminal.say(f"{name:<9} {printable(value)}")
    for image in task.images:
        terminal.say(f"{'output':<9} {printable(image.url or image.s3)}")


def _data(task: Task) -> object:
    return task.model_dump(mode="json", exclude_none=True)


def _state(task: Task) -> str:
    said = str(task.status)
    if task.error is not None and task.error.code != task.status:
        said += f" ({task.error.code})"
    if task.status is Status.RUNNING and task.progress is not None:
        said += f", {task.progress:.0f} %"
    if task.queue is not None:
        said += f", about {task.queue.position_estimate} before it"
    return said


def _took(task: Task) -> str:
    if task.started_at is None or task.finished_at is None:
        return ""
    return f"{(task.finished_at - task.started_at).total_seconds():.1f} s"


def _span(start: datetime, end: datetime) -> str:
    seconds = max(0, int((end - start).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
