"""The folders of one local system."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.errors import LocalError

HOME_ENV = "DARKROOM_HOME"


@dataclass(frozen=True)
class Home:
    """The folder that a system belongs to, with its `dist/`; all that it writes is in `.darkroom/`."""

    root: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], cwd: Path) -> "Home":
        """Return the home that `DARKROOM_HOME` names (the launcher sets it), else the working folder."""
        return cls(Path(environ.get(HOME_ENV) or cwd).absolute())

    @property
    def dist(self) -> Path:
        """Where the build puts what the system runs."""
        return self.root / "dist"

    @property
    def work(self) -> Path:
        """All that the system writes."""
        return self.root / ".darkroom"

    @property
    def run(self) -> Path:
        """What belongs to the present run only; emptied at each start."""
        return self.work / "run"

    @property
    def logs(self) -> Path:
        """One log per process, `<name>.log`."""
        return self.run / "logs"

    @property
    def state_file(self) -> Path:
        """Written when the system is ready, removed when it ends."""
        return self.run / "state.json"

    @property
    def lock_file(self) -> Path:
        """Held by the process that runs the system. Not in `run`, which is emptied."""
        return self.work / "lock"

    @property
    def cache(self) -> Path:
        """Synthesised templates, one folder per hash of what they were made from."""
        return self.work / "cache"

    @property
    def traces_file(self) -> Path:
        """The trace store's database."""
        return self.run / "traces.db"

    @property
    def console_file(self) -> Path:
        """What the console is told: where everything is, and the API key."""
        return self.run / "console.json"

    @property
    def console_token(self) -> Path:
        """What a browser shows the console to be let in."""
        return self.run / "console.token"

    def log(self, name: str) -> Path:
        """Return the log of a process."""
        return self.logs / f"{name}.log"

    def pod(self, runtime: str) -> Path:
        """Return the folder that a runtime and its agent share, as containers of one pod would."""
        return self.run / "pods" / runtime

    def restart_file(self, runtime: str) -> Path:
        """Return the file that an agent writes to have its runtime restarted."""
        return self.pod(runtime) / "restart"

    def agent_state(self, runtime: str) -> Path:
        """Return the folder of what outlives an agent, but not its pod."""
        return self.pod(runtime) / "state"

    def prepare(self) -> None:
        """Make the work folder, private to the user.

        Raises:
            LocalError: it cannot be written.
        """
        try:
            self.work.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.cache.mkdir(exist_ok=True)
        except OSError as exc:
            raise LocalError(f"cannot write to {self.work}: {exc.strerror}") from exc

    def empty_run(self) -> None:
        """Forget the last run: its state, data, logs and temporary files."""
        shutil.rmtree(self.run, ignore_errors=True)
        self.logs.mkdir(parents=True, exist_ok=True)
