"""What the sender of a letter is told: why its task could not be done (DESIGN 4.1)."""

from collections.abc import Callable, Sequence

from notifier.letters import Letter
from notifier.settings import Kind
from task_schema import TaskCode, TaskError, shorten

type Cause = Callable[[Letter], TaskError]

_MAX_NAME = 100  # characters


def cause(kind: Kind, runtimes: Sequence[str]) -> Cause:
    """Return what tells why a letter of some kind is here; `runtimes` are those of the deployment."""
    causes: dict[Kind, Cause] = {
        Kind.DEAD: _dead,
        Kind.UNDELIVERED: _undelivered,
        Kind.UNROUTED: lambda letter: _unrouted(letter, runtimes),
    }
    return causes[kind]


def _dead(_: Letter) -> TaskError:
    return TaskError.of(
        TaskCode.ATTEMPTS_EXHAUSTED,
        "the task was taken up again and again and never brought to an end; whoever read it was lost",
    )


def _undelivered(letter: Letter) -> TaskError:
    to = _named(letter.runtime) if letter.runtime else "its runtime"
    return TaskError.of(TaskCode.INTERNAL, f"the task could not be put into the queue of {to}")


def _unrouted(letter: Letter, runtimes: Sequence[str]) -> TaskError:
    named = letter.runtime
    if named in runtimes:
        # A topic takes up to a quarter of an hour until a changed filter holds everywhere.
        message = f"{named} is new here, and its queue did not get the task yet; send it again in 15 minutes"
        return TaskError.of(TaskCode.INTERNAL, message)
    there_are = f"there are: {', '.join(runtimes)}"
    if named is None:
        message = f'the message attribute "runtime" is missing, so no runtime got the task; {there_are}'
    else:
        message = f"there is no runtime {_named(named)}; {there_are}"
    return TaskError.of(TaskCode.UNKNOWN_RUNTIME, shorten(message))


def _named(name: str) -> str:
    return repr(name if len(name) <= _MAX_NAME else name[:_MAX_NAME] + "…")
