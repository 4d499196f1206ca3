"""Where the command speaks: results to stdout, everything else to stderr."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console

from local.events import Event, Kind


def _stderr() -> Console:
    return Console(stderr=True, highlight=False)


def _stdout() -> Console:
    return Console(highlight=False)


@dataclass
class Terminal:
    """The two streams. What scripts read (`out`) is never wrapped or mixed with progress."""

    out: Console = field(default_factory=_stdout)
    err: Console = field(default_factory=_stderr)

    def say(self, text: str = "") -> None:
        """Print a line of the result."""
        self.out.print(text, markup=False, soft_wrap=True)

    def remark(self, text: str, *, style: str = "dim") -> None:
        """Print a line beside the result."""
        self.err.print(text, style=style, markup=False, soft_wrap=True)

    def complain(self, text: str) -> None:
        """Print what went wrong."""
        self.err.print("darkroom: ", style="bold red", end="")
        self.err.print(text, markup=False, soft_wrap=True)

    def report(self, event: Event) -> None:
        """Print an event of the local system."""
        if event.kind is Kind.STEP:
            self.remark(f"· {event.text} ...")
        elif event.kind is Kind.NOTE:
            self.remark(f"· {event.text}", style="cyan")
        else:
            self.remark(f"! {event.text}", style="yellow")

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show that something goes on, where somebody watches."""
        if not self.err.is_terminal:
            yield
            return
        with self.err.status(text):
            yield
