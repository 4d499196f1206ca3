import os
import sys
from pathlib import Path

import pytest

from local.artifacts import Artifacts
from local.errors import MissingArtifactError
from local.home import Home

BUILT = (
    "ministack.pex",
    "infra-0.1.0.pex",
    "queue-agent-0.3.0.pex",
    "validator-0.1.0.zip",
    "notifier-0.1.0.zip",
    "status-0.1.0.zip",
)


def built(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.dist.mkdir()
    for name in BUILT:
        (home.dist / name).write_bytes(name.encode())
    return home


def test_what_the_build_made_is_run_by_the_interpreter_itself(tmp_path: Path) -> None:
    home = built(tmp_path)
    artifacts = Artifacts.find(home, {})
    assert artifacts.agent[1] == str(home.dist / "queue-agent-0.3.0.pex")
    assert Path(artifacts.agent[0]).resolve().name.startswith("python3.12")
    assert artifacts.sketch == (sys.executable, "-m", "local.sketch")
    zips = tuple(home.dist / f"{name}-0.1.0.zip" for name in ("validator", "notifier", "status"))
    assert artifacts.template_inputs == (home.dist / "infra-0.1.0.pex", *zips)
    assert artifacts.zips == dict(zip(("VALIDATOR_ZIP", "NOTIFIER_ZIP", "STATUS_ZIP"), zips, strict=True))


def test_of_several_versions_of_a_zip_none_is_named_to_the_cdk_app(tmp_path: Path) -> None:
    home = built(tmp_path)
    (home.dist / "notifier-0.2.0.zip").touch()
    artifacts = Artifacts.find(home, {})
    assert set(artifacts.zips) == {"VALIDATOR_ZIP", "STATUS_ZIP"}
    assert home.dist / "notifier-0.2.0.zip" in artifacts.template_inputs


def test_what_is_for_other_machines_is_passed_over(tmp_path: Path) -> None:
    home = built(tmp_path)
    for name in ("validator-arm64-0.1.0.zip", "queue-agent-image-0.1.0.pex"):
        (home.dist / name).touch()
    artifacts = Artifacts.find(home, {})
    assert artifacts.zips["VALIDATOR_ZIP"] == home.dist / "validator-0.1.0.zip"
    assert artifacts.agent[1] == str(home.dist / "queue-agent-0.3.0.pex")


def test_of_several_versions_of_a_program_the_newest_is_run(tmp_path: Path) -> None:
    home = built(tmp_path)
    older = home.dist / "queue-agent-0.10.0.pex"
    older.touch()
    os.utime(older, (1, 1))
    assert Artifacts.find(home, {}).agent[1] == str(home.dist / "queue-agent-0.3.0.pex")


def test_all_that_is_missing_is_named_at_once_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MissingArtifactError) as caught:
        Artifacts.find(Home(tmp_path), {})
    message = str(caught.value)
    for name in (
        "ministack.pex",
        "infra-<version>.pex",
        "queue-agent-<version>.pex",
        "validator-<version>.zip",
        "notifier-<version>.zip",
        "./pants package",
    ):
        assert name in message


def test_the_environment_names_other_programs(tmp_path: Path) -> None:
    home = built(tmp_path)
    (tmp_path / "infra" / "src").mkdir(parents=True)
    environ = {"DARKROOM_AGENT": f"{sys.executable} -m 'queue agent'", "DARKROOM_INFRA": sys.executable}
    artifacts = Artifacts.find(home, environ)
    assert artifacts.agent == (sys.executable, "-m", "queue agent")
    assert tmp_path / "infra" / "src" in artifacts.template_inputs


@pytest.mark.parametrize("command", ["/no/such/program", " "])
def test_a_named_program_that_cannot_run_is_refused(tmp_path: Path, command: str) -> None:
    with pytest.raises(MissingArtifactError, match="DARKROOM_SKETCH names"):
        Artifacts.find(built(tmp_path), {"DARKROOM_SKETCH": command})


def test_a_program_that_is_named_from_here_is_found_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Children run in folders of their own."""
    program = tmp_path / "dist" / "emulator"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    environ = {"DARKROOM_MINISTACK": "dist/emulator", "DARKROOM_INFRA": "true", "DARKROOM_AGENT": "true"}
    home = Home(tmp_path)
    for name in BUILT:
        (home.dist / name).touch()
    assert Artifacts.find(home, environ).ministack == (str(program),)


def test_the_page_of_the_console_is_its_own_or_one_of_a_folder(tmp_path: Path) -> None:
    home = built(tmp_path)
    assert Artifacts.find(home, {}).console == (sys.executable, "-m", "console")
    named = Artifacts.find(home, {"DARKROOM_CONSOLE_PAGE": "here"}).console
    assert named[-2:] == ("--page", str(Path("here").absolute()))
