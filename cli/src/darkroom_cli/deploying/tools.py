"""The programs that deploying runs: whether they are there, and how they are called."""

import os
import platform
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from darkroom_cli.deploying.findings import Code, Findings
from darkroom_cli.deploying.ports import Runner
from local.artifacts import INFRA_ENV, built
from local.environment import base_python

NODE = "JSII_NODE"  # what the CDK library itself reads
OLDEST_NODE = 20
ENGINE = "DARKROOM_ENGINE"
ENGINES = ("docker", "podman")


@dataclass(frozen=True)
class Toolbox:
    """Where things are on this machine."""

    root: Path
    environ: Mapping[str, str]
    runner: Runner

    @property
    def work(self) -> Path:
        """Where drafts and the synthesised stacks go."""
        return self.root / ".darkroom" / "deploy"

    @property
    def cdk(self) -> Path:
        """The CDK's command line, in the version that package.json pins."""
        return self.root / "node_modules" / ".bin" / "cdk"

    def infra(self) -> tuple[str, ...] | None:
        """Return the command of the CDK app, or None where it is not built."""
        if named := self.environ.get(INFRA_ENV):
            return tuple(shlex.split(named))
        pex = built(self.root / "dist", "infra", "pex")[-1]
        return (base_python(), str(pex)) if pex.is_file() else None

    def engine(self) -> str | None:
        """Return the container engine: the one that the environment names, else one that answers."""
        if named := self.environ.get(ENGINE):
            return named if self.runner.which(named) else None
        for name in ENGINES:
            if self.runner.which(name):
                answer = self.runner.run([name, "info"], cwd=self.root, capture=True)
                if answer.code == 0:
                    return name
        return None


def check_tools(tools: Toolbox, findings: Findings, *, builds_image: bool) -> None:
    """See whether the programs are there that the steps will need.

    Args:
        tools: this machine.
        findings: is told what is missing.
        builds_image: whether the queue agent's image has to be built here.
    """
    _check_node(tools, findings)
    if tools.infra() is None:
        findings.add(
            Code.NOT_BUILT,
            f"the CDK app is not built ({tools.root / 'dist'} has no infra-<version>.pex): start this by"
            " ./darkroom, or run ./pants package infra:app",
        )
    if not builds_image:
        return
    if tools.engine() is None:
        findings.add(
            Code.NO_ENGINE,
            "the queue agent's image has to be built, and there is neither a Docker that answers nor podman:"
            " start one, or say --agent-image REPOSITORY:TAG",
        )
    elif platform.machine() not in ("x86_64", "AMD64"):
        findings.warn(
            f"this machine is {platform.machine()}, and GPU nodes are amd64: the queue agent's image is built"
            " by emulation, which the engine must be set up for"
        )


def _check_node(tools: Toolbox, findings: Findings) -> None:
    name = tools.environ.get(NODE) or "node"
    if tools.runner.which(name) is None:
        findings.add(
            Code.NODE_MISSING,
            f"the CDK needs Node.js, and there is no {name} on PATH: install version 22 or 24",
        )
        return
    said = tools.runner.run([name, "--version"], cwd=tools.root, capture=True).output.strip()
    version = re.match(r"v([0-9]+)\.", said)
    if version is None or int(version.group(1)) < OLDEST_NODE:
        shown = said or "a version that it does not tell"
        findings.add(Code.NODE_OLD, f"the CDK needs Node.js {OLDEST_NODE} or newer (22 or 24), not {shown}")


def environment(region: str, profile: str | None, config: Path, tools: Toolbox) -> dict[str, str]:
    """Return what the environment of the CDK and of the CDK app has in addition to ours."""
    more = {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "CDK_CONFIG_PATH": os.fspath(config),
        "CDK_DEFAULT_REGION": region,
        "DARKROOM_HOME": os.fspath(tools.root),
        "DARKROOM_STACKS": "all",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
    }
    return more | ({"AWS_PROFILE": profile} if profile else {})
