from typing import Any

import pytest

from darkroom_cli.workspace.artifacts import find, present
from darkroom_cli.workspace.errors import BadArgumentError, RefusedReleaseError, ToolError
from darkroom_cli.workspace.release import Releases, Step, bumped
from darkroom_cli.workspace.testing import FakePants

DATE = "2026-02-03"


def releases(repository: Any, touched: tuple[str, ...] = ("services/validator:lambda",)) -> Releases:
    return Releases(
        root=repository.root,
        git=repository.git,
        pants=FakePants(touched=list(touched)),
        date=DATE,
        artifacts=present(repository.root),
    )


def release(repository: Any, name: str, step: Step = Step.MINOR, **more: Any) -> str:
    at_work = releases(repository, **more)
    plan = at_work.plan(find(name), step)
    at_work.carry_out(plan)
    return plan.tag


@pytest.mark.parametrize(
    ("step", "version"),
    [(Step.PATCH, "1.2.4"), (Step.MINOR, "1.3.0"), (Step.MAJOR, "2.0.0"), (Step.CURRENT, "1.2.3")],
)
def test_versions_go_on_as_semantic_versioning_says(step: Step, version: str) -> None:
    assert bumped("1.2.3", step) == version


def test_a_release_is_a_version_a_section_a_commit_and_a_tag(repository: Any) -> None:
    assert release(repository, "validator") == "validator-v0.3.0"
    assert repository.read("services/validator/VERSION") == "0.3.0\n"
    assert (
        "## [Unreleased]\n\n## [0.3.0] - 2026-02-03\n\n### Fixed\n\n- A fault.\n\n## [0.2.0]"
        in repository.read("services/validator/CHANGELOG.md")
    )
    git = repository.git
    assert git.run("log", "-1", "--format=%s") == "Release validator 0.3.0"
    assert git.commit("validator-v0.3.0") == git.commit("HEAD")
    assert git.run("cat-file", "-t", "validator-v0.3.0") == "tag"
    assert git.uncommitted() == []


def test_the_commit_has_the_release_alone(repository: Any) -> None:
    release(repository, "validator")
    changed = repository.git.run("show", "--format=", "--name-only", "HEAD").splitlines()
    assert changed == ["services/validator/CHANGELOG.md", "services/validator/VERSION"]


def test_the_charts_app_version_follows_the_queue_agent_and_says_so(repository: Any) -> None:
    release(repository, "queue-agent", touched=("services/queue-agent:bin",))
    about = repository.read("charts/sd-on-eks/Chart.yaml")
    assert "appVersion: 0.4.0\n" in about
    assert "version: 0.1.0  # of the chart\n# a remark\n" in about
    assert "- `appVersion` is 0.4.0" in repository.read("charts/sd-on-eks/CHANGELOG.md")
    assert release(repository, "chart", Step.PATCH) == "chart-v0.1.1"
    about = repository.read("charts/sd-on-eks/Chart.yaml")
    assert "version: 0.1.1\n" in about
    assert "appVersion: 0.4.0\n" in about


def test_a_release_of_the_chart_takes_the_queue_agents_version_along(repository: Any) -> None:
    repository.commit({"services/queue-agent/VERSION": "0.9.0\n"})
    repository.commit({"charts/sd-on-eks/CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n- A thing.\n"})
    release(repository, "chart")
    assert "appVersion: 0.9.0\n" in repository.read("charts/sd-on-eks/Chart.yaml")


def test_the_version_of_the_files_can_be_tagged_as_it_is(repository: Any) -> None:
    repository.commit(
        {"services/validator/CHANGELOG.md": "# Changelog\n\n## [0.2.0] - 2026-01-01\n\n- Begun.\n"}
    )
    head = repository.git.commit("HEAD")
    assert release(repository, "validator", Step.CURRENT) == "validator-v0.2.0"
    assert repository.git.commit("HEAD") == head == repository.git.commit("validator-v0.2.0")


def dirty(repository: Any) -> None:
    repository.change("README.md")


def untracked(repository: Any) -> None:
    repository.write({"new.txt": "x"})


def tagged(repository: Any) -> None:
    repository.git.run("tag", "validator-v0.3.0")


def silent(repository: Any) -> None:
    text = repository.read("services/validator/CHANGELOG.md").replace("- A fault.\n", "")
    repository.commit({"services/validator/CHANGELOG.md": text})


def unchanged(repository: Any) -> None:
    repository.git.run("tag", "validator-v0.2.0")
    repository.commit({"libs/netguard/src/a.py": ""})


def without_changelog(repository: Any) -> None:
    repository.git.run("rm", "--quiet", "services/validator/CHANGELOG.md")
    repository.commit({})


def odd_version(repository: Any) -> None:
    repository.commit({"services/validator/VERSION": "0.2.0rc1\n"})


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (dirty, "README.md"),
        (untracked, "new.txt"),
        (tagged, "validator-v0.3.0 is there already"),
        (silent, "says nothing below"),
        (unchanged, "has changed since validator-v0.2.0"),
        (without_changelog, "CHANGELOG.md is missing"),
        (odd_version, "0.2.0rc1"),
    ],
)
def test_a_refusal_says_why_and_changes_nothing(repository: Any, spoil: Any, words: str) -> None:
    spoil(repository)
    before = repository.state()
    with pytest.raises(RefusedReleaseError, match=words):
        release(repository, "validator", touched=())
    assert repository.state() == before


@pytest.mark.parametrize(
    ("changelog", "words"),
    [
        ("# Changelog\n\n## [0.1.0]\n\n- Begun.\n", "no section of 0.2.0"),
        ("# Changelog\n\n## [Unreleased]\n\n- More.\n\n## [0.2.0]\n\n- Begun.\n", "changes after 0.2.0"),
    ],
)
def test_the_version_of_the_files_is_tagged_only_where_the_changelog_agrees(
    repository: Any, changelog: str, words: str
) -> None:
    repository.commit({"services/validator/CHANGELOG.md": changelog})
    with pytest.raises(RefusedReleaseError, match=words):
        release(repository, "validator", Step.CURRENT)


def test_the_last_tag_is_the_artifacts_own_and_the_newest_by_version(repository: Any) -> None:
    for tag in ("validator-v0.9.0", "validator-v0.10.0", "validator-extra-v3.0.0", "chart-v5.0.0"):
        repository.git.run("tag", tag)
    pants = FakePants(touched=["services/validator:lambda"])
    repository.commit({"libs/s3io/src/s3io/errors.py": "A = 2\n"})
    at_work = Releases(root=repository.root, git=repository.git, pants=pants, date=DATE)
    at_work.plan(find("validator"), Step.MINOR)
    assert pants.asked == ["validator-v0.10.0"]


@pytest.mark.parametrize("hook", ["pre-commit", "reference-transaction"])
def test_where_git_refuses_the_commit_or_the_tag_nothing_is_left(repository: Any, hook: str) -> None:
    at_work = releases(repository)
    plan = at_work.plan(find("validator"), Step.MINOR)
    before = repository.state()
    script = repository.root / ".git/hooks" / hook
    script.parent.mkdir(exist_ok=True)
    refuse_tags = 'if [ "$1" = prepared ] && grep -q refs/tags/; then exit 1; fi\n'
    script.write_text(f"#!/bin/sh\n{refuse_tags if hook == 'reference-transaction' else 'exit 1'}\n")
    script.chmod(0o755)
    with pytest.raises(ToolError):
        at_work.carry_out(plan)
    assert repository.state() == before


def test_files_only_leaves_commit_and_tag_to_the_user(repository: Any) -> None:
    at_work = releases(repository)
    head = repository.git.commit("HEAD")
    at_work.write(at_work.plan(find("validator"), Step.MINOR))
    assert repository.read("services/validator/VERSION") == "0.3.0\n"
    assert repository.git.commit("HEAD") == head
    assert repository.git.run("tag") == ""


def test_an_artifact_that_there_is_not_is_wrong_use_and_the_others_are_named() -> None:
    with pytest.raises(BadArgumentError, match=r"'validater'; there are chart, cli, client, infra"):
        find("validater")
