"""Tab in a real bash, with what `--install-completion` has put into its configuration."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from darkroom_client.testing import Say, Server, task
from local.environment import this_python

TIMEOUT = 60.0  # seconds
# As readline does it: the words of the line, the last of which is being typed.
_TAB = """
source "$HOME/.bashrc"
complete -p darkroom >/dev/null || exit 9
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
_darkroom_completion "$1"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@dataclass
class Bash:
    """A user's bash, whose PATH has the command."""

    path: str
    env: dict[str, str]

    def run(self, script: str, *arguments: str, **env: str) -> str:
        done = subprocess.run(
            [self.path, "--norc", "-c", script, "bash", *arguments],
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tab(self, *words: str, **env: str) -> set[str]:
        """Return what is offered for the last word."""
        return set(self.run(_TAB, *words, **env).split())


@pytest.fixture(scope="module")
def bash(tmp_path_factory: pytest.TempPathFactory) -> Bash:
    path = shutil.which("bash")
    if path is None:
        pytest.fail(
            "these tests press Tab in bash, and there is none on PATH: install it (apt-get install bash)"
        )
    home = tmp_path_factory.mktemp("home")
    command = home / "bin" / "darkroom"
    command.parent.mkdir()
    command.write_text(f'#!{path}\nexec {sys.executable} -m darkroom_cli "$@"\n')
    command.chmod(0o755)
    env = {
        **this_python(os.environ),
        "HOME": str(home),
        "DARKROOM_HOME": str(home),
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
    }
    bash = Bash(path, env)
    bash.run("darkroom --install-completion && true")
    return bash


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def test_commands_and_options_are_completed(bash: Bash) -> None:
    assert bash.tab("darkroom", "redr") == {"redrive"}
    assert bash.tab("darkroom", "status", "--stack-") == {"--stack-name"}


def test_ids_of_the_last_tasks_are_completed(bash: Bash, server: Server) -> None:
    tasks = [task(id=name) for name in ("cat-1", "cat-2", "dog-1")]
    server.says(Say(200, {"tasks": tasks, "cursor": None}))
    named = {"DARKROOM_ENDPOINT": server.url, "DARKROOM_API_KEY": "a-key"}
    for command in ("status", "replay"):
        assert bash.tab("darkroom", command, "cat", **named) == {"cat-1", "cat-2"}


def test_without_a_system_nothing_is_offered_and_nothing_is_said(bash: Bash) -> None:
    assert bash.tab("darkroom", "status", "cat") == set()
    assert bash.tab("darkroom", "submit", "--runtime", "s") == set()


def test_an_api_that_is_away_or_refuses_offers_nothing(bash: Bash, server: Server) -> None:
    server.says(Say(503))
    assert bash.tab("darkroom", "status", "", DARKROOM_ENDPOINT=server.url, DARKROOM_API_KEY="k") == set()
    assert len(server.seen) == 1
