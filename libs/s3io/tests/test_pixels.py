import io
import struct
import warnings
import zlib

import pytest
from PIL import Image

from s3io.media import sniff
from s3io.pixels import BrokenImageError, count_pixels


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
def test_the_size_of_every_kind_of_picture_is_read(kind: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (70, 30)).save(out, kind)
    data = out.getvalue()
    assert count_pixels(data, sniff(data)) == 2100


def test_a_bomb_is_measured_without_a_warning_and_without_decoding() -> None:
    data = png_header(60_000, 60_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert count_pixels(data, sniff(data)) == 3_600_000_000


@pytest.mark.parametrize("data", [b"hello", b'{"a": 1}', b"fLaC\x00\x00\x00\x22", b""])
def test_other_files_have_no_pixels(data: bytes) -> None:
    assert count_pixels(data, sniff(data)) is None


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"II*\x00", png_header(10, 10)[:20]]
)
def test_a_header_that_cannot_be_read_is_an_error(data: bytes) -> None:
    with pytest.raises(BrokenImageError):
        count_pixels(data, sniff(data))
