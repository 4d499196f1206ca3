"""Where the commands speak: ids and tables to stdout, everything else to stderr."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.status import Status
from rich.table import Table

from snapshots.progress import Leftover


def _stdout() -> Console:
    return Console(highlight=False)


def _stderr() -> Console:
    return Console(stderr=True, highlight=False)


@dataclass
class Terminal:
    """The two streams; also the builder's `Progress`.

    Attributes:
        quiet: nothing but results, warnings and errors.
        region: for what is said about leftovers.
    """

    out: Console = field(default_factory=_stdout)
    err: Console = field(default_factory=_stderr)
    quiet: bool = False
    region: str = ""
    _status: Status | None = None
    _step: str = ""
    _started: float = field(default_factory=time.monotonic)

    def say(self, text: str = "") -> None:
        """Print a line of the result."""
        self.out.print(text, markup=False, soft_wrap=True)

    def show(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table."""
        table = Table(*headings, box=None, pad_edge=False, header_style="bold")
        for row in rows:
            table.add_row(*row)
        self.out.print(table, markup=False)

    def complain(self, text: str) -> None:
        """Print what went wrong."""
        self.err.print("snapshot: ", style="bold red", end="")
        self.err.print(text, markup=False, soft_wrap=True)

    def step(self, text: str) -> None:
        """Say what begins now."""
        self._step = text
        if not self.quiet:
            seconds = int(time.monotonic() - self._started)
            clock = f"{seconds // 60:3d}:{seconds % 60:02d}"
            self.err.print(f"{clock} {text} ...", style="dim", markup=False, soft_wrap=True)
            self.detail("")

    def detail(self, text: str) -> None:
        """Say how far the step has got, where somebody watches."""
        if self._status is not None:
            self._status.update(f"[dim]{text or 'working'}[/dim]")

    def remark(self, text: str) -> None:
        """Say something that the user should know."""
        self.err.print(f"! {text}", style="yellow", markup=False, soft_wrap=True)

    def left(self, leftover: Leftover) -> None:
        """Say what was left behind."""
        self.remark(f"left behind in {self.region}: {leftover}")

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Show details while something goes on, where somebody watches."""
        if self.quiet or not self.err.is_terminal:
            yield
            return
        with self.err.status("[dim]working[/dim]") as status:
            self._status = status
            try:
                yield
            finally:
                self._status = None
