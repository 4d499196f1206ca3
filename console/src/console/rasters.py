"""What may be shown: pictures of four kinds, told by their own bytes, that no browser or server chokes on."""

from dataclasses import dataclass

from s3io.media import GIF, JPEG, PNG, WEBP, sniff
from s3io.pixels import BrokenImageError, count_pixels

MAX_PIXELS = 64_000_000  # of a picture, or of one picture of an animation
_SHOWN = {PNG: "PNG", JPEG: "JPEG", WEBP: "WEBP", GIF: "GIF"}


class UnshowableError(Exception):
    """These bytes are not shown as a picture; the message says why."""


@dataclass(frozen=True, slots=True)
class Raster:
    """A picture as its header has it; `format` is Pillow's name for its kind."""

    format: str
    content_type: str
    pixels: int


def raster_of(data: bytes) -> Raster:
    """Look at the header of a picture, without decoding it. The start of its bytes may do.

    Raises:
        BrokenImageError: it starts like a picture, but its header cannot be read, or not yet.
        UnshowableError: it is none that is shown.
    """
    media = sniff(data)
    pixels = count_pixels(data, media) if media in _SHOWN else None
    if pixels is None:
        raise UnshowableError("it is no PNG, JPEG, WEBP or GIF: it can only be saved")
    if pixels > MAX_PIXELS:
        raise UnshowableError(
            f"the picture has {pixels / 1e6:.0f} million pixels, and up to {MAX_PIXELS // 1_000_000} million"
            " are shown: it can only be saved"
        )
    return Raster(_SHOWN[media], media.content_type, pixels)


def whole_raster_of(data: bytes) -> Raster:
    """Look at the header of a picture that is there whole.

    Raises:
        UnshowableError: it is none that is shown.
    """
    try:
        return raster_of(data)
    except BrokenImageError as exc:
        raise UnshowableError("the picture is broken: it can only be saved") from exc
