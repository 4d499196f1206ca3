"""Where the Lambda zips and the chart are. Infra refers to them by path and never imports service code."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.configuration.release import Release
from infra.errors import ArtifactMissingError

CHART = "DARKROOM_CHART"
SERVICES = ("validator", "status", "notifier")
AS_CHECKED_OUT = Release()


@dataclass(frozen=True)
class Zips:
    """The code of the Lambda functions."""

    validator: Path
    notifier: Path
    status: Path

    @classmethod
    def find(
        cls,
        *,
        root: Path,
        env: Mapping[str, str],
        architecture: str = "x86_64",
        release: Release = AS_CHECKED_OUT,
    ) -> "Zips":
        """Return the zips that `VALIDATOR_ZIP` and its like name, else those in `dist`.

        Args:
            root: of the repository.
            env: the environment.
            architecture: that of the functions: zips have compiled parts.
            release: the versions of those in `dist`; by default each service's `VERSION`.

        Raises:
            ArtifactMissingError: one is missing.
        """

        def find(service: str) -> Path:
            return _zip(service, root=root, env=env, architecture=architecture, release=release)

        return cls(validator=find("validator"), notifier=find("notifier"), status=find("status"))


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


def zip_name(service: str, version: str, architecture: str) -> str:
    """Return the name of a service's zip."""
    infix = "" if architecture == "x86_64" else f"{architecture}-"
    return f"{service}-{infix}{version}.zip"


def released_version(service: str, *, root: Path, release: Release) -> str:
    """Return the version of a service that a deployment runs: what the file says, else that of the checkout.

    Raises:
        ArtifactMissingError: neither says it.
    """
    asked: str | None = getattr(release, service)
    return asked or _version(root / "services" / service, _variable(service))


def _variable(service: str) -> str:
    return f"{service.upper()}_ZIP"


def _zip(service: str, *, root: Path, env: Mapping[str, str], architecture: str, release: Release) -> Path:
    variable = _variable(service)
    if named := env.get(variable):
        path = Path(named)
        advice = f"{variable} names it"
    else:
        version = released_version(service, root=root, release=release)
        path = root / "dist" / zip_name(service, version, architecture)
        made = f"build it with `./pants package services/{service}::`"
        taken = f"release.{service} asks for it: take it from its release"
        advice = f"{taken if getattr(release, service) else made}, or name another one in {variable}"
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
