"""What the builder tells while it works."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Leftover:
    """Something that was made and could not be removed, or of which that is not known."""

    kind: str
    id: str
    reason: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id} ({self.reason})"


class Progress(Protocol):
    """Who is told; nothing here may raise."""

    def step(self, text: str) -> None:
        """Say what begins now."""

    def detail(self, text: str) -> None:
        """Say how far the step has got; replaces the detail before."""

    def remark(self, text: str) -> None:
        """Say something that the user should know."""

    def left(self, leftover: Leftover) -> None:
        """Say what was left behind."""
