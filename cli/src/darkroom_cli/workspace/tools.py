"""The programs that the commands rely on: git, and Pants behind a port, since a call of it takes seconds."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from darkroom_cli.workspace.errors import ToolError

_TAIL = 25  # lines of a failed program's words; the reason is at their end


@dataclass(frozen=True)
class Target:
    """A target as Pants sees it.

    Attributes:
        address: such as `libs/s3io/src/s3io/errors.py` or `services/validator:lambda`.
        kind: its type, such as `python_source`.
        dependencies: addresses that it depends on, inferred ones too.
        left_out: addresses that are kept out of what is built from it, whoever else depends on them.
    """

    address: str
    kind: str
    dependencies: tuple[str, ...] = ()
    left_out: frozenset[str] = frozenset()


class Pants(Protocol):
    """What the commands ask of Pants."""

    def changed(self, since: str, kinds: Iterable[str]) -> list[str]:
        """Return the addresses of those kinds that a change since a commit touches, through any dependency.

        Raises:
            ToolError: Pants failed.
        """

    def targets(self) -> list[Target]:
        """Return all targets.

        Raises:
            ToolError: Pants failed.
        """


class PantsProgram:
    """`./pants` of a checkout."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def changed(self, since: str, kinds: Iterable[str]) -> list[str]:
        """Run `./pants list` over the change; committed, uncommitted and untracked files count."""
        said = self._run(
            f"--changed-since={since}",
            "--changed-dependents=transitive",
            f"--filter-target-type={','.join(kinds)}",
            "list",
        )
        return said.split()

    def targets(self) -> list[Target]:
        """Run `./pants peek` over everything."""
        found = json.loads(self._run("peek", "--exclude-defaults", "::"))
        return [
            Target(
                one["address"],
                one["target_type"],
                tuple(one.get("dependencies") or ()),
                frozenset(
                    raw.removeprefix("!!").removeprefix("//")
                    for raw in one.get("dependencies_raw") or ()
                    if raw.startswith("!!")
                ),
            )
            for one in found
        ]

    def _run(self, *arguments: str) -> str:
        program = self._root / "pants"
        if not program.is_file():
            raise ToolError(
                f"{self._root} is no checkout of Darkroom: it has no ./pants (DARKROOM_HOME names another)"
            )
        return _output([str(program), "--no-dynamic-ui", *arguments], self._root)


class Git:
    """git of a checkout."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def run(self, *arguments: str) -> str:
        """Run a command of git and return what it printed, without the last line's end.

        Raises:
            ToolError: it failed.
        """
        return _output(["git", "-c", "core.quotePath=false", *arguments], self._root).rstrip("\n")

    def commit(self, ref: str) -> str | None:
        """Return the hash that a name stands for; None if it stands for none."""
        if ref.startswith("-"):
            return None
        try:
            return self.run("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        except ToolError:
            return None

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the last commit that two have in common; None if there is none here."""
        try:
            return self.run("merge-base", one, other)
        except ToolError:
            return None

    def changed_files(self, since: str) -> list[str]:
        """Return files that differ from where HEAD left `since`: committed, changed, new or gone."""
        named = ("--name-only", "--no-renames", "-z")
        said = (
            self.run("diff", *named, f"{since}...HEAD"),
            self.run("diff", *named, "HEAD"),
            self.run("ls-files", "--others", "--exclude-standard", "-z"),
        )
        return sorted({name for one in said for name in one.split("\0") if name})

    def at(self, commit: str, file: str) -> str:
        """Return a file as it was; nothing if it was not there."""
        try:
            return self.run("show", f"{commit}:{file}")
        except ToolError:
            return ""

    def now(self, file: str) -> str:
        """Return a file as it is in the working tree; nothing if it is not there."""
        path = self._root / file
        return path.read_text() if path.is_file() else ""

    def uncommitted(self) -> list[str]:
        """Return what `git status` has to say, a line for each file."""
        return self.run("status", "--porcelain").splitlines()

    def last_tag(self, prefix: str) -> str | None:
        """Return the newest tag behind HEAD that is the prefix and a version; None if there is none."""
        said = self.run(
            "tag", "--list", f"{prefix}[0-9]*", "--merged", "HEAD", "--sort=-version:refname"
        ).splitlines()
        return said[0] if said else None


def _output(command: Sequence[str], root: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own programs, no shell
            command, cwd=root, env=_environment(os.environ), capture_output=True, text=True, check=False
        )
    except FileNotFoundError as exc:
        raise ToolError(f"{command[0]} is not installed") from exc
    if done.returncode != 0:
        said = "\n".join((done.stderr or done.stdout).rstrip().splitlines()[-_TAIL:])
        shown = " ".join([Path(command[0]).name, *command[1:]])
        raise ToolError(f"{shown} failed ({done.returncode}):\n{said}")
    return done.stdout


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Leave out what tells Python and PEX about the program that this is."""
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(("PEX", "PYTHON", "__PEX")) and name != "GIT_DIR"
    }
