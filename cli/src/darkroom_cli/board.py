"""Shows several tasks under way: a line with a spinner each, or plain lines where nobody watches."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from darkroom_cli.bodies import Request
from darkroom_cli.terminal import Terminal

_MARKS = {"done": "[green]picture[/]", "failed": "[red]failed[/]", "refused": "[red]refused[/]"}


class Board:
    """Told of changes by `show`; a clock runs for each task from its POST to its end."""

    def __init__(self, terminal: Terminal, labels: Mapping[str, str]) -> None:
        self._terminal = terminal
        self._labels = labels
        self._progress = Progress(
            SpinnerColumn(finished_text="·"),
            TextColumn("{task.description:<28}"),
            TextColumn("{task.fields[status]:<10}"),
            TimeElapsedColumn(),
            console=terminal.err,
            disable=not terminal.err.is_terminal,
        )
        self._tasks = {
            task_id: self._progress.add_task(label, total=1, start=False, status="")
            for task_id, label in labels.items()
        }

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, request: Request, status: str) -> None:
        """Show that a request is now `waiting`, `done`, `failed` or `refused`."""
        task = self._tasks[request.id]
        if status == "waiting":
            self._progress.start_task(task)
            self._progress.update(task, status=status)
            return
        self._progress.update(task, status=_MARKS[status], completed=1)
        self._progress.stop_task(task)
        if self._progress.disable:
            self._terminal.remark(f"· {self._labels[request.id]}: {status}")
