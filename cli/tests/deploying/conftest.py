from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from darkroom_cli.deploying.testing import Account


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account in us-east-1 in which nothing is missing, and a repository without a config.yaml."""
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # there are thousands
    with mock_aws():
        yield Account(tmp_path)
