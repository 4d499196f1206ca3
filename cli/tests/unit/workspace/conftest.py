import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from darkroom_cli.workspace.tools import Git

FILES = {
    "BUILD": 'SERVICES = ["agent", "validator"]\n',
    "README.md": "# A repository\n",
    "charts/sd-on-eks/Chart.yaml": (
        "name: sd\nversion: 0.1.0  # of the chart\n# a remark\nappVersion: 0.3.0\n"
    ),
    "charts/sd-on-eks/CHANGELOG.md": "# Changelog\n\n## [0.1.0] - 2026-01-01\n\n### Added\n\n- The chart.\n",
    "charts/sd-on-eks/values.yaml": "a: 1\n",
    "charts/sd-on-eks/README.md": "# Chart\n",
    "services/validator/VERSION": "0.2.0\n",
    "services/validator/CHANGELOG.md": (
        "# Changelog\n\n## [Unreleased]\n\n### Fixed\n\n- A fault.\n\n## [0.2.0] - 2026-01-01\n\n- Begun.\n"
    ),
    "services/validator/src/validator/api.py": "A = 1\n",
    "services/queue-agent/VERSION": "0.3.0\n",
    "services/queue-agent/CHANGELOG.md": (
        "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [0.3.0] - 2026-01-01\n\n- Begun.\n"
    ),
    "libs/s3io/src/s3io/errors.py": "A = 1\n",
    "3rdparty/locks/default.txt": "boto3==1.0 \\\n    --hash=sha256:aa\n    # via -r default.in\n",
    "pants.toml": "[GLOBAL]\n",
}


@dataclass(frozen=True)
class Repository:
    """A real one of git, with a few files of ours."""

    root: Path

    @property
    def git(self) -> Git:
        return Git(self.root)

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def commit(self, files: Mapping[str, str], message: str = "A change") -> str:
        self.write(files)
        self.git.run("add", "--all")
        self.git.run("commit", "--quiet", "--message", message)
        return self.git.run("rev-parse", "HEAD")

    def change(self, name: str, more: str = "\n# more\n") -> None:
        path = self.root / name
        path.write_text(path.read_text() + more)

    def read(self, name: str) -> str:
        return (self.root / name).read_text()

    def state(self) -> tuple[str, str, str]:
        """All that a command could change: commits and tags, the index, the files."""
        return (
            self.git.run("for-each-ref"),
            self.git.run("status", "--porcelain", "--ignored"),
            self.git.run("diff", "HEAD"),
        )


@pytest.fixture(autouse=True)
def _own_git_settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    (home / ".gitconfig").write_text(
        "[user]\nname = Tester\nemail = tester@example.org\n[init]\ndefaultBranch = main\n"
        "[commit]\ngpgsign = false\n[tag]\ngpgsign = false\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    root = tmp_path / "repository"
    root.mkdir()
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(root)], check=True)
    made = Repository(root)
    made.commit(FILES, "Begin")
    return made
