"""A release: the version, the changelog, a commit and a tag; all of it or nothing."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from darkroom_cli.workspace import changelog
from darkroom_cli.workspace.affected import affected
from darkroom_cli.workspace.artifacts import ARTIFACTS, Artifact, Kind
from darkroom_cli.workspace.errors import RefusedReleaseError
from darkroom_cli.workspace.tools import Git, Pants

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_SHOWN = 10  # files of a dirty tree


class Step(StrEnum):
    """How a version goes on (Semantic Versioning); `CURRENT` releases the one that the files tell already."""

    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"
    CURRENT = "current"


@dataclass(frozen=True)
class Plan:
    """A release that may be made.

    Attributes:
        artifact: of what.
        old: the version that the files tell now.
        new: the one that they will tell.
        notes: what changed, from the changelog.
        edits: new contents of files, by path from the root.
    """

    artifact: Artifact
    old: str
    new: str
    notes: str
    edits: Mapping[str, str]

    @property
    def tag(self) -> str:
        """The tag of the release."""
        return self.artifact.tag(self.new)


class Releases:
    """Plans releases and makes them.

    Args:
        root: of the checkout.
        git: of the checkout.
        pants: of the checkout; tells whether an artifact has changed.
        date: of today, ISO 8601.
        artifacts: the list of them.
    """

    def __init__(
        self, *, root: Path, git: Git, pants: Pants, date: str, artifacts: Sequence[Artifact] = ARTIFACTS
    ) -> None:
        self._root = root
        self._git = git
        self._pants = pants
        self._date = date
        self._artifacts = artifacts

    def plan(self, artifact: Artifact, step: Step) -> Plan:
        """Find out what a release would change.

        Raises:
            RefusedReleaseError: the tree is dirty, nothing has changed, the changelog is silent, the tag is
                there, or a file is not what it should be.
            ToolError: git or Pants failed.
        """
        self._need_clean_tree()
        old = self._version(artifact)
        new = bumped(old, step)
        text = self._read(artifact.changelog)
        tag = artifact.tag(new)
        if self._git.commit(f"refs/tags/{tag}") is not None:
            raise RefusedReleaseError(f"the tag {tag} is there already: {artifact.version_file} says {old}")
        notes = changelog.unreleased(text)
        if step is Step.CURRENT:
            _need_described(artifact, text, new, notes)
            return Plan(artifact, old, new, "", {})
        if not notes:
            raise RefusedReleaseError(
                f"{artifact.changelog} says nothing below {changelog.UNRELEASED}: write what has changed"
            )
        self._need_changes(artifact)
        edits = {artifact.changelog: changelog.released(text, new, self._date)}
        edits[artifact.version_file] = self._with_version(artifact, new)
        for follower in self._artifacts:
            if follower.follows == artifact.name and (self._root / follower.version_file).is_file():
                edits |= self._followed(follower, artifact, new)
        return Plan(artifact, old, new, notes, edits)

    def write(self, plan: Plan) -> None:
        """Change the files, and leave it to the user to commit."""
        with self._undone():
            self._edit(plan)

    def carry_out(self, plan: Plan) -> None:
        """Change the files, commit them and tag the commit. If one of these fails, none was done.

        Raises:
            ToolError: git failed.
        """
        said = f"Release {plan.artifact.name} {plan.new}"
        with self._undone():
            if plan.edits:
                self._edit(plan)
                self._git.run("add", "--", *plan.edits)
                self._git.run("commit", "--quiet", "--message", said)
            self._git.run("tag", "--annotate", "--message", said, plan.tag)

    def _edit(self, plan: Plan) -> None:
        for name, text in plan.edits.items():
            (self._root / name).write_text(text)

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """Put branch, index and files back if what is done inside fails. They were clean before."""
        head = self._git.run("rev-parse", "HEAD")
        with ExitStack() as undoing:
            undoing.callback(self._git.run, "reset", "--quiet", "--hard", head)
            yield
            undoing.pop_all()

    def _need_clean_tree(self) -> None:
        dirty = self._git.uncommitted()
        if dirty:
            more = [f"   and {len(dirty) - _SHOWN} more"] if len(dirty) > _SHOWN else []
            shown = "\n".join([*dirty[:_SHOWN], *more])
            raise RefusedReleaseError(
                f"there are uncommitted changes; commit them or put them away first:\n{shown}"
            )

    def _need_changes(self, artifact: Artifact) -> None:
        last = self._git.last_tag(artifact.tag(""))
        if last is None:
            return
        names = {one.name for one in affected(self._git, self._pants, last, self._artifacts)}
        if artifact.name not in names:
            raise RefusedReleaseError(f"nothing that is in {artifact.name} has changed since {last}")

    def _read(self, name: str) -> str:
        try:
            return (self._root / name).read_text()
        except FileNotFoundError:
            raise RefusedReleaseError(f"{name} is missing: it says what is released") from None

    def _version(self, artifact: Artifact) -> str:
        text = self._read(artifact.version_file)
        if artifact.kind is Kind.CHART:
            found = re.search(r"^version:\s*\"?([^\s\"#]+)", text, re.MULTILINE)
            version = found.group(1) if found else ""
        else:
            version = text.strip()
        if not _VERSION.fullmatch(version):
            raise RefusedReleaseError(f"{artifact.version_file} has no version of three numbers: {version!r}")
        return version

    def _with_version(self, artifact: Artifact, new: str) -> str:
        if artifact.kind is not Kind.CHART:
            return f"{new}\n"
        text = _with_key(self._read(artifact.version_file), "version", new)
        leader = next((one for one in self._artifacts if one.name == artifact.follows), None)
        return text if leader is None else _with_key(text, "appVersion", self._version(leader))

    def _followed(self, follower: Artifact, leader: Artifact, new: str) -> dict[str, str]:
        """Return the edits of the chart that tells the new version of what it runs."""
        line = f"- `appVersion` is {new}, the newest {leader.name}."
        return {
            follower.version_file: _with_key(self._read(follower.version_file), "appVersion", new),
            follower.changelog: changelog.noted(self._read(follower.changelog), line),
        }


def bumped(version: str, step: Step) -> str:
    """Return the version that follows one of three numbers."""
    major, minor, patch = map(int, version.split("."))
    match step:
        case Step.MAJOR:
            return f"{major + 1}.0.0"
        case Step.MINOR:
            return f"{major}.{minor + 1}.0"
        case Step.PATCH:
            return f"{major}.{minor}.{patch + 1}"
        case Step.CURRENT:
            return version


def _need_described(artifact: Artifact, text: str, version: str, notes: str) -> None:
    if not changelog.has_section(text, version):
        raise RefusedReleaseError(f"{artifact.changelog} has no section of {version}")
    if notes:
        raise RefusedReleaseError(
            f"{artifact.changelog} tells of changes after {version}:"
            " release these, with --patch, --minor or --major"
        )


def _with_key(text: str, key: str, value: str) -> str:
    """Set a key at the top of a YAML file and leave all else as it is, comments too."""
    return re.sub(rf"^{key}:.*$", f"{key}: {value}", text, count=1, flags=re.MULTILINE)
