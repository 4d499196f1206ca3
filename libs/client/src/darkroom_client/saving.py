"""Files that are there as a whole or not at all."""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write to, which gets its name when all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".darkroom-{secrets.token_hex(8)}")
    try:
        # It has the rights of any new file. Who asks for the umask changes it, and for other threads too.
        with draft.open("xb") as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)  # there is none any more where all went well
