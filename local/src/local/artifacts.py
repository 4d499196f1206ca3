"""What the system runs, and where it is: built by Pants in `dist/`, or named by the environment."""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.environment import base_python
from local.errors import MissingArtifactError
from local.home import Home

MINISTACK_ENV = "DARKROOM_MINISTACK"
INFRA_ENV = "DARKROOM_INFRA"
AGENT_ENV = "DARKROOM_AGENT"
SKETCH_ENV = "DARKROOM_SKETCH"
CONSOLE_ENV = "DARKROOM_CONSOLE"
CONSOLE_PAGE_ENV = "DARKROOM_CONSOLE_PAGE"
VALIDATOR_ZIP_ENV = "VALIDATOR_ZIP"
NOTIFIER_ZIP_ENV = "NOTIFIER_ZIP"
STATUS_ZIP_ENV = "STATUS_ZIP"
# The Lambdas' zips: by what variable each may be named, and what the build calls it.
_ZIPS = {VALIDATOR_ZIP_ENV: "validator", NOTIFIER_ZIP_ENV: "notifier", STATUS_ZIP_ENV: "status"}

# What infra is made from, for a developer who runs it from source.
_INFRA_SOURCES = ("infra/src", "libs/task-schema/src")


@dataclass(frozen=True)
class Artifacts:
    """Commands of the programs, and the files that the template is made from (its cache is named by them).

    `zips` has the variables that name the Lambdas' zips to the CDK app, where there is one to name.
    """

    ministack: tuple[str, ...]
    infra: tuple[str, ...]
    agent: tuple[str, ...]
    sketch: tuple[str, ...]
    console: tuple[str, ...]
    template_inputs: tuple[Path, ...]
    zips: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def find(cls, home: Home, environ: Mapping[str, str]) -> "Artifacts":
        """Find everything, preferring what the environment names.

        Raises:
            MissingArtifactError: names all that is missing, and how to build it.
        """
        zips = {variable: _zips(home, environ.get(variable), name) for variable, name in _ZIPS.items()}
        missing = [str(path) for paths in zips.values() for path in paths if not path.is_file()]
        pexes = {
            MINISTACK_ENV: home.dist / "ministack.pex",
            INFRA_ENV: built(home.dist, "infra", "pex")[-1],
            AGENT_ENV: built(home.dist, "queue-agent", "pex")[-1],
        }
        commands: dict[str, tuple[str, ...]] = {}
        for variable, pex in pexes.items():
            named = environ.get(variable)
            commands[variable] = _named(variable, named) if named else _pex(pex)
            if not named and not pex.is_file():
                missing.append(str(pex))
        if missing:
            raise MissingArtifactError(
                f"not built yet: {', '.join(missing)}. Start with ./darkroom, which builds what it needs,"
                " or run ./pants package ::"
            )
        sketch = environ.get(SKETCH_ENV)
        infra_made_from = (
            tuple(path for name in _INFRA_SOURCES if (path := home.root / name).is_dir())
            if environ.get(INFRA_ENV)
            else (pexes[INFRA_ENV],)
        )
        return cls(
            ministack=commands[MINISTACK_ENV],
            infra=commands[INFRA_ENV],
            agent=commands[AGENT_ENV],
            sketch=_named(SKETCH_ENV, sketch) if sketch else (sys.executable, "-m", "local.sketch"),
            console=_console(environ),
            template_inputs=(*infra_made_from, *(path for paths in zips.values() for path in paths)),
            # Of several versions the CDK app takes the one that the VERSION file of the source says.
            zips={variable: paths[0].absolute() for variable, paths in zips.items() if len(paths) == 1},
        )


def built(folder: Path, name: str, ending: str) -> list[Path]:
    """Return the built files of an artifact, the newest last; without any, a path that names it."""
    # A version begins with a digit: validator-arm64-0.2.0.zip is another artifact than validator-0.2.0.zip.
    found = sorted(folder.glob(f"{name}-[0-9]*.{ending}"), key=lambda path: (path.stat().st_mtime, path))
    return found or [folder / f"{name}-<version>.{ending}"]


def _console(environ: Mapping[str, str]) -> tuple[str, ...]:
    command, page = environ.get(CONSOLE_ENV), environ.get(CONSOLE_PAGE_ENV)
    words = _named(CONSOLE_ENV, command) if command else (sys.executable, "-m", "console")
    return (*words, "--page", str(Path(page).absolute())) if page else words


def _zips(home: Home, named: str | None, service: str) -> list[Path]:
    return [Path(named)] if named else built(home.dist, service, "zip")


def _pex(path: Path) -> tuple[str, ...]:
    # Not run directly: its first line asks for a python3.12 on PATH, which may be missing or be another one.
    return (base_python(), str(path))


def _named(variable: str, command: str) -> tuple[str, ...]:
    words = tuple(shlex.split(command))
    executable = shutil.which(words[0]) if words else None
    if executable is None or not os.access(executable, os.X_OK):
        raise MissingArtifactError(f"{variable} names {command!r}, which cannot be executed")
    # It is run in another folder than the one in which it was named.
    return (str(Path(executable).absolute()), *words[1:])
