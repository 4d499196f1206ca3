"""What deploying needs of the world: programs, time, somebody to ask, a builder of snapshots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Ran:
    """How a program ended; `output` is what it printed to stdout where that was asked for."""

    code: int
    output: str = ""


class Runner(Protocol):
    """Runs programs; what they print goes to stderr, unless it is captured."""

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        capture: bool = False,
    ) -> Ran:
        """Run a program to its end.

        Args:
            command: program and arguments; no shell is involved.
            cwd: where.
            env: what its environment has in addition to ours.
            stdin: what it reads, for what must not be on a command line.
            capture: whether both its streams are kept and returned.

        Raises:
            StepError: there is no such program.
        """

    def which(self, program: str) -> str | None:
        """Return where a program is."""


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """Return the time, in UTC."""

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""


class Progress(Protocol):
    """Who is told while it goes on."""

    def remark(self, text: str) -> None:
        """Say something beside the result."""

    def warn(self, text: str) -> None:
        """Say what the user should know."""

    def say(self, text: str) -> None:
        """Say a line of the result."""

    def detail(self, text: str) -> None:
        """Say how far it has got; replaces the detail before."""


class User(Protocol):
    """Who may be asked."""

    def ask(self, question: str) -> str | None:
        """Return the answer, or None where nobody is there to give one."""


class ImageCache(Protocol):
    """Snapshots with images inside."""

    def find(self, images: Sequence[str], *, kubernetes: str, bottlerocket: str) -> str | None:
        """Return the id of a complete one with just these images, or None."""

    def build(self, images: Sequence[str], *, kubernetes: str, bottlerocket: str) -> str:
        """Make one, which takes many minutes, and return its id; an interruption leaves nothing behind.

        Raises:
            StepError: it failed.
        """


class ModelSource(Protocol):
    """Where a checkpoint is downloaded from."""

    def check(self, url: str) -> str | None:
        """Return why it cannot be had, or None if it can."""

    def copy(self, url: str, *, bucket: str, key: str, sha256: str | None) -> None:
        """Put it into the bucket; the object is there only once it is complete and right.

        Raises:
            StepError: it failed, or it is not the right file.
        """
