"""The command: what it reads from its environment, and what users see when it cannot go on."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import app
from infra.errors import StacksUnknownError


@pytest.fixture(name="config_path")
def _config_path(tmp_path: Path, settings: dict[str, Any]) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def run(env: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    # Pants puts relative entries there, and the command runs in another folder.
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry)
    return subprocess.run(
        [sys.executable, "-m", "infra"],
        cwd=folder,
        env={**kept, "PYTHONPATH": path, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_account_network_or_cli_the_same_bytes_come_out_each_time(
    config_path: Path, zip_path: Path, chart: Path, whole: Path, tmp_path: Path
) -> None:
    ended = run(
        {
            "CDK_CONFIG_PATH": str(config_path),
            "CDK_OUTDIR": str(tmp_path / "out"),
            "VALIDATOR_ZIP": str(zip_path),
            "NOTIFIER_ZIP": str(zip_path),
            "STATUS_ZIP": str(zip_path),
            "DARKROOM_CHART": str(chart),
            "PYTHONHASHSEED": "7",
            "https_proxy": "http://127.0.0.1:9",
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        tmp_path,
    )
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    stacks = {path.name for path in (tmp_path / "out").glob("*.template.json")}
    assert stacks == {path.name for path in whole.glob("sdoneks*.template.json")}
    for name in (*stacks, *(stack.replace(".template", ".assets") for stack in stacks)):
        assert (tmp_path / "out" / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_wrong_configuration_ends_with_an_explanation_and_no_stack_trace(tmp_path: Path) -> None:
    ended = run({}, tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ")
    assert "config.yaml cannot be used" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_missing_zip_ends_with_an_explanation(
    config_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CDK_CONFIG_PATH", str(config_path))
    monkeypatch.setenv("VALIDATOR_ZIP", str(tmp_path / "nowhere.zip"))
    assert app.main() == 1
    assert capsys.readouterr().err.startswith("error: the validator's zip")


def test_without_node_the_user_is_told_what_to_install(
    config_path: Path, zip_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CDK_CONFIG_PATH", str(config_path))
    monkeypatch.setenv("VALIDATOR_ZIP", str(zip_path))
    monkeypatch.setenv("NOTIFIER_ZIP", str(zip_path))
    monkeypatch.setenv("STATUS_ZIP", str(zip_path))
    monkeypatch.setenv("DARKROOM_STACKS", "without-cluster")
    monkeypatch.setenv("JSII_NODE", "/nowhere/node")
    assert app.main() == 1
    assert "Node.js" in capsys.readouterr().err


def test_the_local_system_gets_no_cluster_and_needs_no_chart(
    config_path: Path, zip_path: Path, assembly: Path, tmp_path: Path
) -> None:
    env = {
        "DARKROOM_HOME": str(tmp_path / "without a chart"),
        "DARKROOM_STACKS": "without-cluster",
        "CDK_CONFIG_PATH": str(config_path),
        "CDK_OUTDIR": str(tmp_path / "out"),
        "VALIDATOR_ZIP": str(zip_path),
        "NOTIFIER_ZIP": str(zip_path),
        "STATUS_ZIP": str(zip_path),
    }
    folder = app.synthesise_from(env)
    names = {path.name for path in folder.glob("*.template.json")}
    assert names == {path.name for path in assembly.glob("*.template.json")}


def test_stacks_that_there_are_not_are_told_with_those_that_there_are(
    config_path: Path, zip_path: Path
) -> None:
    env = {
        "DARKROOM_STACKS": "some",
        "CDK_CONFIG_PATH": str(config_path),
        "VALIDATOR_ZIP": str(zip_path),
        "NOTIFIER_ZIP": str(zip_path),
        "STATUS_ZIP": str(zip_path),
    }
    with pytest.raises(StacksUnknownError, match="'some'; it may be all, without-cluster or delivery"):
        app.synthesise_from(env)
