"""Pictures as bytes: encoding with the metadata that the real runtimes write, and decoding."""

import io
from collections.abc import Mapping

from PIL import ExifTags, Image, PngImagePlugin, UnidentifiedImageError

from local.sketch.errors import BadImageError

DISCLOSURE_KEY = "darkroom"
DISCLOSURE = "sketch: painted from prompt and seed, no model involved"
JPEG_QUALITY = 90
# Speed over size: a sketch is thrown away after a look, and zlib's best levels cost more than painting.
PNG_LEVEL = 3


def png(image: Image.Image, texts: Mapping[str, str]) -> bytes:
    """PNG with the given text chunks and the disclosure that no model was involved."""
    info = PngImagePlugin.PngInfo()
    for key, text in {**texts, DISCLOSURE_KEY: DISCLOSURE}.items():
        info.add_text(key, text)
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=info, compress_level=PNG_LEVEL)
    return out.getvalue()


def encode(image: Image.Image, extension: str, parameters: str) -> bytes:
    """The picture as SD Web UI sends it: `parameters` as PNG text chunk, or as EXIF comment of JPEG and WEBP.

    Args:
        image: the picture.
        extension: the option `samples_format`; what is not png, jpg, jpeg or webp becomes PNG.
        parameters: the generation parameters as one text.
    """
    if extension.lower() not in {"jpg", "jpeg", "webp"}:
        return png(image, {"parameters": parameters} if parameters else {})
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = f"{DISCLOSURE_KEY}: {DISCLOSURE}"
    comment = b"UNICODE\x00" + parameters.encode("utf-16-be")
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    out = io.BytesIO()
    kind = "WEBP" if extension.lower() == "webp" else "JPEG"
    image.convert("RGB").save(out, kind, quality=JPEG_QUALITY, exif=exif)
    return out.getvalue()


def decode(data: bytes) -> Image.Image:
    """The picture in these bytes; raises BadImageError."""
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise BadImageError(str(error)) from error
    return image


def animated_webp(images: list[Image.Image], *, fps: float, lossless: bool, quality: int) -> bytes:
    """An animation of the given pictures."""
    out = io.BytesIO()
    images[0].save(
        out,
        "WEBP",
        save_all=True,
        append_images=images[1:],
        duration=round(1000 / fps),
        loop=0,
        lossless=lossless,
        quality=quality,
    )
    return out.getvalue()


def animated_png(images: list[Image.Image], *, fps: float) -> bytes:
    """An APNG of the given pictures."""
    out = io.BytesIO()
    images[0].save(out, "PNG", save_all=True, append_images=images[1:], duration=round(1000 / fps))
    return out.getvalue()
