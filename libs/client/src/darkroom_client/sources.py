"""What is uploaded: its size is known before it is read, and it can be read again for another try."""

import io
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from darkroom_client.errors import BadArgumentError

_NOT_BYTES = "give a path, bytes, or a file that is open for reading bytes"

type Uploadable = Path | str | bytes | bytearray | memoryview | BinaryIO


@dataclass(frozen=True)
class Source:
    """Bytes that may still lie on disk; `content_type` is what their name says of them, if it does."""

    size: int
    read_all: Callable[[], bytes] = field(repr=False)
    content_type: str | None = None

    @classmethod
    def of(cls, given: Uploadable) -> "Source":
        """Look at a path, at bytes, or at an open file (from where it stands to its end).

        Raises:
            BadArgumentError: it cannot be read, or has nothing in it.
        """
        if isinstance(given, bytes | bytearray | memoryview):
            data = bytes(given)
            source = cls(len(data), lambda: data)
        elif isinstance(given, str | Path):
            source = _of_path(Path(given))
        else:
            source = _of_file(given)
        if source.size < 1:
            raise BadArgumentError("there is nothing to upload: it is empty")
        return source

    def read(self) -> bytes:
        """Return all of it.

        Raises:
            BadArgumentError: it has changed since it was looked at, or cannot be read any more.
        """
        try:
            data = self.read_all()
        except OSError as exc:
            raise BadArgumentError(f"what is to be uploaded cannot be read: {exc.strerror}") from exc
        if len(data) != self.size:
            raise BadArgumentError(f"what is to be uploaded changed meanwhile: {self.size} bytes were there")
        return data


def _of_path(path: Path) -> Source:
    try:
        if not path.is_file():
            raise BadArgumentError(f"{path} is not a file")
        size = path.stat().st_size
    except OSError as exc:
        raise BadArgumentError(f"{path} cannot be read: {exc.strerror}") from exc
    return Source(size, path.read_bytes, mimetypes.guess_type(path.name)[0])


def _of_file(file: BinaryIO) -> Source:
    try:
        if not isinstance(file.read(0), bytes):
            raise BadArgumentError(_NOT_BYTES)
        if not file.seekable():
            data = file.read()
            return Source(len(data), lambda: data)
        start = file.tell()
        size = file.seek(0, io.SEEK_END) - start
        file.seek(start)
    except (OSError, AttributeError, TypeError) as exc:
        raise BadArgumentError(_NOT_BYTES) from exc

    def read_all() -> bytes:
        file.seek(start)
        return file.read()

    return Source(size, read_all)
