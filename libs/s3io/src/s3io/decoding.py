"""Content encodings, undone within a limit.

httpx would decode a chunk whole: 64 KiB of gzip may be 64 MiB, and of other encodings any size.
"""

import zlib
from typing import Protocol

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"


class DecodingError(Exception):
    """The encoding is not supported, or the bytes are not what it says."""


class Decoder(Protocol):
    """Undoes an encoding piece by piece."""

    def feed(self, data: bytes, limit: int) -> bytes:
        """Return what the piece decodes to, at most one byte more than `limit`."""
        ...

    def finish(self) -> None:
        """Say that there is no more; raises DecodingError if the data ends too early."""
        ...


class Identity:
    """No encoding."""

    def feed(self, data: bytes, limit: int) -> bytes:
        """Return the piece."""
        return data[: limit + 1]

    def finish(self) -> None:
        """Nothing can be missing that HTTP itself does not miss."""


class Inflate:
    """gzip, with any number of members, and deflate."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)

    def feed(self, data: bytes, limit: int) -> bytes:
        """Return what the piece decodes to, at most one byte more than `limit`."""
        out = b""
        try:
            while data and len(out) <= limit:
                if self._stream.eof:
                    # Padding may follow the last member.
                    if not data.startswith(_GZIP_MAGIC):
                        return out
                    self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
                out += self._stream.decompress(data, limit + 1 - len(out))
                data = self._stream.unused_data
        except zlib.error as exc:
            raise DecodingError("is not the compressed data that it claims to be") from exc
        return out

    def finish(self) -> None:
        """Check that the last member is whole."""
        if not self._stream.eof:
            raise DecodingError("ends in the middle of its compressed data")


def decoder_of(content_encoding: str) -> Decoder:
    """Return what undoes an encoding, as the header `Content-Encoding` names it.

    Raises:
        DecodingError: it is not supported.
    """
    encoding = content_encoding.strip().lower()
    if encoding in {"", "identity"}:
        return Identity()
    if encoding in {"gzip", "x-gzip", "deflate"}:
        return Inflate()
    raise DecodingError("came in an encoding that was not asked for")
