import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from darkroom_cli.app import app
from darkroom_cli.workspace.scaffold import LIST

# Stands for ./pants: says where it was started and with what, and answers from a file.
PANTS = """\
#!/bin/sh
{ pwd; echo "$@"; env; } > "$(dirname "$0")/.git/asked"
cat "$(dirname "$0")/.git/answer"
"""
PEEK = [
    {
        "address": "services/validator/src/a.py",
        "target_type": "python_source",
        "dependencies": ["libs/s3io/src/b.py"],
    },
    {
        "address": "services/validator:lambda",
        "target_type": "lambda_zip",
        "dependencies_raw": ["!!3rdparty:boto3"],
    },
    {"address": "libs/s3io/src/b.py", "target_type": "python_source"},
]


@pytest.fixture(autouse=True)
def _elsewhere(repository: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.commit({"pants": PANTS})
    (repository.root / "pants").chmod(0o755)
    repository.git.run("commit", "--quiet", "--all", "--amend", "--no-edit")
    answer(repository, "")
    monkeypatch.setenv("DARKROOM_HOME", str(repository.root))
    monkeypatch.setenv("PEX_ROOT", "/of/this/program")
    other = tmp_path / "elsewhere"
    other.mkdir()
    monkeypatch.chdir(other)


def answer(repository: Any, text: str) -> None:
    (repository.root / ".git/answer").write_text(text)


def asked(repository: Any) -> str:
    return str((repository.root / ".git/asked").read_text())


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "120", "NO_COLOR": "1"})
    return result.exit_code, result.stdout, result.stderr


def test_affected_works_from_any_folder_and_prints_names_only(repository: Any) -> None:
    repository.change("services/validator/src/validator/api.py")
    answer(repository, "services/validator:lambda\ntests:program\n")
    code, out, err = run("affected", "--since", "HEAD")
    assert (code, out) == (0, "validator\n")
    assert "since HEAD" in err
    told = asked(repository)
    assert told.startswith(f"{repository.root}\n")
    assert "--changed-dependents=transitive" in told
    assert "PEX_ROOT" not in told


def test_affected_tells_machines_more(repository: Any) -> None:
    repository.change("charts/sd-on-eks/values.yaml")
    code, out, _ = run("affected", "--json")
    assert code == 0
    told = json.loads(out)
    assert told["artifacts"] == [
        {"name": "chart", "kind": "chart", "folder": "charts/sd-on-eks", "targets": "charts:"}
    ]
    assert told["since"] == repository.git.commit("HEAD~1")


def test_nothing_is_told_as_such_and_is_no_failure(repository: Any) -> None:
    code, out, err = run("affected", "--since", "HEAD")
    assert (code, out) == (0, "")
    assert "no artifact" in err


def test_what_pants_says_when_it_fails_is_passed_on(repository: Any) -> None:
    repository.write({"pants": "#!/bin/sh\necho 'no such import: x' >&2\nexit 1\n"})
    code, _, err = run("affected")
    assert code == 1
    assert "no such import: x" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["affected", "--since", "nowhere"], "nowhere"),
        (["release", "validator"], "--patch, --minor, --major"),
        (["release", "validator", "--minor", "--major"], "--patch, --minor, --major"),
        (["release", "validator", "--current", "--no-commit"], "--no-commit"),
        (["release", "dreamer", "--minor"], "validator"),
        (["new", "service", "Nonsense"], "lower-case"),
        (["graph", "--format", "oil"], "text, mermaid, svg"),
    ],
)
def test_wrong_use_is_told_as_such(arguments: list[str], words: str) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert words in err


@pytest.mark.parametrize("arguments", [["affected"], ["graph"], ["release"], ["new", "service"]])
def test_every_command_has_an_example_and_its_exit_codes(arguments: list[str]) -> None:
    code, out, _ = run(*arguments, "--help")
    assert code == 0
    assert f"./darkroom {' '.join(arguments)}" in out
    assert "2 wrong use" in " ".join(out.split())


def test_a_release_prints_its_tag_and_how_to_publish_it(repository: Any) -> None:
    code, out, err = run("release", "validator", "--minor")
    assert (code, out) == (0, "validator-v0.3.0\n")
    assert "git push origin HEAD validator-v0.3.0" in err
    assert "- A fault." in err


def test_a_dry_run_tells_all_and_changes_nothing(repository: Any) -> None:
    before = repository.state()
    code, out, err = run("release", "validator", "--minor", "--dry-run")
    assert (code, out) == (0, "validator-v0.3.0\n")
    assert "services/validator/VERSION" in err
    assert repository.state() == before


def test_files_only_says_what_is_left(repository: Any) -> None:
    code, out, err = run("release", "validator", "--minor", "--no-commit")
    assert (code, out) == (0, "")
    assert "git tag --annotate validator-v0.3.0" in err


def test_a_refused_release_fails(repository: Any) -> None:
    repository.change("README.md")
    code, out, err = run("release", "validator", "--minor")
    assert (code, out) == (1, "")
    assert "uncommitted" in err


def test_the_graph_is_drawn_to_stdout_or_into_a_file(repository: Any, tmp_path: Path) -> None:
    answer(repository, json.dumps(PEEK))
    assert run("graph")[1] == "validator (zip)\n└── s3io (wheel)\n"
    code, out, _ = run("graph", "--format", "mermaid", "-o", str(tmp_path / "graph.mmd"))
    assert (code, out) == (0, "")
    assert "  validator --> s3io\n" in (tmp_path / "graph.mmd").read_text()


def test_a_picture_that_is_out_of_date_is_told_with_how_to_mend_it(repository: Any) -> None:
    answer(repository, json.dumps(PEEK))
    code, _, err = run("graph", "--check")
    assert code == 1
    assert "./darkroom graph --format svg -o docs/images/graph.svg" in err
    picture = repository.root / "docs/images/graph.svg"
    picture.parent.mkdir(parents=True)
    assert run("graph", "--format", "svg", "-o", str(picture))[0] == 0
    assert run("graph", "--check")[0] == 0


def test_a_folder_that_is_no_checkout_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("DARKROOM_HOME", str(empty))
    assert "no checkout" in run("graph")[2]
    assert "no checkout" in run("new", "service", "thumbnailer")[2]
    code, _, err = run("affected")
    assert code == 1
    assert "git" in err


def test_a_shell_finds_the_new_service(repository: Any) -> None:
    repository.write(
        {
            "pyproject.toml": 'known-first-party = [\n  "validator",\n]\n',
            LIST: '    Artifact("validator", "services/validator", Kind.ZIP),\n',
        }
    )
    code, out, err = run("new", "service", "thumbnailer")
    assert code == 0
    assert "services/thumbnailer/src/thumbnailer/handler.py" in out.splitlines()
    assert "./pants lint check test package services/thumbnailer::" in err
    listed = subprocess.run(["ls", repository.root / "services"], capture_output=True, text=True, check=True)
    assert "thumbnailer" in listed.stdout
