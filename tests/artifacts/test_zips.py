"""The Lambda zips as they are shipped: small, for one architecture each, and alike but for that."""

import zipfile
from pathlib import Path

import pytest

SERVICES = ("notifier", "status", "validator")
MACHINES = {"": "x86_64", "arm64-": "aarch64"}
# A cold start fetches and unpacks it. Lambda itself takes 50 MB zipped and 250 MB unpacked.
MOST_BYTES = 10_000_000
MOST_BYTES_UNPACKED = 40_000_000


def built(service: str, infix: str = "") -> zipfile.ZipFile:
    [path] = Path().glob(f"{service}-{infix}[0-9]*.zip")
    return zipfile.ZipFile(path)


@pytest.mark.parametrize("service", ["validator", "notifier", "status"])
@pytest.mark.parametrize("infix", MACHINES)
def test_a_zip_is_within_its_budget(service: str, infix: str) -> None:
    with built(service, infix) as zipped:
        assert Path(str(zipped.filename)).stat().st_size < MOST_BYTES
        assert sum(entry.file_size for entry in zipped.infolist()) < MOST_BYTES_UNPACKED


@pytest.mark.parametrize("service", ["validator", "notifier", "status"])
@pytest.mark.parametrize(("infix", "machine"), MACHINES.items())
def test_compiled_parts_are_for_its_architecture(service: str, infix: str, machine: str) -> None:
    with built(service, infix) as zipped:
        compiled = [name for name in zipped.namelist() if name.endswith(".so")]
    assert compiled
    assert [name for name in compiled if machine not in name] == []


@pytest.mark.parametrize("service", ["validator", "notifier", "status"])
def test_the_code_is_the_same_for_both(service: str) -> None:
    with built(service) as one, built(service, "arm64-") as other:
        ours = {name for name in one.namelist() if name.endswith(".py")}
        assert ours == {name for name in other.namelist() if name.endswith(".py")}
        assert f"{service}/__init__.py" in ours
        assert [name for name in ours if one.read(name) != other.read(name)] == []
