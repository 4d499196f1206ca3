"""The environment that children get: named variables only, so that nobody's secrets or settings leak in."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

# A PEX file unpacks below PEX_ROOT or the user's cache; without them it would do so at each start.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PEX_ROOT", "XDG_CACHE_HOME", "SSL_CERT_FILE")
# Where a developer runs from source instead of from PEX files.
_KEPT_FOR_SOURCES = ("PYTHONPATH", "PYTHONPYCACHEPREFIX")


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the few variables that any program needs."""
    return {name: environ[name] for name in _KEPT if name in environ}


def clean_python(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the same for our own programs, which may run from source."""
    kept = {name: environ[name] for name in _KEPT_FOR_SOURCES if name in environ}
    return clean(environ) | kept | {"PYTHONUNBUFFERED": "1"}  # what is logged is in the log at once


def this_python(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for `sys.executable -m <module of ours>`.

    It must find what this process finds, however this process was started: from source, from a PEX file or
    in a test sandbox.
    """
    found = (str(Path(entry).absolute()) for entry in sys.path if entry)  # the child may work elsewhere
    return clean_python(environ) | {"PYTHONPATH": os.pathsep.join(found)}


def base_python() -> str:
    """Return the interpreter itself, also when this process runs in a virtual environment."""
    return getattr(sys, "_base_executable", None) or sys.executable
