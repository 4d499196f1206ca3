"""Pants for tests: answers what it was given."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from darkroom_cli.workspace.tools import Target


@dataclass
class FakePants:
    """`touched`: what any change touches; `all_targets`: all there are; `asked`: the commits asked for."""

    touched: list[str] = field(default_factory=list)
    all_targets: list[Target] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def changed(self, since: str, kinds: Iterable[str]) -> list[str]:  # noqa: ARG002 - the port's signature
        """Return what was given, whatever the kinds."""
        self.asked.append(since)
        return list(self.touched)

    def targets(self) -> list[Target]:
        """Return what was given."""
        return list(self.all_targets)
