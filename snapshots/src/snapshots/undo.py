"""What was made, and how it is removed again."""

from collections.abc import Callable
from dataclasses import dataclass

from snapshots.errors import StepTimeoutError
from snapshots.failures import described, is_denied
from snapshots.progress import Leftover, Progress
from snapshots.waiting import Clock

TRIES = 6
FIRST_PAUSE = 2.0  # seconds, doubled from try to try


@dataclass(eq=False)
class Made:
    """Something that was made, or is about to be: an answer that was lost leaves it without an id.

    Attributes:
        kind: what it is, for the user.
        id: its id, or what it is found by.
        undo: removes it; is content where it is not there, and may be called again.
    """

    kind: str
    id: str
    undo: Callable[[], None]


class UndoStack:
    """What was made, latest last. Each thing is noted before it is made, so that no moment is without it."""

    def __init__(self, *, clock: Clock, progress: Progress) -> None:
        self._clock = clock
        self._progress = progress
        self._made: list[Made] = []
        self.left: list[Leftover] = []

    def push(self, kind: str, id: str, undo: Callable[[], None]) -> Made:  # noqa: A002 - as in Made
        """Note what is about to be made."""
        made = Made(kind, id, undo)
        self._made.append(made)
        return made

    def keep(self, made: Made) -> None:
        """Forget about something: it stays."""
        self._made.remove(made)

    def unwind(self, *, interrupted: bool) -> None:
        """Remove everything, latest first; what stays is in `left`, and told.

        Args:
            interrupted: the user has asked to stop already. Then the next Ctrl-C ends this too; otherwise the
                first is only answered.

        Raises:
            KeyboardInterrupt: the user did not want to wait.
        """
        while self._made:
            try:
                self._remove(self._made[-1])
                self._made.pop()
            except KeyboardInterrupt:
                if interrupted:
                    self._give_up()
                    raise
                interrupted = True
                self._progress.remark("removing what was made; Ctrl-C again leaves it where it is")

    def _remove(self, made: Made) -> None:
        pause = FIRST_PAUSE
        for left in reversed(range(TRIES)):
            try:
                made.undo()
            except Exception as exc:  # noqa: BLE001 - whatever is wrong with one, the others have to go
                if not left or is_denied(exc) or isinstance(exc, StepTimeoutError):
                    self._leave(made, described(exc))
                    return
                self._clock.sleep(pause)
                pause *= 2
            else:
                return

    def _give_up(self) -> None:
        while self._made:
            self._leave(self._made[-1], "its removal was interrupted")
            self._made.pop()

    def _leave(self, made: Made, reason: str) -> None:
        if any(one.kind == made.kind and one.id == made.id for one in self.left):
            return
        leftover = Leftover(made.kind, made.id, reason)
        self.left.append(leftover)
        self._progress.left(leftover)
