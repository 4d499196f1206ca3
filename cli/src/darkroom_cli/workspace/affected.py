"""Which artifacts a change touches."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from darkroom_cli.workspace import locks
from darkroom_cli.workspace.artifacts import ARTIFACTS, PACKAGED, RECIPES, Artifact, Kind
from darkroom_cli.workspace.errors import BadArgumentError
from darkroom_cli.workspace.tools import Git, Pants

_MAIN = ("refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/heads/main")


@dataclass(frozen=True)
class Base:
    """What a change is measured against: a commit, and what to call it."""

    commit: str
    told: str


def base(git: Git, since: str | None) -> Base:
    """Return the commit that `since` names; without, where this branch left main.

    On main itself, where nothing says what was there before, it is the commit before the last.

    Raises:
        BadArgumentError: there is no such commit.
        ToolError: this is no repository of git.
    """
    git.run("rev-parse", "--git-dir")
    if since is not None:
        commit = git.commit(since)
        if commit is None:
            raise BadArgumentError(f"--since: git knows no commit {since!r} here")
        if git.merge_base(commit, "HEAD") is None:
            raise BadArgumentError(
                f"--since: {since} and HEAD have no commit in common here (a shallow clone has no history)"
            )
        return Base(commit, since)
    head = git.commit("HEAD")
    for main in _MAIN:
        if git.commit(main) is None or (left := git.merge_base(main, "HEAD")) is None:
            continue
        if main.startswith("refs/heads/") and left == head:
            break
        return Base(left, f"{main.removeprefix('refs/remotes/').removeprefix('refs/heads/')}, {left[:9]}")
    before = git.commit("HEAD~1")
    if before is not None:
        return Base(before, f"the commit before the last, {before[:9]}")
    if head is None:
        raise BadArgumentError("--since: there is no commit yet")
    return Base(head, f"HEAD, {head[:9]}")


def affected(git: Git, pants: Pants, since: str, artifacts: Sequence[Artifact] = ARTIFACTS) -> list[Artifact]:
    """Return the artifacts that hold something of a change, in the order of their list.

    Texts count for none. The chart and wheels hold files of their own folders only; what Pants builds else
    holds whatever it depends on, packages of a changed lock too; and who deploys others has them inside.

    Args:
        git: of the checkout.
        pants: of the checkout.
        since: a commit; what counts is what happened since HEAD left it, committed or not.
        artifacts: the list of them.

    Raises:
        ToolError: git or Pants failed.
    """
    files = [file for file in git.changed_files(since) if not _is_text(file)]
    if not files:
        return []
    if any(file.startswith(RECIPES) for file in files):
        return list(artifacts)
    found = _touched(_addresses(git, pants, since, files), artifacts)
    found |= {artifact.name for artifact in artifacts if _has_own(artifact, files)}
    found |= {artifact.name for artifact in artifacts if found.intersection(artifact.deploys)}
    return [artifact for artifact in artifacts if artifact.name in found]


def _is_text(file: str) -> bool:
    return file.endswith(".md") or file.startswith("docs/")


def _addresses(git: Git, pants: Pants, since: str, files: Iterable[str]) -> set[str]:
    """Return what is built from changed sources or with changed third-party packages."""
    found = set(pants.changed(since, PACKAGED))
    changed_locks = [file for file in files if file.startswith(locks.FOLDER)]
    if changed_locks:
        then = git.merge_base(since, "HEAD") or since
        targets = pants.targets()
        for file in changed_locks:
            packages = locks.changed_packages(git.at(then, file), git.now(file))
            resolve = file.removeprefix(locks.FOLDER).removesuffix(".txt")
            found |= locks.holders(targets, resolve, packages, PACKAGED)
    return found


def _touched(addresses: Iterable[str], artifacts: Iterable[Artifact]) -> set[str]:
    folders = {address.partition(":")[0] for address in addresses}
    return {
        artifact.name
        for artifact in artifacts
        if artifact.build in folders and artifact.kind not in (Kind.CHART, Kind.WHEEL)
    }


def _has_own(artifact: Artifact, files: Iterable[str]) -> bool:
    """Whether a changed file is the artifact's by its place alone."""
    if artifact.kind is Kind.CHART:
        hidden = (f"{artifact.folder}/.", f"{artifact.folder}/BUILD")
        return any(file.startswith(f"{artifact.folder}/") and not file.startswith(hidden) for file in files)
    own = [f"{artifact.folder}/VERSION"]
    if artifact.kind is Kind.WHEEL:
        own += [f"{artifact.folder}/src/", f"{artifact.folder}/BUILD"]
    return any(file.startswith(tuple(own)) for file in files)
