"""What is built and released, each with its own version: the one list of it.

`affected`, `graph`, `release` and `new service` read it, and workflows may: `./darkroom affected --json`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from darkroom_cli.workspace.errors import BadArgumentError

# Kinds of targets that `./pants package` makes something from.
PACKAGED = (
    "chart_archive",
    "docker_image",
    "image_context",
    "lambda_zip",
    "pex_binary",
    "python_distribution",
)

# What Pants does not know as a source of anything, though it decides how everything is built.
RECIPES = ("build-support/macros.py", "build-support/plugins/", "pants.toml")


class Kind(StrEnum):
    """What a user gets."""

    ZIP = "zip"
    IMAGE = "image"
    PROGRAM = "program"
    CHART = "chart"
    WHEEL = "wheel"


@dataclass(frozen=True)
class Artifact:
    """One thing with a version.

    Attributes:
        name: in commands and tags: `<name>-v<version>`.
        folder: has CHANGELOG.md, and VERSION or, of a chart, Chart.yaml.
        kind: what it is.
        built_in: the folder whose BUILD file says how it is built, where it is another one.
        deploys: artifacts that it takes along as they are: a change of these is one of it.
        follows: the artifact whose version it tells too (`appVersion` of a chart).
    """

    name: str
    folder: str
    kind: Kind
    built_in: str = ""
    deploys: tuple[str, ...] = ()
    follows: str | None = None

    @property
    def build(self) -> str:
        """The folder of its BUILD file."""
        return self.built_in or self.folder

    @property
    def targets(self) -> str:
        """What to give to `./pants package`: all targets of its BUILD file."""
        return f"{self.build}:"

    @property
    def version_file(self) -> str:
        """The file that says its version, from the root."""
        return f"{self.folder}/{'Chart.yaml' if self.kind is Kind.CHART else 'VERSION'}"

    @property
    def changelog(self) -> str:
        """The file that says what changed, from the root."""
        return f"{self.folder}/CHANGELOG.md"

    def tag(self, version: str) -> str:
        """Return the tag of a release."""
        return f"{self.name}-v{version}"


ARTIFACTS = (
    Artifact("chart", "charts/sd-on-eks", Kind.CHART, built_in="charts", follows="queue-agent"),
    Artifact("cli", "cli", Kind.PROGRAM),
    Artifact("infra", "infra", Kind.PROGRAM, deploys=("chart", "notifier", "status", "validator")),
    Artifact("snapshots", "snapshots", Kind.PROGRAM),
    # Services: `./darkroom new service` adds its line here.
    Artifact("notifier", "services/notifier", Kind.ZIP),
    Artifact("queue-agent", "services/queue-agent", Kind.IMAGE),
    Artifact("status", "services/status", Kind.ZIP),
    Artifact("validator", "services/validator", Kind.ZIP),
    # Libraries that others may use.
    Artifact("client", "libs/client", Kind.WHEEL),
    Artifact("netguard", "libs/netguard", Kind.WHEEL),
    Artifact("s3io", "libs/s3io", Kind.WHEEL),
    Artifact("task-schema", "libs/task-schema", Kind.WHEEL),
    Artifact("task-store", "libs/task-store", Kind.WHEEL),
    Artifact("telemetry", "libs/telemetry", Kind.WHEEL),
)


def find(name: str, artifacts: Iterable[Artifact] = ARTIFACTS) -> Artifact:
    """Return the artifact of that name.

    Raises:
        BadArgumentError: there is none.
    """
    known = {artifact.name: artifact for artifact in artifacts}
    if name not in known:
        raise BadArgumentError(f"ARTIFACT: there is no {name!r}; there are {', '.join(sorted(known))}")
    return known[name]


def present(root: Path, artifacts: Iterable[Artifact] = ARTIFACTS) -> tuple[Artifact, ...]:
    """Return those whose folder is there."""
    return tuple(artifact for artifact in artifacts if (root / artifact.folder).is_dir())
