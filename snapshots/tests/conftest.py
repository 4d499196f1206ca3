"""Fixtures; and tests can import the package `snapshots`, although their own folder has that name too.

pytest names test modules by their folders and on the way makes a module `snapshots` of that folder, which
would hide the package. The package takes its place here, before any test is read.
"""

import importlib
import sys
from collections.abc import Iterator

import pytest
from moto import mock_aws

if getattr(sys.modules.get("snapshots"), "__file__", None) is None:
    sys.modules.pop("snapshots", None)
    importlib.import_module("snapshots")

from snapshots.testing_world import World


@pytest.fixture(scope="session")
def _account() -> Iterator[None]:
    """One for all tests: to read the policies that AWS manages takes seconds."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "testing")
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
            environment.delenv(name, raising=False)
        environment.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # hundreds, each with a snapshot
        with mock_aws(config={"iam": {"load_aws_managed_policies": True}}):
            yield


@pytest.fixture
def world(_account: None) -> Iterator[World]:
    world = World()
    yield world
    world.clear()
