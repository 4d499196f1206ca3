from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository, or as much of it as the BUILD file names."""
    return Path(__file__).parents[2]
