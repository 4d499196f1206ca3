"""What the pipeline's projects run."""

from collections.abc import Sequence
from typing import Any, Final

# The image's own Python and Node.js: 3.12 is what the code runs on, 22 what the CDK needs.
PROGRAMS: Final[dict[str, Any]] = {"phases": {"install": {"runtime-versions": {"python": "3.12"}}}}

# Pants runs on 3.9, which build-support/python.sh looks for among pyenv's.
INSTALL: Final = ["pyenv install --skip-existing 3.9.18", "n 22", "npm ci --ignore-scripts"]

_FUNCTIONS = "services/validator:: services/status:: services/notifier::"


def synthesise(bucket: str | None, configs: Sequence[str]) -> list[str]:
    """Return the commands that leave the assembly in `cdk.out`.

    Args:
        bucket: what released zips are taken from; without one they are built.
        configs: the files of the deployments.
    """
    synth = "DARKROOM_STACKS=delivery npx --no-install cdk synth --quiet"
    if bucket is None:
        return [f"./pants package infra:app {_FUNCTIONS}", synth]
    return [
        "./pants package infra:app",
        f"build-support/take-releases {bucket} {' '.join(dict.fromkeys(configs))}",
        synth,
    ]


def verify(stack_name: str, *, region: str, role: str) -> list[str]:
    """Return the commands that make a deployment's pictures, with no more rights than to read."""
    profile = (
        f"[profile verify]\\nrole_arn = {role}\\ncredential_source = EcsContainer\\nregion = {region}\\n"
    )
    return [
        f"printf '{profile}' >verify.aws",
        f'AWS_CONFIG_FILE="$PWD/verify.aws" AWS_PROFILE=verify ./darkroom verify --stack-name {stack_name}',
    ]
