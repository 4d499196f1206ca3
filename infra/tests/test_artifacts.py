from pathlib import Path

import pytest

from infra.artifacts import validator_zip
from infra.errors import ArtifactMissingError


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    service = tmp_path / "services" / "validator"
    service.mkdir(parents=True)
    (service / "VERSION").write_text("1.2.3\n")
    (tmp_path / "dist").mkdir()
    return tmp_path


def test_the_zip_is_the_one_of_the_validators_version(root: Path) -> None:
    built = root / "dist" / "validator-1.2.3.zip"
    built.touch()
    assert validator_zip(root=root, env={}) == built


def test_the_environment_may_name_another_zip(root: Path) -> None:
    other = root / "other.zip"
    other.touch()
    assert validator_zip(root=root, env={"VALIDATOR_ZIP": str(other)}) == other


def test_a_zip_that_was_not_built_is_told_with_the_command_that_builds_it(root: Path) -> None:
    with pytest.raises(
        ArtifactMissingError, match=r"validator-1\.2\.3\.zip does not exist; build it with `./pants"
    ):
        validator_zip(root=root, env={})


def test_a_named_zip_that_is_not_there_is_not_replaced_by_the_default(root: Path) -> None:
    (root / "dist" / "validator-1.2.3.zip").touch()
    with pytest.raises(ArtifactMissingError, match="VALIDATOR_ZIP names it"):
        validator_zip(root=root, env={"VALIDATOR_ZIP": str(root / "nowhere.zip")})


def test_a_folder_that_is_not_the_repository_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissingError, match="root of the repository"):
        validator_zip(root=tmp_path, env={})
