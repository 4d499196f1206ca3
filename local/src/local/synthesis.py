"""The dispatch stack's template, made by the CDK app and kept by the hash of what it was made from."""

import asyncio
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.artifacts import Artifacts
from local.children import Child, ChildSpec, tail
from local.environment import clean_python
from local.errors import DeployError, SynthesisError
from local.events import Report, step
from local.home import Home

NAME = "synthesis"
KEPT_TEMPLATES = 3
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Assembly:
    """A folder that the CDK app wrote: templates, and the files that go with them."""

    folder: Path

    def template(self, stack: str) -> dict[str, Any]:
        """Return the template of a stack.

        Raises:
            DeployError: there is no such stack.
        """
        return self._read(f"{stack}.template.json")

    def assets(self, stack: str) -> dict[str, dict[str, Any]]:
        """Return the file assets of a stack, by hash, as its asset manifest lists them."""
        files: dict[str, dict[str, Any]] = self._read(f"{stack}.assets.json")["files"]
        return files

    def _read(self, name: str) -> dict[str, Any]:
        try:
            data: dict[str, Any] = json.loads((self.folder / name).read_bytes())
        except (OSError, ValueError) as exc:
            raise DeployError(f"the synthesised template lacks {name} ({self.folder})") from exc
        return data


async def assembly(
    *, home: Home, artifacts: Artifacts, config: str, environ: Mapping[str, str], report: Report
) -> Assembly:
    """Return the template for a configuration, synthesised only if it is not in the cache.

    Raises:
        SynthesisError: Node is missing, or the CDK app failed.
    """
    folder = home.cache / await asyncio.to_thread(cache_key, config, artifacts)
    if not (folder / _MANIFEST).is_file():
        step(report, "Synthesising the dispatch stack (once; it is kept)")
        await _synthesise(folder, home=home, artifacts=artifacts, config=config, environ=environ)
    os.utime(folder)
    _prune(home.cache, keep=folder)
    return Assembly(folder)


def cache_key(config: str, artifacts: Artifacts) -> str:
    """Return the name of the template made from these: a hash of their content."""
    digest = hashlib.sha256()
    for part in (config, *artifacts.infra):
        digest.update(part.encode() + b"\0")
    for path in _files(artifacts.template_inputs):
        digest.update(path.name.encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:24]


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(
                file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts
            )
        else:
            yield path


async def _synthesise(
    folder: Path, *, home: Home, artifacts: Artifacts, config: str, environ: Mapping[str, str]
) -> None:
    if shutil.which("node", path=environ.get("PATH")) is None:
        raise SynthesisError(
            "Node.js is not on PATH. The stack's template is made by the AWS CDK, which needs it (version 20"
            " or newer) once; later starts use the kept template. Install Node.js and start again"
        )
    log = home.log(NAME)
    draft = folder.with_name(f"{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    config_file = draft / "config.yaml"
    config_file.write_text(config)
    extra = {"CDK_CONFIG_PATH": str(config_file), "CDK_OUTDIR": str(draft)}
    extra["DARKROOM_STACKS"] = "without-cluster"  # there is none on one machine
    extra |= {variable: str(path) for variable, path in artifacts.zips.items()}
    child = await Child.start(
        ChildSpec(NAME, artifacts.infra, clean_python(environ) | extra, cwd=home.root, log=log)
    )
    try:
        code = await child.wait()
    finally:
        await child.stop(grace=2)
    if code != 0 or not (draft / _MANIFEST).is_file():
        raise SynthesisError(f"the stack's template could not be made: {_last_words(log)}", log=log)
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def _last_words(log: Path) -> str:
    lines = tail(log).splitlines()
    return lines[-1] if lines else "the CDK app said nothing"


def _prune(cache: Path, *, keep: Path) -> None:
    others = sorted((f for f in cache.iterdir() if f != keep), key=lambda f: f.stat().st_mtime, reverse=True)
    for stale in others[KEPT_TEMPLATES - 1 :]:
        shutil.rmtree(stale, ignore_errors=True)
