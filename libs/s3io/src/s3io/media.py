"""What bytes are, by their bytes: extension and content type of outputs, and of fetched inputs."""

import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MediaType:
    """A kind of file; `extension` has no dot."""

    extension: str
    content_type: str


PNG = MediaType("png", "image/png")
JPEG = MediaType("jpg", "image/jpeg")
GIF = MediaType("gif", "image/gif")
WEBP = MediaType("webp", "image/webp")
BMP = MediaType("bmp", "image/bmp")
TIFF = MediaType("tiff", "image/tiff")
AVIF = MediaType("avif", "image/avif")
HEIC = MediaType("heic", "image/heic")
MP4 = MediaType("mp4", "video/mp4")
MOV = MediaType("mov", "video/quicktime")
WEBM = MediaType("webm", "video/webm")
MKV = MediaType("mkv", "video/x-matroska")
AVI = MediaType("avi", "video/x-msvideo")
WAV = MediaType("wav", "audio/wav")
FLAC = MediaType("flac", "audio/flac")
MP3 = MediaType("mp3", "audio/mpeg")
OGG = MediaType("ogg", "audio/ogg")
M4A = MediaType("m4a", "audio/mp4")
GLB = MediaType("glb", "model/gltf-binary")
JSON = MediaType("json", "application/json")
SAFETENSORS = MediaType("safetensors", "application/octet-stream")
LATENT = MediaType("latent", "application/octet-stream")  # ComfyUI's name for safetensors with one latent
UNKNOWN = MediaType("bin", "application/octet-stream")

MAX_JSON_BYTES = 16 * 1024 * 1024  # more is not parsed just to learn what it is

_MAX_BRANDS = 64
_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_EBML_HEAD = 128  # bytes that hold the document type of a Matroska file
_EBML_DOCTYPE = re.compile(rb"\x42\x82[\x80-\xff](webm|matroska)")


def sniff(data: bytes) -> MediaType:
    """Return what kind of file the bytes are, `UNKNOWN` (bin, application/octet-stream) if not known."""
    for signature, media in _SIGNATURES:
        if data.startswith(signature):
            return media
    for recognise in _RECOGNISERS:
        if (found := recognise(data)) is not None:
            return found
    return UNKNOWN


_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", PNG),  # animated ones are PNG, too
    (b"\xff\xd8\xff", JPEG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),  # BigTIFF
    (b"MM\x00+", TIFF),
    (b"fLaC", FLAC),
    (b"OggS", OGG),
    (b"ID3", MP3),
    (b"glTF", GLB),
)


def _riff(data: bytes) -> MediaType | None:
    if data[:4] != b"RIFF":
        return None
    return {b"WEBP": WEBP, b"WAVE": WAV, b"AVI ": AVI}.get(data[8:12])


def _iso_media(data: bytes) -> MediaType | None:
    if data[4:8] != b"ftyp":
        return None
    size = min(int.from_bytes(data[:4]), len(data), 16 + 4 * _MAX_BRANDS)
    major = data[8:12]
    brands = {major, *(data[start : start + 4] for start in range(16, size - 3, 4))}
    # The major brand of a still picture may be the general mif1, so the compatible brands decide.
    if brands & _AVIF_BRANDS:
        return AVIF
    if brands & _HEIC_BRANDS or major in {b"mif1", b"msf1"}:
        return HEIC
    return {b"qt  ": MOV, b"M4A ": M4A, b"M4B ": M4A}.get(major, MP4)


def _matroska(data: bytes) -> MediaType | None:
    if data[:4] != b"\x1a\x45\xdf\xa3":
        return None
    doctype = _EBML_DOCTYPE.search(data[:_EBML_HEAD])
    return WEBM if doctype is not None and doctype[1] == b"webm" else MKV


def _bmp(data: bytes) -> MediaType | None:
    # Two letters are no proof: texts start with BM, too.
    if data[:2] != b"BM" or len(data) < 18:
        return None
    return BMP if int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES else None


def _safetensors(data: bytes) -> MediaType | None:
    if data[8:9] != b"{":
        return None
    (length,) = struct.unpack_from("<Q", data)
    if length > min(len(data) - 8, MAX_JSON_BYTES):
        return None
    header = _parsed(data[8 : 8 + length])
    if not isinstance(header, dict):
        return None
    return LATENT if "latent_tensor" in header else SAFETENSORS


def _mpeg_audio(data: bytes) -> MediaType | None:
    """Recognise a frame of layer III without an ID3 tag before it."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE6 != 0xE2:
        return None
    version, bitrate, rate = data[1] >> 3 & 3, data[2] >> 4, data[2] >> 2 & 3
    return None if version == 1 or bitrate in {0, 15} or rate == 3 else MP3


def _json(data: bytes) -> MediaType | None:
    if data[:64].lstrip(b" \t\r\n")[:1] not in {b"{", b"["} or len(data) > MAX_JSON_BYTES:
        return None
    return JSON if _parsed(data) is not None else None


def _parsed(data: bytes) -> object:
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


_RECOGNISERS: tuple[Callable[[bytes], MediaType | None], ...] = (
    _riff,
    _iso_media,
    _matroska,
    _bmp,
    _safetensors,
    _mpeg_audio,
    _json,
)
