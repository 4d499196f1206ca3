"""Errors of deploying and destroying.

DeployingError              1   (a CliError)
├── WrongOptionsError       2   options that cannot be; nothing was looked at
├── PreconditionsError      10+ what has to be there first is not; nothing was made (see `findings.Code`)
├── StepError               1   a step failed; those before it stay, and the same command goes on
└── DeclinedError           1   the user was asked and said no, or nobody could be asked
"""

from collections.abc import Sequence

from darkroom_cli.deploying.findings import Finding
from darkroom_cli.errors import FAILED, USAGE, CliError


class DeployingError(CliError):
    """Base of the errors of this package."""

    exit_code = FAILED


class WrongOptionsError(DeployingError):
    """Options are wrong; all that are wrong are told."""

    exit_code = USAGE

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(problems[0] if len(problems) == 1 else _list("wrong options:", problems))
        self.problems = tuple(problems)


class PreconditionsError(DeployingError):
    """Something has to be done first. The exit code is the first finding's; all of them are told."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        told = [f"[{one.code.value}] {one.text}" for one in findings]
        super().__init__(_list("not possible yet, and nothing was made:", told))
        self.findings = tuple(findings)
        self.exit_code = int(findings[0].code)


class StepError(DeployingError):
    """A step did not succeed."""


class DeclinedError(DeployingError):
    """It was not confirmed."""


def _list(heading: str, lines: Sequence[str]) -> str:
    return "\n".join([heading, *(f"  - {line}" for line in lines)])
