"""What can be sent again, whatever it is."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

DEAD_LETTER = "dead letter"
WEBHOOK = "webhook"


@dataclass(frozen=True)
class Item:
    """Something that was given up.

    Attributes:
        kind: a dead letter or a webhook.
        task_id: of its task, where one can be read.
        runtime: likewise.
        why: what it was given up for, in a word.
        hindrance: why it is not sent again; None where it is.
        send: sends it, and then deletes it where it was kept; doing it twice is harmless.
    """

    kind: str
    task_id: str
    runtime: str
    why: str
    hindrance: str | None = None
    send: Callable[[], None] = field(repr=False, default=lambda: None)


@dataclass(frozen=True)
class Wanted:
    """Which of them are meant: of a runtime, of some tasks; all where nothing was said."""

    runtime: str | None = None
    task_ids: Collection[str] = ()

    def has(self, item: Item) -> bool:
        """Whether this one is meant."""
        return self.runtime in (None, item.runtime) and (not self.task_ids or item.task_id in self.task_ids)

    def names(self, task_id: str) -> bool:
        """Whether a task was named, rather than meant with all others."""
        return task_id in self.task_ids
