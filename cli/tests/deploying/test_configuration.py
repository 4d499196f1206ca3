"""config.yaml on the disk: never half written, and nobody's changes are lost."""

from pathlib import Path

import pytest

from darkroom_cli.deploying.configuration import NEW, Document, check_folder
from darkroom_cli.deploying.costs import monthly_costs
from darkroom_cli.deploying.errors import StepError
from darkroom_cli.deploying.findings import Code, Findings


def read(path: Path) -> Document:
    document = Document.read(path, Findings())
    assert document is not None
    return document


def test_what_was_changed_since_it_was_read_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(NEW)
    document = read(path)
    document.put(["stackName"], "studio")
    path.write_text(NEW + "# my evening's work\n")
    with pytest.raises(StepError, match="changed by somebody else meanwhile"):
        document.write()
    assert path.read_text() == NEW + "# my evening's work\n"
    assert [one.name for one in tmp_path.iterdir()] == ["config.yaml"]


def test_a_file_that_appeared_since_there_was_none_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    document = read(path)
    path.write_text("mine")
    with pytest.raises(StepError, match="start again"):
        document.write()
    assert path.read_text() == "mine"


def test_a_link_stays_a_link_and_its_file_is_changed(tmp_path: Path) -> None:
    real, path = tmp_path / "real.yaml", tmp_path / "config.yaml"
    real.write_text(NEW)
    real.chmod(0o640)
    path.symlink_to(real)
    document = read(path)
    document.put(["stackName"], "studio")
    document.write()
    assert path.is_symlink()
    assert "stackName: studio" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


def test_line_ends_stay_what_they_were(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(NEW.replace("\n", "\r\n").encode())
    document = read(path)
    document.put(["stackName"], "studio")
    document.write()
    assert path.read_bytes() == document.text.replace("\n", "\r\n").encode()
    assert read(path).stack_name == "studio"


def test_it_can_be_written_twice(tmp_path: Path) -> None:
    document = read(tmp_path / "config.yaml")
    for name in ("one", "two"):
        document.put(["stackName"], name)
        document.write()
    assert read(tmp_path / "config.yaml").stack_name == "two"


def test_a_folder_that_is_not_there_is_known_before_anything_is_made(tmp_path: Path) -> None:
    findings = Findings()
    check_folder(tmp_path / "nowhere" / "config.yaml", findings)
    [found] = findings.found
    assert found.code is Code.CONFIG_UNREADABLE
    assert "no folder" in found.text


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("{}", 3),
        ("{zones: 2}", 2),
        ("{natGateways: 1, zones: 2}", 1),
        ("{existingVpc: {id: vpc-1}}", 0),
        ("{natGateways: many}", 3),
        ("none", 3),
    ],
)
def test_gateways_are_counted_as_they_are_made(network: str, expected: int) -> None:
    assert Document(Path(), None, f"{NEW}network: {network}\n").nat_gateways == expected


def cost(text: str) -> str:
    return "\n".join(monthly_costs(Document(Path(), None, text)))


def test_the_costs_are_those_of_the_price_file() -> None:
    told = cost(NEW)
    assert "cluster 72, system nodes 118, NAT gateways 108" in told
    assert "a g5.xlarge is 1.006 an hour" in told


def test_fewer_gateways_and_other_instances_change_the_costs() -> None:
    text = f"{NEW}    karpenter: {{provisioner: {{instanceType: [g6.xlarge, g5.xlarge]}}}}\n"
    told = cost(text + "network: {natGateways: 1}\n")
    assert "NAT gateways 36" in told
    assert "a g6.xlarge is 0.80" in told


def test_system_nodes_cost_what_the_file_says_that_they_are() -> None:
    told = cost(f"{NEW}systemNodes: {{instanceType: m5.large, count: 3}}\n")
    assert "system nodes 207" in told


def test_system_nodes_without_a_price_are_counted_as_the_usual_ones_and_that_is_said() -> None:
    told = cost(f"{NEW}systemNodes: {{instanceType: m6i.large}}\n")
    assert "a m6i.large is not in our price file: counted as m7g.large" in told
    assert "system nodes 118" in told


def test_an_instance_without_a_price_is_said_to_have_none() -> None:
    told = cost(f"{NEW}    karpenter: {{provisioner: {{instanceType: [p4d.24xlarge]}}}}\n")
    assert "p4d.24xlarge costs is not in our price file" in told
