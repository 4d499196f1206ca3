"""Messages that nobody recorded at the API: who wins an id, by rules that all follow (DESIGN 4.2).

The queue agent and the notifier both meet them, and whoever is first decides. Such a message may be delivered
again after its row has gone to a later task of the same id: only what is kept of the decision, its fate,
tells then what became of it.
"""

from enum import Enum, StrEnum, auto

from task_store._task import Task

#: Name of the fate among the payloads of its submission.
FATE_NAME = "fate"
#: Largest fate that is read, in bytes of its JSON.
MAX_FATE_BYTES = 64


class Fate(StrEnum):
    """What was decided about a bare message."""

    RECORDED = "recorded"
    CONFLICT = "conflict"


class Meeting(Enum):
    """What a bare message is worth whose id has a row of another submission.

    Attributes:
        STALE: it had its row, which a later task of the same id has now: it means nothing any more.
        CONFLICT: it is refused, and told so in a notification of its own; the row is left alone.
        NEXT: it may follow the task in the row, which has ended, once that was told.
    """

    STALE = auto()
    CONFLICT = auto()
    NEXT = auto()

    @classmethod
    def of(cls, row: Task, fate: Fate | None) -> "Meeting":
        """Decide, given the row as it is and what was decided before; None: nothing yet."""
        if fate is Fate.RECORDED:
            return cls.STALE
        if fate is Fate.CONFLICT or not row.status.is_terminal:
            return cls.CONFLICT
        return cls.NEXT
