import io

from PIL import Image

from s3io.media import AVIF, BMP, GIF, JPEG, PNG, TIFF, WEBP, MediaType

_FORMATS = {PNG: "PNG", JPEG: "JPEG", GIF: "GIF", WEBP: "WEBP", BMP: "BMP", TIFF: "TIFF", AVIF: "AVIF"}


class BrokenImageError(Exception):
    """The bytes start like an image, but their header cannot be read."""


def count_pixels(data: bytes, media: MediaType) -> int | None:
    """Return width times height as the header of an image says, without decoding it; none for other files.

    Of an animation it is the size of one picture.

    Raises:
        BrokenImageError: the header cannot be read.
    """
    if media not in _FORMATS:
        return None
    Image.init()
    registered = Image.OPEN.get(_FORMATS[media])
    if registered is None:
        return None
    # Not Image.open: it warns of large images or raises, by a limit that is global, and the filters of
    # warnings are global, too, while this runs beside other threads.
    read_header = registered[0]
    try:
        with read_header(io.BytesIO(data), b"") as image:
            return image.width * image.height
    except Exception as exc:
        # Whatever the parser stumbles over in bytes of a stranger: there is no common base.
        raise BrokenImageError from exc
