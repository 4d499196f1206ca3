from typing import Any

import pytest

from darkroom_cli.workspace.affected import affected, base
from darkroom_cli.workspace.artifacts import ARTIFACTS
from darkroom_cli.workspace.errors import BadArgumentError, ToolError
from darkroom_cli.workspace.testing import FakePants
from darkroom_cli.workspace.tools import Target

S3IO = "libs/s3io/src/s3io/errors.py"
HOLDERS = ["services/notifier:lambda", "services/queue-agent:bin", "tests:program", "3rdparty:ministack"]


def names(repository: Any, pants: FakePants, since: str = "HEAD") -> list[str]:
    return [one.name for one in affected(repository.git, pants, since)]


def test_one_line_of_a_library_touches_its_wheel_what_holds_it_and_what_deploys_that(repository: Any) -> None:
    repository.change(S3IO)
    touched = names(repository, FakePants(touched=HOLDERS))
    assert touched == ["infra", "notifier", "queue-agent", "s3io"]


def test_a_wheel_holds_no_other_library(repository: Any) -> None:
    repository.change(S3IO)
    touched = names(repository, FakePants(touched=["libs/task-store:dist", "libs/s3io:dist"]))
    assert touched == ["s3io"]


@pytest.mark.parametrize(
    "file",
    ["README.md", "docs/images/new.svg", "charts/sd-on-eks/README.md", "services/validator/CHANGELOG.md"],
)
def test_a_text_touches_nothing_and_pants_is_not_asked(repository: Any, file: str) -> None:
    repository.write({file: "other words\n"})
    pants = FakePants(touched=HOLDERS)
    assert names(repository, pants) == []
    assert pants.asked == []


def test_committed_uncommitted_new_and_removed_files_count(repository: Any) -> None:
    begin = repository.git.run("rev-parse", "HEAD")
    repository.commit({"services/validator/VERSION": "0.3.0\n"})
    repository.change("charts/sd-on-eks/values.yaml")
    repository.write({"libs/netguard/src/netguard/new.py": ""})
    (repository.root / S3IO).unlink()
    touched = names(repository, FakePants(), begin)
    assert touched == ["chart", "infra", "validator", "netguard", "s3io"]


def test_a_file_that_moved_counts_where_it_was_too(repository: Any) -> None:
    repository.commit({S3IO: "\n".join(f"LINE_{number} = {number}" for number in range(50))})
    (repository.root / "libs/netguard/src").mkdir(parents=True)
    repository.git.run("mv", S3IO, "libs/netguard/src/errors.py")
    assert names(repository, FakePants()) == ["netguard", "s3io"]


def test_what_main_did_meanwhile_does_not_count(repository: Any) -> None:
    repository.git.run("switch", "--quiet", "--create", "branch")
    repository.commit({"services/validator/VERSION": "0.3.0\n"})
    repository.git.run("switch", "--quiet", "main")
    repository.commit({"charts/sd-on-eks/values.yaml": "a: 2\n"})
    repository.git.run("switch", "--quiet", "branch")
    assert names(repository, FakePants(), "main") == ["infra", "validator"]


@pytest.mark.parametrize("file", ["pants.toml", "build-support/macros.py", "build-support/plugins/a/b.py"])
def test_how_everything_is_built_touches_everything(repository: Any, file: str) -> None:
    repository.write({file: "# other\n"})
    assert names(repository, FakePants()) == [one.name for one in ARTIFACTS]


@pytest.mark.parametrize("file", ["charts/sd-on-eks/.helmignore", "charts/sd-on-eks/BUILD"])
def test_files_that_no_package_of_the_chart_has_do_not_touch_it(repository: Any, file: str) -> None:
    repository.write({file: "x\n"})
    assert names(repository, FakePants()) == []


def test_a_new_version_of_a_package_touches_those_who_have_it_or_what_came_with_it(repository: Any) -> None:
    lock = (
        "boto3=={} \\\n    --hash=sha256:aa\n    # via -r 3rdparty/in/default.in\n"
        "jmespath=={} \\\n    --hash=sha256:bb\n    # via\n    #   boto3\n    #   moto[s3]\n"
        "rich=={} \\\n    --hash=sha256:cc\n    # via typer\n"
    )
    repository.commit({"3rdparty/locks/default.txt": lock.format(1, 1, 1)})
    repository.write({"3rdparty/locks/default.txt": lock.format(1, 2, 1)})
    targets = [
        Target("3rdparty:boto3", "python_requirement"),
        Target("3rdparty:rich", "python_requirement"),
        Target("agent.py", "python_source", ("3rdparty:boto3",)),
        Target("services/queue-agent:bin", "pex_binary", ("agent.py",)),
        Target("services/validator:lambda", "lambda_zip", ("agent.py",), frozenset({"3rdparty:boto3"})),
        Target("cli:bin", "pex_binary", ("3rdparty:rich",)),
    ]
    assert names(repository, FakePants(all_targets=targets)) == ["queue-agent"]


def test_a_failure_of_pants_is_no_empty_answer(repository: Any) -> None:
    class Broken(FakePants):
        def changed(self, since: str, kinds: Any) -> list[str]:
            raise ToolError("pants list failed (1):\nno such import")

    repository.change(S3IO)
    with pytest.raises(ToolError, match="no such import"):
        names(repository, Broken())


def test_a_branch_is_measured_from_where_it_left_main(repository: Any) -> None:
    begin = repository.git.run("rev-parse", "HEAD")
    repository.git.run("switch", "--quiet", "--create", "branch")
    repository.commit({"a": "1"})
    repository.commit({"a": "2"})
    found = base(repository.git, None)
    assert found.commit == begin
    assert found.told.startswith("main, ")


def test_what_was_pushed_comes_before_the_local_main(repository: Any) -> None:
    pushed = repository.git.run("rev-parse", "HEAD")
    repository.git.run("update-ref", "refs/remotes/origin/main", pushed)
    repository.commit({"a": "1"})
    found = base(repository.git, None)
    assert (found.commit, found.told) == (pushed, f"origin/main, {pushed[:9]}")


def test_on_main_without_a_remote_the_last_commit_counts(repository: Any) -> None:
    begin = repository.git.run("rev-parse", "HEAD")
    assert base(repository.git, None).commit == begin
    repository.commit({"a": "1"})
    assert base(repository.git, None).commit == begin


@pytest.mark.parametrize("since", ["nowhere", "--output=x", "", "HEAD~99"])
def test_a_commit_that_is_none_is_wrong_use(repository: Any, since: str) -> None:
    with pytest.raises(BadArgumentError, match="--since: git knows no commit"):
        base(repository.git, since)


def test_a_commit_without_common_history_is_told_as_such(repository: Any) -> None:
    repository.git.run("switch", "--quiet", "--orphan", "other")
    repository.commit({"a": "1"})
    with pytest.raises(BadArgumentError, match="shallow clone"):
        base(repository.git, "main")
