"""The scripts that read a release's tag and tell what a pull request touches, in repositories made here."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from darkroom_cli.workspace.artifacts import ARTIFACTS, Artifact, Kind

CHANGELOG = """# Changelog

## [Unreleased]

- Not yet.

## [1.2.0] - 2026-11-23

### Added

- What is new.

## [1.1.0] - 2026-10-01

- What was new.
"""
Plan = Callable[[str], subprocess.CompletedProcess[str]]


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_DASH_", "-")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "A change")


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    for name in (artifact.folder for artifact in ARTIFACTS if artifact.kind is not Kind.CHART):
        (folder / name).mkdir(parents=True)
        (folder / name / "VERSION").write_text("1.2.0\n", encoding="utf-8")
        (folder / name / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    (folder / "libs" / "internal").mkdir()
    chart = folder / "charts" / "sd-on-eks"
    chart.mkdir(parents=True)
    (chart / "Chart.yaml").write_text(
        "name: sd-on-eks\nversion: 1.2.0\nappVersion: 9.9.9\n", encoding="utf-8"
    )
    (chart / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    commit(folder, README="text")
    return folder


@pytest.fixture(name="plan")
def _plan(root: Path, folder: Path, tmp_path: Path) -> Plan:
    def run(tag: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(root / ".github/scripts/release-plan"), tag, str(tmp_path / "notes.md")],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.environ["PATH"], "MAIN_BRANCH": "main"},
        )

    return run


def said(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    ("artifact", "kind", "place", "files"),
    [
        ("validator", "zip", "services/validator", "dist/validator-*1.2.0.zip"),
        ("queue-agent", "image", "services/queue-agent", ""),
        ("chart", "chart", "charts/sd-on-eks", "dist/sd-on-eks-1.2.0.tgz"),
        ("cli", "files", "cli", "dist/darkroom-1.2.0.pex"),
        ("infra", "files", "infra", "dist/infra-1.2.0.pex"),
        ("s3io", "wheel", "libs/s3io", "dist/darkroom_s3io-1.2.0-*.whl"),
        ("task-store", "wheel", "libs/task-store", "dist/darkroom_task_store-1.2.0-*.whl"),
    ],
)
def test_a_tag_says_which_artifact_is_published_and_how(
    plan: Plan, artifact: str, kind: str, place: str, files: str
) -> None:
    assert said(plan(f"{artifact}-v1.2.0")) == {
        "artifact": artifact,
        "version": "1.2.0",
        "kind": kind,
        "folder": place,
        "files": files,
        "targets": "charts::" if artifact == "chart" else f"{place}::",
    }


@pytest.mark.parametrize("artifact", ARTIFACTS, ids=lambda artifact: artifact.name)
def test_every_artifact_can_be_published(plan: Plan, artifact: Artifact) -> None:
    found = said(plan(f"{artifact.name}-v1.2.0"))
    assert (found["artifact"], found["folder"]) == (artifact.name, artifact.folder)
    assert (found["kind"] == "zip") == (artifact.kind is Kind.ZIP)


def test_the_notes_are_the_section_of_that_version(plan: Plan, tmp_path: Path) -> None:
    assert plan("validator-v1.2.0").returncode == 0
    assert (tmp_path / "notes.md").read_text(encoding="utf-8").strip() == "### Added\n\n- What is new."


def test_the_links_at_the_end_of_a_changelog_are_no_notes(plan: Plan, folder: Path, tmp_path: Path) -> None:
    commit(folder, cli__VERSION="1.1.0\n", **{"cli__CHANGELOG.md": CHANGELOG + "\n[1.1.0]: x\n"})
    assert plan("cli-v1.1.0").returncode == 0
    assert (tmp_path / "notes.md").read_text(encoding="utf-8").strip() == "- What was new."


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ("v1.2.0", "is not <artifact>-v"),
        ("validator-1.2.0", "is not <artifact>-v"),
        ("validator-v1.2", "is not <artifact>-v"),
        ("validator-v1.2.0-rc1", "is not <artifact>-v"),
        ("validator-v01.2.0", "is not <artifact>-v"),
        ("../validator-v1.2.0", "is not <artifact>-v"),
        ("validator-v1.2.0\nkind=image", "is not <artifact>-v"),
        ("$(touch x)-v1.2.0", "is not <artifact>-v"),
        ("nobody-v1.2.0", "there is no artifact 'nobody'"),
        ("internal-v1.2.0", "there is no artifact 'internal'"),
        ("validator-v1.3.0", "the tag says 1.3.0, services/validator says 1.2.0"),
        ("chart-v9.9.9", "the tag says 9.9.9, charts/sd-on-eks says 1.2.0"),
    ],
)
def test_a_tag_that_does_not_fit_is_refused(plan: Plan, tag: str, reason: str) -> None:
    done = plan(tag)
    assert done.returncode == 1
    assert reason in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "changelog",
    [
        "# Changelog\n\n## [1.1.0]\n\n- Old.\n",
        "# Changelog\n\n## [1.2.0] - 2026-11-23\n\n## [1.1.0]\n\n- Old.\n",
    ],
)
def test_a_version_without_a_word_in_the_changelog_is_refused(
    plan: Plan, folder: Path, changelog: str
) -> None:
    commit(folder, **{"cli__CHANGELOG.md": changelog})
    done = plan("cli-v1.2.0")
    assert done.returncode == 1
    assert "cli/CHANGELOG.md has no section [1.2.0]" in done.stderr


def test_a_commit_that_is_not_on_the_main_branch_is_refused(plan: Plan, folder: Path) -> None:
    git(folder, "checkout", "--quiet", "-b", "elsewhere")
    commit(folder, README="another text")
    done = plan("cli-v1.2.0")
    assert done.returncode == 1
    assert "not on main" in done.stderr


@pytest.mark.parametrize(
    ("changed", "all_of_it"),
    [
        ("libs__s3io__code.py", False),
        ("docs__page.md", False),
        ("pants.toml", True),
        ("3rdparty__locks__default.txt", True),
        ("build-support__macros.py", True),
        (".ci__run", True),
    ],
)
def test_a_change_of_what_builds_everything_touches_everything(
    root: Path, folder: Path, changed: str, all_of_it: bool
) -> None:
    base = git(folder, "rev-parse", "HEAD")
    git(folder, "checkout", "--quiet", "-b", "branch")
    commit(folder, **{changed: "changed"})
    git(folder, "checkout", "--quiet", "main")
    commit(folder, **{"pyproject.toml": "of main, after the branch left"})
    git(folder, "checkout", "--quiet", "branch")
    done = subprocess.run(
        [str(root / ".github/scripts/touched"), "main"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    some = f"--changed-since={base} --changed-dependents=transitive"
    assert done.stdout == f"targets={'::' if all_of_it else some}\n"
