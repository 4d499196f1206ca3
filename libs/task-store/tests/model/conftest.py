"""Makes the checker importable where no build tool does: it is a package beside task_store, no part of it."""

import sys
from pathlib import Path

_SOURCES = str(Path(__file__).parent / "src")
if _SOURCES not in sys.path:
    sys.path.insert(0, _SOURCES)
