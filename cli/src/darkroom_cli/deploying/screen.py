"""Progress as the user sees it: lines that stay, and one that changes where somebody watches."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.markup import escape
from rich.status import Status

from darkroom_cli.terminal import Terminal


class Screen:
    """A `Progress` on the terminal."""

    def __init__(self, terminal: Terminal) -> None:
        """Take the terminal."""
        self._terminal = terminal
        self._status: Status | None = None

    def remark(self, text: str) -> None:
        """Say something beside the result."""
        self._terminal.remark(text, style="cyan" if text.startswith("· ") else "default")

    def warn(self, text: str) -> None:
        """Say what the user should know."""
        self._terminal.remark(f"! {text}", style="yellow")

    def say(self, text: str) -> None:
        """Say a line of the result."""
        self._terminal.say(text)

    def detail(self, text: str) -> None:
        """Say how far it has got, where somebody watches."""
        if self._status is None:
            return
        if text:
            self._status.update(f"[dim]{escape(text)}[/dim]")
            self._status.start()
        else:
            self._status.stop()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Show details while this is open, if this is a terminal."""
        if not self._terminal.err.is_terminal:
            yield
            return
        self._status = self._terminal.err.status("")
        try:
            yield
        finally:
            self._status.stop()
            self._status = None
