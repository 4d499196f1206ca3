"""Workflows: what two linters say of them, and what no linter looks at."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.workflows import linters

PINNED = re.compile(r"uses: (?P<action>[\w./-]+)@(?P<commit>[0-9a-f]{40}) # (?P<version>v\d+\.\d+\.\d+)$")
WORKFLOWS = ["ci.yml", "deploy.yml", "release.yml"]
TOKENS = {"contents", "id-token", "attestations"}
OPEN_TO_THE_WORLD = """
on: {pull_request_target: {}}
jobs:
  a:
    runs-on: ubuntu-24.04
    steps: [{run: 'echo $unquoted ${{ github.event.pull_request.title }}'}]
"""


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.fixture(name="files")
def _files(root: Path) -> list[Path]:
    return sorted((root / ".github").rglob("*.yml"))


@pytest.fixture(name="workflow", params=WORKFLOWS)
def _workflow(root: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    return read(root / ".github" / "workflows" / request.param)


def test_these_are_the_workflows(root: Path) -> None:
    assert sorted(path.name for path in (root / ".github" / "workflows").iterdir()) == WORKFLOWS


def test_actionlint_has_nothing_to_say(root: Path) -> None:
    paths = [f".github/workflows/{name}" for name in WORKFLOWS]
    assert linters.run("actionlint", ["-no-color", *paths], cwd=root) == (0, "")


def test_zizmor_has_nothing_to_say(root: Path) -> None:
    arguments = ["--offline", "--no-progress", "--persona=auditor", "--config=.github/zizmor.yml", "--quiet"]
    code, said = linters.run("zizmor", [*arguments, ".github"], cwd=root)
    assert (code, "No findings to report" in said) == (0, True), said


def test_both_find_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "careless.yml").write_text(OPEN_TO_THE_WORLD, encoding="utf-8")
    code, said = linters.run("zizmor", ["--offline", "--quiet", "careless.yml"], cwd=tmp_path)
    assert code != 0
    assert {"dangerous-triggers", "template-injection"} <= set(re.findall(r"\[([\w-]+)\]", said))
    code, said = linters.run("actionlint", ["-no-color", "careless.yml"], cwd=tmp_path)
    assert code == 1
    assert "potentially untrusted" in said
    assert "SC2086" in said  # shellcheck looks at the scripts inside


def test_each_action_is_pinned_by_its_commit_and_says_its_version(files: list[Path]) -> None:
    versions: dict[str, set[tuple[str, str]]] = {}
    for path in files:
        for line in path.read_text(encoding="utf-8").splitlines():
            if "uses: " not in line or "uses: ./" in line:
                continue
            found = PINNED.search(line)
            assert found, f"{path.name}: {line}"
            versions.setdefault(found["action"], set()).add((found["commit"], found["version"]))
    assert len(versions) >= 8
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_nobody_has_rights_that_a_job_does_not_ask_for(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert set(job["permissions"]) <= TOKENS, name
        writes = {right for right, level in job["permissions"].items() if level == "write"}
        assert not writes or "environment" in job, f"{name} may write, and no environment guards it"


def test_each_job_has_a_limit_and_leaves_no_credentials_behind(workflow: dict[str, Any]) -> None:
    assert "concurrency" in workflow
    assert all(0 < job["timeout-minutes"] <= 120 for job in workflow["jobs"].values())
    checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_workflow_reads_a_secret(root: Path) -> None:
    # Roles are taken by the job's identity; GitHub's own token comes as github.token.
    for path in (root / ".github").rglob("*.yml"):
        assert "secrets." not in path.read_text(encoding="utf-8")


def test_ci_is_one_call_of_the_script(root: Path) -> None:
    jobs = read(root / ".github" / "workflows" / "ci.yml")["jobs"]
    assert [step["run"] for step in jobs["everything"]["steps"] if "run" in step] == [".ci/run"]


def test_what_is_released_or_deployed_is_built_without_a_cache(root: Path) -> None:
    for name in ("release.yml", "deploy.yml"):
        for step in steps(read(root / ".github" / "workflows" / name)):
            uses = step.get("uses", "")
            assert not uses.startswith("actions/cache@")
            assert not uses.startswith("./.github/actions/prepare") or step["with"]["cache"] == "false"


def test_a_release_on_github_waits_for_all_that_publishes(root: Path) -> None:
    jobs = read(root / ".github" / "workflows" / "release.yml")["jobs"]
    assert set(jobs["github"]["needs"]) == set(jobs) - {"github"}
    assert all("plan" in [name, *_before(jobs, name)] for name in jobs)


def _before(jobs: dict[str, Any], name: str) -> list[str]:
    needs = jobs[name].get("needs", [])
    direct = [needs] if isinstance(needs, str) else needs
    return [*direct, *(further for need in direct for further in _before(jobs, need))]


def test_what_is_deployed_is_what_was_shown(root: Path) -> None:
    jobs = read(root / ".github" / "workflows" / "deploy.yml")["jobs"]
    runs = {name: " ".join(step.get("run", "") for step in job["steps"]) for name, job in jobs.items()}
    assert "cdk synth" in runs["plan"]
    assert "cdk diff --app cdk.out" in runs["plan"]
    assert "cdk synth" not in runs["deploy"]
    assert "cdk deploy --app cdk.out" in runs["deploy"]
    assert jobs["deploy"]["needs"] == "plan"
    assert (jobs["plan"]["environment"], jobs["deploy"]["environment"]) == (
        "${{ inputs.environment }}-plan",
        "${{ inputs.environment }}",
    )
