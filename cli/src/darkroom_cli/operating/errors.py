"""Errors of the operators' commands; each is one of the command's own, with its exit code.

CliError
├── OperatingError            1   the operators' own
│   ├── AwsError              1   AWS refused, or was not reached
│   ├── PictureMissingError   1   `verify`: a request came back without its picture
│   ├── ProblemsFoundError    1   `doctor`: there is a problem
│   └── ModelRefusedError     1   `models`: a file is not what its name says, or would run code
└── BadRequestOptionError     2   options that mean nothing (`darkroom_cli.errors`)
"""

from darkroom_cli.errors import CliError


class OperatingError(CliError):
    """Base of the errors of this package."""


class AwsError(OperatingError):
    """AWS refused what was asked, or was not reached."""


class PictureMissingError(OperatingError):
    """Not every request came back with its pictures."""


class ProblemsFoundError(OperatingError):
    """Something is wrong with the deployment."""


class ModelRefusedError(OperatingError):
    """A model file is not uploaded as it is."""
