"""Searches in words."""

import re
from collections import Counter

from task_store import Task
from task_store_model.explorer import Found, Step
from task_store_model.world import World, lease_is_live


def trace(steps: list[Step]) -> str:
    """Return a counterexample, one step a line, with the world after it where that changed."""
    lines, before = [], ""
    for number, step in enumerate(steps, 1):
        after = world(step.world)
        lines.append(f"{number:3} {step.action}")
        if after != before:
            lines[-1] = f"{lines[-1]:<58} {after}"
        before = after
    return "\n".join(lines)


def world(shown: World) -> str:
    """Return a world in one line."""
    messages = ", ".join(str(message) for message in shown.messages)
    parts = [_row(shown.task), f"message {messages}"]
    if any(shown.told):
        parts.append("told " + ", ".join(f"s{n}" for n, told in enumerate(shown.told, 1) if told))
    if shown.late is not None:
        parts.append(f"late: {shown.late.write} of {shown.late.who}")
    return " | ".join(parts)


def _row(task: Task | None) -> str:
    if task is None:
        return "no row"
    words = [task.submission, str(task.status)]
    if task.token is not None:
        words.append(f"held by {task.token}{'' if lease_is_live(task) else ', lease over'}")
    words.append(f"attempts {task.attempts}")
    if task.cancel_requested:
        words.append("to be cancelled")
    if task.published_at is not None:
        words.append("published")
    if task.status.is_terminal:
        words.append(f"({task.notification}) {'marked as told' if task.notified_at else 'not marked'}")
    return " ".join(words)


def action(name: str) -> str:
    """Return an action without what tells twins and submissions apart."""
    who, _, what = name.partition(": ")
    return f"{'agent' if who in {'A', 'B'} else who}: {re.sub(' s[12]', ' a message', what)}"


def actions(taken: Counter[str]) -> Counter[str]:
    """Return how often each action was taken, by whichever twin."""
    counts: Counter[str] = Counter()
    for name, count in taken.items():
        counts[action(name)] += count
    return counts


def table(taken: Counter[str]) -> str:
    """Return each action with how often it was taken."""
    return "\n".join(f"{count:>12,}  {name}" for name, count in sorted(actions(taken).items()))


def line(name: str, found: Found, seconds: float) -> str:
    """Return one search in one line."""
    size = f"{found.states:>9,} states {found.transitions:>11,} transitions {seconds:6.1f} s of CPU"
    state = "" if found.complete else ", not complete"
    return f"{size}  {name}{state}{f': BROKEN: {found.broken}' if found.broken else ''}"
