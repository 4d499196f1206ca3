"""What `doctor` tells: findings, each with a code that the troubleshooting page explains."""

from dataclasses import dataclass
from enum import StrEnum

PAGE = "docs/operate/troubleshooting.md"


class Severity(StrEnum):
    """How bad it is: a problem keeps tasks from moving, a note does not."""

    PROBLEM = "problem"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        code: names it, here and as a heading of the page.
        where: what it is about: a runtime, a queue, a pod.
        what: what was seen, with what others said about it.
        do: what to do.
    """

    code: str
    severity: Severity
    where: str
    what: str
    do: str

    @property
    def page(self) -> str:
        """Where more about it is written."""
        return f"{PAGE}#{self.code}"


def problem(code: str, where: str, what: str, do: str) -> Finding:
    """Return a finding that keeps tasks from moving."""
    return Finding(code, Severity.PROBLEM, where, what, do)


def note(code: str, where: str, what: str, do: str) -> Finding:
    """Return a finding that is good to know."""
    return Finding(code, Severity.NOTE, where, what, do)
