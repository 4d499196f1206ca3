import stat
from pathlib import Path

import pytest

from local.errors import LocalError
from local.home import Home


def test_the_launcher_names_the_home_else_it_is_the_working_folder(tmp_path: Path) -> None:
    assert Home.from_environment({"DARKROOM_HOME": "/repo"}, tmp_path) == Home(Path("/repo"))
    assert Home.from_environment({}, tmp_path) == Home(tmp_path)


def test_what_it_writes_is_private(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare()
    assert stat.S_IMODE(home.work.stat().st_mode) == 0o700


def test_a_new_run_forgets_the_last_one_but_not_the_templates(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare()
    home.empty_run()
    home.log("a").write_text("old")
    (home.cache / "kept").mkdir()
    home.empty_run()
    assert list(home.logs.iterdir()) == []
    assert (home.cache / "kept").is_dir()


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / ".darkroom").write_text("a file in the way")
    with pytest.raises(LocalError, match="cannot write to"):
        Home(tmp_path).prepare()


def test_a_new_run_is_a_new_pod(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare()
    home.agent_state("sdruntime").mkdir(parents=True)
    home.restart_file("sdruntime").touch()
    assert home.restart_file("sdruntime").parent == home.agent_state("sdruntime").parent
    assert home.restart_file("sdruntime") != home.restart_file("other")
    home.empty_run()
    assert not home.pod("sdruntime").exists()
