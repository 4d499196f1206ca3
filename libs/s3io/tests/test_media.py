import io
import json
import struct
import wave
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from s3io.media import UNKNOWN, sniff


def picture(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (5, 4), "red").save(out, kind, **options)
    return out.getvalue()


def animation(kind: str) -> bytes:
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "green")]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:])
    return out.getvalue()


def sound() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\x00\x00" * 10)
    return out.getvalue()


def iso(major: bytes, *compatible: bytes) -> bytes:
    body = major + b"\x00\x00\x02\x00" + b"".join(compatible)
    return struct.pack(">I", 8 + len(body)) + b"ftyp" + body + b"\x00\x00\x00\x08free"


def ebml(doctype: bytes) -> bytes:
    element = b"\x42\x82" + bytes([0x80 | len(doctype)]) + doctype
    version = b"\x42\x86\x81\x01"
    return (
        b"\x1a\x45\xdf\xa3" + bytes([0x80 | len(version + element)]) + version + element + b"\x18\x53\x80\x67"
    )


def safetensors(*names: str) -> bytes:
    header = {name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for name in names}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"\x00" * 4


@pytest.mark.parametrize(
    ("data", "extension", "content_type"),
    [
        (picture("PNG"), "png", "image/png"),
        (animation("PNG"), "png", "image/png"),
        (picture("JPEG"), "jpg", "image/jpeg"),
        (picture("GIF"), "gif", "image/gif"),
        (animation("GIF"), "gif", "image/gif"),
        (b"GIF87a" + b"\x00" * 20, "gif", "image/gif"),
        (picture("WEBP"), "webp", "image/webp"),
        (animation("WEBP"), "webp", "image/webp"),
        (picture("BMP"), "bmp", "image/bmp"),
        (picture("TIFF"), "tiff", "image/tiff"),
        (b"MM\x00*\x00\x00\x00\x08", "tiff", "image/tiff"),
        (picture("AVIF"), "avif", "image/avif"),
        (iso(b"mif1", b"mif1", b"avif", b"miaf"), "avif", "image/avif"),
        (iso(b"heic", b"mif1", b"heic"), "heic", "image/heic"),
        (iso(b"mif1", b"mif1", b"heic"), "heic", "image/heic"),
        (iso(b"isom", b"isom", b"iso2", b"avc1", b"mp41"), "mp4", "video/mp4"),
        (iso(b"mp42"), "mp4", "video/mp4"),
        (iso(b"M4V "), "mp4", "video/mp4"),
        (iso(b"qt  ", b"qt  "), "mov", "video/quicktime"),
        (iso(b"M4A "), "m4a", "audio/mp4"),
        (ebml(b"webm"), "webm", "video/webm"),
        (ebml(b"matroska"), "mkv", "video/x-matroska"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "avi", "video/x-msvideo"),
        (sound(), "wav", "audio/wav"),
        (b"fLaC\x00\x00\x00\x22", "flac", "audio/flac"),
        (b"ID3\x04\x00\x00", "mp3", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "mp3", "audio/mpeg"),
        (b"\xff\xf3\x40\xc4", "mp3", "audio/mpeg"),
        (b"OggS\x00\x02", "ogg", "audio/ogg"),
        (b"glTF\x02\x00\x00\x00", "glb", "model/gltf-binary"),
        (b'{"a": [1, 2]}', "json", "application/json"),
        (b" \n[]", "json", "application/json"),
        (safetensors("weight"), "safetensors", "application/octet-stream"),
        (safetensors("latent_tensor", "latent_format_version_0"), "latent", "application/octet-stream"),
    ],
)
def test_a_file_is_known_by_its_bytes(data: bytes, extension: str, content_type: str) -> None:
    media = sniff(data)
    assert (media.extension, media.content_type) == (extension, content_type)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"hello",
        b"BM: a text about bitmaps, not one of them",
        b"RIFF\x00\x00\x00\x00ACON",
        b"[not json",
        b"{",
        b"[" * 200_000,
        b"\xff\xff\xff\xff",
        b"\xff\xfe<\x00h\x00",  # UTF-16
        b"\xff\xfb\x00\x00",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"PK\x03\x04",
        struct.pack("<Q", 10**9) + b'{"a": 1}',
        struct.pack("<Q", 3) + b"{a}",
        struct.pack("<Q", 2) + b"[]",
        b"\x00\x00\x00\x08fty",
    ],
)
def test_what_is_not_known_is_bytes(data: bytes) -> None:
    assert sniff(data) == UNKNOWN
    assert (UNKNOWN.extension, UNKNOWN.content_type) == ("bin", "application/octet-stream")


@pytest.mark.parametrize("make", [lambda: picture("PNG"), sound, lambda: iso(b"qt  "), lambda: ebml(b"webm")])
def test_a_broken_file_is_still_sniffed_without_an_error(make: Callable[[], bytes]) -> None:
    whole = make()
    kinds = {sniff(whole[:length]) for length in range(len(whole) + 1)}
    assert kinds >= {UNKNOWN, sniff(whole)}


_STARTS = st.sampled_from(
    [b"", b"RIFF", b"\x00\x00\x00\x18ftyp", b"\x1a\x45\xdf\xa3", b"BM", b"\xff\xfb", b"{"]
)


@settings(deadline=None)
@given(start=_STARTS, rest=st.binary(max_size=200))
def test_any_bytes_are_of_some_kind(start: bytes, rest: bytes) -> None:
    assert sniff(start + rest).extension.isalnum()
