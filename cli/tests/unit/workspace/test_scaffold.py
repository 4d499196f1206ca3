import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from darkroom_cli.workspace import scaffold
from darkroom_cli.workspace.artifacts import ARTIFACTS
from darkroom_cli.workspace.errors import BadArgumentError, WorkspaceError

DATE = "2026-02-03"
SETTINGS = """\
[tool.ruff.lint.isort]
known-first-party = [
  "netguard",
  "validator",
]

[tool.mypy]
"""
LIST = """\
ARTIFACTS = (
    Artifact("infra", "infra", Kind.PROGRAM),
    Artifact("notifier", "services/notifier", Kind.ZIP),
    Artifact("validator", "services/validator", Kind.ZIP),
    Artifact("s3io", "libs/s3io", Kind.WHEEL),
)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "BUILD": 'LIBS = {}\nSERVICES = ["notifier", "validator"]\nREST = 1\n',
        "pyproject.toml": SETTINGS,
        scaffold.LIST: LIST,
        "3rdparty/in/default.in": "# What code imports.\nboto3\nmoto[s3]\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def made(root: Path, name: str) -> Path:
    scaffold.write(root, scaffold.plan(root, name, DATE))
    return root / "services" / name


def test_it_is_entered_in_its_place_wherever_services_are_told_of(root: Path) -> None:
    made(root, "prompt-filter")
    assert (root / "BUILD").read_text() == (
        'LIBS = {}\nSERVICES = ["notifier", "prompt-filter", "validator"]\nREST = 1\n'
    )
    assert '  "netguard",\n  "prompt_filter",\n  "validator",\n' in (root / "pyproject.toml").read_text()
    entries = (root / scaffold.LIST).read_text().splitlines()
    assert entries[3] == '    Artifact("prompt-filter", "services/prompt-filter", Kind.ZIP),'


@pytest.mark.parametrize(("name", "line"), [("archiver", 2), ("zoomer", 4)])
def test_the_first_and_the_last_have_their_places_too(root: Path, name: str, line: int) -> None:
    made(root, name)
    assert name in (root / scaffold.LIST).read_text().splitlines()[line]


def test_many_services_are_listed_one_a_line(root: Path) -> None:
    names = [f"a-service-of-many-{number}" for number in range(6)]
    for name in names:
        made(root, name)
    lines = (root / "BUILD").read_text().splitlines()
    assert max(map(len, lines)) <= 110
    assert '    "a-service-of-many-3",' in lines
    made(root, "zoomer")
    assert '    "zoomer",' in (root / "BUILD").read_text().splitlines()


def test_all_that_a_service_needs_is_there(root: Path) -> None:
    folder = made(root, "prompt-filter")
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"BUILD", "VERSION", "CHANGELOG.md", "README.md", "tests/unit/BUILD"} <= files
    assert {"src/prompt_filter/BUILD", "src/prompt_filter/py.typed", "src/prompt_filter/handler.py"} <= files
    assert (folder / "VERSION").read_text() == "0.1.0\n"
    assert f"## [0.1.0] - {DATE}" in (folder / "CHANGELOG.md").read_text()
    assert all("$" not in path.read_text() for path in folder.rglob("*") if path.is_file())


def test_its_own_tests_pass(root: Path) -> None:
    folder = made(root, "prompt-filter")
    program = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
        "tests",
    ]
    path = ":".join([str(folder / "src"), *(one for one in sys.path if one)])
    done = subprocess.run(
        program, cwd=folder, env={"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


@pytest.mark.parametrize("name", ["a", "prompt-filter", "a-name-of-24-character-x"])
def test_no_line_is_too_long_whatever_the_name(root: Path, name: str) -> None:
    folder = made(root, name)
    code = [path for path in folder.rglob("*") if path.suffix == ".py" or path.name == "BUILD"]
    assert max(len(line) for path in code for line in path.read_text().splitlines()) <= 110


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Filter", "lower-case"),
        ("prompt_filter", "lower-case"),
        ("2fast", "a letter first"),
        ("a--b", "single dashes"),
        ("a-", "single dashes"),
        ("../up", "lower-case"),
        ("a" * 25, "at most 24"),
        ("", "lower-case"),
        ("validator", "an artifact"),
        ("chart", "an artifact"),
        ("netguard", "an artifact"),
        ("class", "a word of Python"),
        ("match", "a word of Python"),
        ("concurrent", "Python's own"),
        ("moto", "a third-party package"),
    ],
)
def test_names_that_cannot_be_are_refused_and_nothing_is_written(root: Path, name: str, words: str) -> None:
    before = {path: path.read_text() for path in root.rglob("*") if path.is_file()}
    with pytest.raises(BadArgumentError, match=words):
        made(root, name)
    assert {path: path.read_text() for path in root.rglob("*") if path.is_file()} == before


def test_a_folder_that_is_there_is_left_alone(root: Path) -> None:
    (root / "services/prompt-filter").mkdir(parents=True)
    with pytest.raises(BadArgumentError, match="there already"):
        made(root, "prompt-filter")


@pytest.mark.parametrize("name", ["BUILD", "pyproject.toml", scaffold.LIST])
@pytest.mark.parametrize("how", ["empty", "missing"])
def test_a_list_that_is_not_found_stops_it_before_anything_is_written(
    root: Path, name: str, how: str
) -> None:
    if how == "empty":
        (root / name).write_text("")
    else:
        (root / name).unlink()
    with pytest.raises(WorkspaceError, match="belongs there" if how == "empty" else "no checkout"):
        made(root, "prompt-filter")
    assert not (root / "services").exists()


def test_what_was_written_is_taken_back_if_the_rest_cannot_be(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_text() for path in root.rglob("*") if path.is_file()}
    real = Path.write_text
    broken = [True]

    def write(path: Path, text: str, *more: Any, **options: Any) -> int:
        if path.name == "artifacts.py" and broken:
            broken.clear()
            raise OSError("no space left")
        return real(path, text, *more, **options)

    monkeypatch.setattr(Path, "write_text", write)
    with pytest.raises(OSError, match="no space"):
        made(root, "prompt-filter")
    assert {path: path.read_text() for path in root.rglob("*") if path.is_file()} == before


def test_each_artifact_has_a_name_and_a_folder_of_its_own() -> None:
    assert len({one.name for one in ARTIFACTS}) == len({one.folder for one in ARTIFACTS}) == len(ARTIFACTS)
    names = {one.name for one in ARTIFACTS}
    assert all(set(one.deploys) <= names and one.follows in {None, *names} for one in ARTIFACTS)
