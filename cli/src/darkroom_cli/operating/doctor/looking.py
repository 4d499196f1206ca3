"""Looking at one thing without letting its failure hide the others."""

from collections.abc import Callable
from dataclasses import dataclass, field

from darkroom_cli.operating.doctor.scene import Blind
from s3io.errors import SDK_ERRORS
from task_store import TaskStoreError


class UnseenError(Exception):
    """There is nothing to look at where it should be; says why."""


@dataclass
class Lookout:
    """Runs looks; remembers what could not be looked at."""

    blind: list[Blind] = field(default_factory=list)

    def at[T](self, what: str, look: Callable[[], T]) -> T | None:
        """Return what a look tells, or None where it cannot be looked at."""
        try:
            return look()
        except (*SDK_ERRORS, TaskStoreError, UnseenError) as exc:
            if not any(blind.what == what for blind in self.blind):
                self.blind.append(Blind(what, str(exc)))
            return None

    def failed(self, what: str, why: str) -> None:
        """Say that something could not be looked at."""
        self.blind.append(Blind(what, why))
