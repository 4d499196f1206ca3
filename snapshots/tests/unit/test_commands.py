import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from snapshots import bootstrap
from snapshots.commands import app, explained
from snapshots.request import BOTTLEROCKET_VERSION, KUBERNETES_VERSION, make_request
from snapshots.terminal import Terminal
from snapshots.testing_world import World

ROOT = Path(__file__).parents[3]
WIDE = {"COLUMNS": "200", "NO_COLOR": "1"}


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), env=WIDE)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def here(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(bootstrap, "open_aws", lambda *_: world.aws)
    return world


@pytest.mark.parametrize("command", ["build", "list", "prune"])
def test_every_command_explains_itself_and_its_exit_codes(command: str) -> None:
    code, text, _ = run(command, "--help")
    assert code == 0
    assert "130 interrupted" in " ".join(text.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["build"], "IMAGE"),
        (["build", "Nginx", "-r", "us-east-1"], "IMAGE"),
        (["build", "nginx"], "--region"),
        (["build", "nginx", "-r", "nowhere"], "--region"),
        (["build", "nginx", "-r", "us-east-1", "--arch", "mips"], "--arch"),
        (["build", "nginx", "-r", "us-east-1", "--size", "5"], "--size"),
        (["build", "nginx", "-r", "us-east-1", "--subnet", "mine"], "--subnet"),
        (["build", "nginx", "-r", "us-east-1", "--security-group", "mine"], "--security-group"),
        (["build", "nginx", "-r", "us-east-1", "--kubernetes-version", "2"], "--kubernetes-version"),
        (["build", "nginx", "-r", "us-east-1", "--bottlerocket-version", "new"], "--bottlerocket-version"),
        (["build", "nginx", "-r", "us-east-1", "--instance-type", "large"], "--instance-type"),
        (["build", "nginx", "-r", "us-east-1", "--kms-key", "a b"], "--kms-key"),
        (["list", "-r", "us-east-1", "--profile", "nobody-has-this"], "--profile"),
        (["prune", "-r", "us-east-1", "--keep", "-1"], "--keep"),
    ],
)
def test_wrong_use_names_the_option(
    arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    code, out, err = run(*arguments)
    assert code == 2
    assert words in err
    assert out == ""


def test_a_type_without_its_architecture_is_ambiguous_with_several() -> None:
    code, _, err = run(
        *[
            "build",
            "nginx",
            "-r",
            "us-east-1",
            "--arch",
            "amd64",
            "--arch",
            "arm64",
            "--instance-type",
            "m6i.large",
        ]
    )
    assert code == 2
    assert "ARCH=m6i.large" in err


def test_the_chart_s_way_to_write_a_release_is_taken() -> None:
    assert make_request(["nginx"], region="us-east-1", bottlerocket="v1.57.0").bottlerocket == "1.57.0"


def test_versions_are_those_of_the_chart_and_the_configuration() -> None:
    values = yaml.safe_load((ROOT / "charts/sd-on-eks/values.yaml").read_text(encoding="utf-8"))
    assert values["karpenter"]["nodeTemplate"]["amiVersion"] == f"v{BOTTLEROCKET_VERSION}"
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    assert config["kubernetesVersion"] == KUBERNETES_VERSION


def test_list_shows_what_was_built(here: World) -> None:
    assert run("list")[2].strip() == "! no snapshots yet"
    assert here.build() == 0
    code, out, _ = run("list")
    assert code == 0
    assert here.snapshots()[0]["SnapshotId"] in out
    assert "sdwebui:1.10.1" in out
    assert '"bottlerocket": "1.57.0"' in run("list", "--json")[1]


def test_prune_only_says_what_would_go_until_it_is_told_to(here: World) -> None:
    for _ in range(3):
        assert here.build() == 0
    code, out, err = run("prune", "--keep", "1")
    assert code == 0
    assert out.count("snap-") == 2
    assert "--yes deletes these 2" in err
    assert len(here.snapshots()) == 3
    code, out, _ = run("prune", "--keep", "1", "--yes")
    assert code == 0
    assert out.count("snap-") == 2
    assert len(here.snapshots()) == 1
    assert "nothing to delete" in run("prune", "--keep", "1", "--yes")[2]


def test_prune_touches_nothing_that_is_in_use_or_not_ours(here: World) -> None:
    volume = here.ec2.create_volume(Size=1, AvailabilityZone="us-east-1a")["VolumeId"]
    other = here.ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    assert here.build() == 0
    [mine] = here.snapshots()
    assert run("prune", "--keep", "0", "--yes", "--in-use", mine["SnapshotId"])[0] == 0
    assert here.snapshots() == [mine]
    assert run("prune", "--keep", "0", "--yes")[0] == 0
    assert here.ec2.describe_snapshots(SnapshotIds=[other])["Snapshots"]


def test_prune_stops_at_an_id_in_use_that_it_does_not_know(here: World) -> None:
    assert here.build() == 0
    code, _, err = run("prune", "--keep", "0", "--yes", "--in-use", "snap-0")
    assert code == 2
    assert "--in-use: snap-0" in err
    assert len(here.snapshots()) == 1


def test_sigterm_is_as_ctrl_c(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def wait_for_the_end() -> None:
        with explained(Terminal()):
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()

    with pytest.raises(typer.Exit) as caught:
        wait_for_the_end()
    assert caught.value.exit_code == 130
    assert "interrupted" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("us-east-1", "aws", "amazonaws.com"),
        ("cn-northwest-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
    ],
)
def test_a_region_is_in_its_partition(region: str, partition: str, suffix: str) -> None:
    aws = bootstrap.open_aws(region, None)
    assert (aws.region, aws.partition, aws.dns_suffix) == (region, partition, suffix)
    assert aws.ecr("eu-west-1").meta.region_name == "eu-west-1"
    assert aws.ec2.meta.config.retries["mode"] == "adaptive"


def test_the_help_does_not_wait_for_the_sdk() -> None:
    program = "import sys; import snapshots.commands; print('boto3' in sys.modules, 'httpx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
