"""Prints which released zips deployments ask for, `<name>-v<version>/<zip>` a line.

`build-support/take-releases` reads it.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from infra.artifacts import SERVICES, released_version, zip_name
from infra.config import Config
from infra.errors import InfraError
from infra.loading import load_config


def needed(config: Config, root: Path) -> Iterator[str]:
    """Yield where the zips of a deployment are in the bucket of releases.

    Raises:
        ArtifactMissingError: a service that the file leaves to the checkout is not in that.
    """
    for service in SERVICES:
        version = released_version(service, root=root, release=config.release)
        yield f"{service}-v{version}/{zip_name(service, version, config.functions.architecture)}"


def main() -> int:
    """Print what the files in the arguments need, seen from the working folder, and return the exit code."""
    try:
        found = [line for path in sys.argv[1:] for line in needed(load_config(Path(path)), Path.cwd())]
    except InfraError as exc:
        print(f"error: {exc}", file=sys.stderr)  # noqa: T201 - this is a command
        return 1
    print("\n".join(dict.fromkeys(found)))  # noqa: T201 - this is a command
    return 0


if __name__ == "__main__":
    sys.exit(main())
