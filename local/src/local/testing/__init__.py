"""Small, quick stand-ins for what the local system runs: tests of the system do not test its parts."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from local.artifacts import (
    AGENT_ENV,
    INFRA_ENV,
    MINISTACK_ENV,
    NOTIFIER_ZIP_ENV,
    SKETCH_ENV,
    STATUS_ZIP_ENV,
    VALIDATOR_ZIP_ENV,
)
from local.environment import this_python


def standins(ministack: Sequence[str]) -> dict[str, str]:
    """Return an environment in which the local system runs stand-ins, and the emulator of that command."""
    return this_python(os.environ) | {
        MINISTACK_ENV: shlex.join(ministack),
        INFRA_ENV: _module("infra"),
        SKETCH_ENV: _module("runtime"),
        AGENT_ENV: _module("agent"),
        VALIDATOR_ZIP_ENV: str(Path(__file__).with_name("function.py")),
        NOTIFIER_ZIP_ENV: str(Path(__file__).with_name("function.py")),
        STATUS_ZIP_ENV: str(Path(__file__).with_name("function.py")),
    }


def _module(name: str) -> str:
    return shlex.join([sys.executable, "-m", f"local.testing.{name}"])
