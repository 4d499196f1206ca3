"""Where the built Lambda zips are. Infra refers to them by path and never imports service code."""

from collections.abc import Mapping
from pathlib import Path

from infra.errors import ArtifactMissingError

VALIDATOR_ZIP = "VALIDATOR_ZIP"


def validator_zip(*, root: Path, env: Mapping[str, str]) -> Path:
    """Return the validator's zip: the one that `VALIDATOR_ZIP` names, else that of its `VERSION` in `dist`.

    Raises:
        ArtifactMissingError: there is none.
    """
    if named := env.get(VALIDATOR_ZIP):
        path = Path(named)
        advice = f"{VALIDATOR_ZIP} names it"
    else:
        path = root / "dist" / f"validator-{_version(root / 'services' / 'validator')}.zip"
        advice = (
            f"build it with `./pants package services/validator::`, or name another one in {VALIDATOR_ZIP}"
        )
    if not path.is_file():
        raise ArtifactMissingError(f"the validator's zip {path} does not exist; {advice}")
    return path


def _version(deployable: Path) -> str:
    path = deployable / "VERSION"
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as exc:
        advice = f"start this in the root of the repository, or name a zip in {VALIDATOR_ZIP}"
        raise ArtifactMissingError(f"the validator's version cannot be read from {path}; {advice}") from exc
