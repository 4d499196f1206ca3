"""Where the Lambda zips and the chart are. Infra refers to them by path and never imports service code."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.errors import ArtifactMissingError

VALIDATOR_ZIP = "VALIDATOR_ZIP"
NOTIFIER_ZIP = "NOTIFIER_ZIP"
STATUS_ZIP = "STATUS_ZIP"
CHART = "DARKROOM_CHART"


@dataclass(frozen=True)
class Zips:
    """The code of the Lambda functions."""

    validator: Path
    notifier: Path
    status: Path

    @classmethod
    def find(cls, *, root: Path, env: Mapping[str, str], architecture: str = "x86_64") -> "Zips":
        """Return the zips that `VALIDATOR_ZIP` and its like name, else those of `VERSION` in `dist`.

        `architecture` is that of the functions: zips have compiled parts.

        Raises:
            ArtifactMissingError: one is missing.
        """
        infix = "" if architecture == "x86_64" else f"{architecture}-"
        return cls(
            validator=_zip("validator", VALIDATOR_ZIP, root=root, env=env, infix=infix),
            notifier=_zip("notifier", NOTIFIER_ZIP, root=root, env=env, infix=infix),
            status=_zip("status", STATUS_ZIP, root=root, env=env, infix=infix),
        )


def find_chart(*, root: Path, env: Mapping[str, str]) -> Path:
    """Return the folder of the runtimes' chart: the one that `DARKROOM_CHART` names, else the repository's.

    Raises:
        ArtifactMissingError: there is none.
    """
    path = Path(env.get(CHART) or root / "charts" / "sd-on-eks")
    if not (path / "Chart.yaml").is_file():
        advice = f"start this in the root of the repository, or name the chart's folder in {CHART}"
        raise ArtifactMissingError(f"{path} is no Helm chart; {advice}")
    return path


def _zip(service: str, variable: str, *, root: Path, env: Mapping[str, str], infix: str) -> Path:
    if named := env.get(variable):
        path = Path(named)
        advice = f"{variable} names it"
    else:
        path = root / "dist" / f"{service}-{infix}{_version(root / 'services' / service, variable)}.zip"
        advice = f"build it with `./pants package services/{service}::`, or name another one in {variable}"
    if not path.is_file():
        raise ArtifactMissingError(f"the {service}'s zip {path} does not exist; {advice}")
    return path


def _version(deployable: Path, variable: str) -> str:
    path = deployable / "VERSION"
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as exc:
        advice = f"start this in the root of the repository, or name a zip in {variable}"
        message = f"the {deployable.name}'s version cannot be read from {path}; {advice}"
        raise ArtifactMissingError(message) from exc
