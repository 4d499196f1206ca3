"""Checks of the one task that was asked about, by its row in the tasks table."""

from collections.abc import Iterator

from darkroom_cli.operating.doctor.findings import Finding, note, problem
from darkroom_cli.operating.doctor.scene import Scene
from task_schema import Status
from task_store import Task

_PUBLISHING = 60_000  # ms; publishing takes a fraction of a second, the sweeper looks every few minutes
_CANCELLING = 60_000  # ms; an agent hears of it with its next beat
_ERRORS = "docs/use/errors.md"


class TaskKnown:
    """There is a row for the id."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what is wrong with it."""
        if scene.asked is None or scene.task is not None:
            return
        if any(blind.what == "the tasks table" for blind in scene.blind):
            return
        yield problem(
            "task-unknown",
            scene.asked,
            "the tasks table has no such id: the API never accepted it, or it ended over 30 days ago",
            "Look at what the API answered to the request: only a 200 is a task. Check the id, and that"
            " this is the deployment it was sent to. A message to the topic gets a row when an agent reads"
            " it",
        )


class TaskEnded:
    """The task goes on."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield how it ended, where it has."""
        task = scene.task
        if task is None or not task.status.is_terminal:
            return
        if task.status is Status.FAILED:
            said = f"{task.error.code}: {task.error.message}" if task.error else "without a reason"
            yield problem("task-failed", task.id, said, f"{_ERRORS} has what to do for each code")
        else:
            yield note("task-ended", task.id, f"it has {task.status}", f"./darkroom status {task.id}")
        if task.notified_at is None:
            yield note(
                "task-not-told",
                task.id,
                "its end was not told yet",
                "The sweeper tells it within minutes; if not, look at the function's log",
            )


class TaskPublished:
    """The request has gone to the topic."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what is wrong with it."""
        task = scene.task
        if task is None or task.status is not Status.QUEUED or task.published_at is not None:
            return
        if scene.now - task.created_at >= _PUBLISHING:
            yield problem(
                "task-not-published",
                task.id,
                "it was recorded, but never reached the topic: the client was answered with 5xx, or not at"
                " all",
                "Send the very same request again: it is published with its first submission. Otherwise the"
                " sweeper ends it as not_published",
            )


class TaskServed:
    """Its runtime is part of the deployment."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what is wrong with it."""
        task = scene.task
        if task is None or task.status.is_terminal or task.runtime in scene.known:
            return
        yield problem(
            "runtime-gone",
            task.id,
            f"it is for the runtime {task.runtime}, which this deployment does not have (any more)",
            f"Add {task.runtime} to config.yaml again and deploy, or cancel the task and send it to one of"
            f" {', '.join(scene.known)}",
        )


class TaskCancelled:
    """Nobody waits in vain for it to be cancelled."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what is wrong with it."""
        task = scene.task
        if task is None or task.status is not Status.RUNNING or not task.cancel_requested:
            return
        if task.started_at is not None and scene.now - task.started_at > _CANCELLING:
            yield note(
                "cancel-pending",
                task.id,
                "it was asked to be cancelled, and its agent has not done so yet",
                "An agent hears of it within 20 seconds, and restarts a runtime that does not stop",
            )


class TaskHeld:
    """A running task has a live agent."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what is wrong with it."""
        task = scene.task
        if task is None or task.status is not Status.RUNNING:
            return
        if task.lease_until is not None and task.lease_until < scene.now:
            ago = (scene.now - task.lease_until) // 1000
            yield problem(
                "agent-lost",
                task.id,
                f"its agent has not been heard of for {ago} s (attempt {task.attempts})",
                "Nothing, if pods come up: the message returns within a minute and another agent takes it."
                " The third lost attempt ends it as attempts_exhausted; the pod's last log says why it died",
            )
        else:
            yield note("task-running", task.id, _running(task), f"./darkroom wait {task.id}")


def _running(task: Task) -> str:
    done = f", {task.progress:.0%} done" if task.progress is not None else ""
    return f"an agent works on it (attempt {task.attempts}{done})"
