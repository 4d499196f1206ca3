"""What can keep a deployment from being synthesised; each is told to the user without a stack trace.

InfraError
 +- ConfigError             config.yaml cannot be used
 +- ArtifactMissingError    a Lambda's zip was not built
 +- NodeMissingError        the CDK library runs on Node.js
 +- StacksUnknownError      DARKROOM_STACKS names no known choice
 +- EnvironmentTooBigError  a Lambda's environment would pass what Lambda takes
 +- SynthesisError          the CDK or cdk-nag refused the stacks
"""

from collections.abc import Sequence
from pathlib import Path


class InfraError(Exception):
    """Base of what this package raises; the message is made for users."""


class ConfigError(InfraError):
    """A configuration that cannot be used, with every problem found in it."""

    def __init__(self, *, path: Path, problems: Sequence[str]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__("\n".join([f"{path} cannot be used:", *(f"  {problem}" for problem in problems)]))


class ArtifactMissingError(InfraError):
    """A Lambda's zip is not where it is looked for."""


class NodeMissingError(InfraError):
    """There is no Node.js to run the CDK library with."""


class StacksUnknownError(InfraError):
    """The environment asks for stacks that there are not."""


class EnvironmentTooBigError(InfraError):
    """The environment of a Lambda function would be larger than Lambda takes."""


class SynthesisError(InfraError):
    """The CDK, or a rule of cdk-nag, refused what the app describes."""
