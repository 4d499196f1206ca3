"""A new service: a small Lambda that passes CI as it is, entered wherever services are told of."""

import keyword
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from darkroom_cli.workspace.artifacts import ARTIFACTS, Artifact
from darkroom_cli.workspace.errors import BadArgumentError, WorkspaceError

SERVICES = "services"
ROOT_BUILD = "BUILD"
SETTINGS = "pyproject.toml"
LIST = "cli/src/darkroom_cli/workspace/artifacts.py"

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LONGEST = 24  # with more, lines of the new code would be too long
_QUOTED = re.compile(r'"([^"]+)"')
_ENTRY = re.compile(rf'^    Artifact\("([^"]+)", "{SERVICES}/')
_REQUIREMENT = re.compile(r"^[A-Za-z0-9._-]+", re.MULTILINE)

# Where each template goes, below the service's folder.
_FILES = {
    "service.txt": "BUILD",
    "version.txt": "VERSION",
    "changelog.txt": "CHANGELOG.md",
    "readme.txt": "README.md",
    "sources.txt": "src/{module}/BUILD",
    "handler.txt": "src/{module}/handler.py",
    "bootstrap.txt": "src/{module}/bootstrap.py",
    "api.txt": "src/{module}/api.py",
    "settings.txt": "src/{module}/settings.py",
    "errors.txt": "src/{module}/errors.py",
    "tests.txt": "tests/unit/BUILD",
    "test_api.txt": "tests/unit/test_api.py",
    "test_handler.txt": "tests/unit/test_handler.py",
    "test_settings.txt": "tests/unit/test_settings.py",
}
_EMPTY = ("src/{module}/__init__.py", "src/{module}/py.typed")


@dataclass(frozen=True)
class Scaffold:
    """What is to be written: files that are new and files that change, by path from the root."""

    name: str
    new: Mapping[str, str]
    edits: Mapping[str, str]

    @property
    def folder(self) -> str:
        """The folder of the service."""
        return f"{SERVICES}/{self.name}"


def plan(root: Path, name: str, date: str, artifacts: Iterable[Artifact] = ARTIFACTS) -> Scaffold:
    """Find out what a new service of that name takes.

    Args:
        root: of the checkout.
        name: such as `thumbnailer` or `prompt-filter`; the package has underscores for dashes.
        date: of today, ISO 8601, for the changelog.
        artifacts: those that there are.

    Raises:
        BadArgumentError: the name cannot be, or is taken.
        WorkspaceError: a list that the service must be in is not where it is expected.
    """
    _check(root, name, artifacts)
    module = name.replace("-", "_")
    words = {
        "name": name,
        "module": module,
        "error": f"{''.join(word.capitalize() for word in name.split('-'))}Error",
        "date": date,
    }
    folder = f"{SERVICES}/{name}"
    new = {
        f"{folder}/{path.format(module=module)}": Template(_template(template)).substitute(words)
        for template, path in _FILES.items()
    }
    new |= {f"{folder}/{path.format(module=module)}": "" for path in _EMPTY}
    edits = {
        ROOT_BUILD: _in_one_line(_read(root, ROOT_BUILD), name),
        SETTINGS: _in_first_party(_read(root, SETTINGS), module),
        LIST: _in_artifacts(_read(root, LIST), name),
    }
    return Scaffold(name, dict(sorted(new.items())), edits)


def write(root: Path, scaffold: Scaffold) -> None:
    """Write it; if that fails, nothing is left of it.

    Raises:
        OSError: a file cannot be written.
    """
    before = {name: _read(root, name) for name in scaffold.edits}
    folder = root / scaffold.folder
    with ExitStack() as undoing:
        undoing.callback(_undo, root, folder, before)
        for name, text in scaffold.new.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for name, text in scaffold.edits.items():
            (root / name).write_text(text)
        undoing.pop_all()


def _undo(root: Path, folder: Path, before: Mapping[str, str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in before.items():
        (root / name).write_text(text)


def _check(root: Path, name: str, artifacts: Iterable[Artifact]) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise BadArgumentError(
            f"NAME: {name!r} is none: lower-case letters, digits and single dashes, a letter first,"
            f" at most {_LONGEST} characters"
        )
    module = name.replace("-", "_")
    for whose, taken in _taken(root, artifacts):
        if name in taken or module in taken:
            raise BadArgumentError(f"NAME: {name} is taken: {whose}")
    if (root / SERVICES / name).exists():
        raise BadArgumentError(f"NAME: {SERVICES}/{name} is there already")


def _taken(root: Path, artifacts: Iterable[Artifact]) -> Iterator[tuple[str, Iterable[str]]]:
    yield "an artifact", {artifact.name for artifact in artifacts}
    yield "a word of Python", {*keyword.kwlist, *keyword.softkwlist}
    yield "a module of Python's own", sys.stdlib_module_names
    yield "a package of this repository", _first_party(_read(root, SETTINGS))
    requirements = (file.read_text() for file in sorted((root / "3rdparty/in").glob("*.in")))
    yield (
        "a third-party package",
        {found.lower() for text in requirements for found in _REQUIREMENT.findall(text)},
    )


def _read(root: Path, name: str) -> str:
    try:
        return (root / name).read_text()
    except FileNotFoundError as exc:
        raise WorkspaceError(
            f"{root} is no checkout of Darkroom: it has no {name} (DARKROOM_HOME names another)"
        ) from exc


def _template(name: str) -> str:
    return resources.files("darkroom_cli.workspace").joinpath("templates", name).read_text()


def _in_one_line(text: str, name: str) -> str:
    """Enter a name in `SERVICES = [...]`, which may be one line or several."""
    found = re.search(r"^SERVICES = \[(.*?)\]", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise WorkspaceError(f"{ROOT_BUILD} has no list SERVICES; the service's name belongs there")
    names = sorted({*_QUOTED.findall(found.group(1)), name})
    listed = f"SERVICES = [{', '.join(f'"{one}"' for one in names)}]"
    if len(listed) > 110:
        listed = "SERVICES = [\n" + "".join(f'    "{one}",\n' for one in names) + "]"
    return text[: found.start()] + listed + text[found.end() :]


def _first_party(text: str) -> list[str]:
    found = re.search(r"^known-first-party = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise WorkspaceError(f"{SETTINGS} has no list known-first-party; the package's name belongs there")
    return _QUOTED.findall(found.group(1))


def _in_first_party(text: str, module: str) -> str:
    names = sorted({*_first_party(text), module})
    listed = "known-first-party = [\n" + "".join(f'  "{one}",\n' for one in names) + "]"
    return re.sub(
        r"^known-first-party = \[\n.*?^\]", lambda _: listed, text, count=1, flags=re.MULTILINE | re.DOTALL
    )


def _in_artifacts(text: str, name: str) -> str:
    """Enter the service among the others, in the order of their names."""
    lines = text.splitlines(keepends=True)
    services = [
        (number, found.group(1)) for number, line in enumerate(lines) if (found := _ENTRY.match(line))
    ]
    if not services:
        raise WorkspaceError(f"{LIST} names no services; the new one belongs there")
    place = next((number for number, other in services if other > name), services[-1][0] + 1)
    lines.insert(place, f'    Artifact("{name}", "{SERVICES}/{name}", Kind.ZIP),\n')
    return "".join(lines)
