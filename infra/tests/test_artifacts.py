from pathlib import Path

import pytest

from infra.artifacts import Zips, find_chart
from infra.errors import ArtifactMissingError

SERVICES = ["validator", "notifier", "status"]


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    (tmp_path / "dist").mkdir()
    for service in SERVICES:
        folder = tmp_path / "services" / service
        folder.mkdir(parents=True)
        (folder / "VERSION").write_text("1.2.3\n")
        (tmp_path / "dist" / f"{service}-1.2.3.zip").touch()
    return tmp_path


def test_the_zips_are_those_of_the_services_versions(root: Path) -> None:
    dist = root / "dist"
    assert Zips.find(root=root, env={}) == Zips(*(dist / f"{service}-1.2.3.zip" for service in SERVICES))


def test_those_of_another_architecture_have_it_in_their_names(root: Path) -> None:
    for service in SERVICES:
        (root / "dist" / f"{service}-arm64-1.2.3.zip").touch()
    found = Zips.find(root=root, env={}, architecture="arm64")
    assert found == Zips(*(root / "dist" / f"{service}-arm64-1.2.3.zip" for service in SERVICES))


@pytest.mark.parametrize("service", SERVICES)
def test_the_environment_may_name_another_zip(root: Path, service: str) -> None:
    other = root / "other.zip"
    other.touch()
    found = Zips.find(root=root, env={f"{service.upper()}_ZIP": str(other)})
    assert getattr(found, service) == other


@pytest.mark.parametrize("service", SERVICES)
def test_a_zip_that_was_not_built_is_told_with_the_command_that_builds_it(root: Path, service: str) -> None:
    (root / "dist" / f"{service}-1.2.3.zip").unlink()
    with pytest.raises(
        ArtifactMissingError,
        match=rf"{service}-1\.2\.3\.zip does not exist; build it with `./pants package services/{service}",
    ):
        Zips.find(root=root, env={})


@pytest.mark.parametrize("service", SERVICES)
def test_a_named_zip_that_is_not_there_is_not_replaced_by_the_default(root: Path, service: str) -> None:
    variable = f"{service.upper()}_ZIP"
    with pytest.raises(ArtifactMissingError, match=f"{variable} names it"):
        Zips.find(root=root, env={variable: str(root / "nowhere.zip")})


def test_a_folder_that_is_not_the_repository_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissingError, match="root of the repository"):
        Zips.find(root=tmp_path, env={})


def test_the_chart_is_the_repositorys_or_the_one_that_is_named(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "charts" / "sd-on-eks", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir(parents=True)
        (folder / "Chart.yaml").touch()
    assert find_chart(root=tmp_path, env={}) == ours
    assert find_chart(root=tmp_path, env={"DARKROOM_CHART": str(theirs)}) == theirs


def test_a_folder_without_a_chart_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissingError, match=r"is no Helm chart; .* in DARKROOM_CHART"):
        find_chart(root=tmp_path, env={})
